"""The thin HTTP server: ``/health``, ``/livez``, ``/readyz``, ``/metrics``. Read-only, no session data."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from gateway_worker.operations.health import Finding, Health, HealthChecks
from gateway_worker.operations.resources import ResourceMeter, Resources

_SERVING = {Health.OK, Health.DEGRADED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who answers."""

    worker_id: str
    version: str


class HealthServer:
    """Serves the probes.

    Args:
        identity: worker id and version.
        checks: the dependencies.
        sessions_by_state: state → number of sessions held here.
        registry: what ``/metrics`` shows.
    """

    def __init__(
        self,
        *,
        identity: Identity,
        checks: HealthChecks,
        sessions_by_state: Callable[[], Mapping[str, int]],
        registry: CollectorRegistry,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._identity = identity
        self._checks = checks
        self._sessions_by_state = sessions_by_state
        self._registry = registry
        self._monotonic = monotonic
        self._started_at = monotonic()
        self._meter = ResourceMeter()
        self._runner: web.AppRunner | None = None
        self.ready = False  # `app` says so when everything has started

    async def start(self, host: str, port: int) -> int:
        """Listen; port 0 takes a free one. Returns the port."""
        app = web.Application(client_max_size=1024)
        app.router.add_get("/health", self._health)
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _health(self, _request: web.Request) -> web.Response:
        health, findings = await self._checks.health()
        body = {
            "status": health,
            "workerId": self._identity.worker_id,
            "version": self._identity.version,
            "uptimeSeconds": round(self._monotonic() - self._started_at, 1),
            "sessions": dict(self._sessions_by_state()),
            "checks": {name: _check_json(finding) for name, finding in findings.items()},
            "resources": _resources_json(self._meter.read()),
        }
        return web.json_response(body, status=200 if health in _SERVING else 503)

    async def _livez(self, _request: web.Request) -> web.Response:
        """That the event loop answers is all there is to it: a missing database is no reason to be killed."""
        return web.json_response({"status": "ok"})

    async def _readyz(self, _request: web.Request) -> web.Response:
        health, _ = await self._checks.health()
        ready = self.ready and health in _SERVING
        return web.json_response({"status": health if self.ready else "starting"}, status=200 if ready else 503)

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _check_json(finding: Finding) -> dict[str, object]:
    shown: dict[str, object] = {
        "status": "ok" if finding.ok else "down",
        "required": finding.required,
        "latencyMs": finding.latency_ms,
    }
    return shown if finding.error is None else shown | {"error": finding.error}


def _resources_json(resources: Resources) -> dict[str, object]:
    return {
        "cpu": {"percent": resources.cpu_percent},
        "memory": {"bytes": resources.memory_bytes, "percent": resources.memory_percent},
        "disk": {"freeBytes": resources.disk_free_bytes, "percent": resources.disk_percent},
    }
