"""The thin HTTP server: ``/health``, ``/livez``, ``/readyz``, ``/metrics``. Read-only, no session data."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CollectorRegistry

from gateway_worker.operations.health import Finding, Health, HealthChecks
from gateway_worker.operations.probe_server import ProbeServer
from gateway_worker.operations.resources import ResourceMeter, Resources

_SERVING = {Health.OK, Health.DEGRADED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who answers."""

    worker_id: str
    version: str


class HealthServer(ProbeServer):
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
        super().__init__(registry)
        self._identity = identity
        self._checks = checks
        self._sessions_by_state = sessions_by_state
        self._monotonic = monotonic
        self._started_at = monotonic()
        self._meter = ResourceMeter()
        self.ready = False  # `app` says so when everything has started

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

    async def _readyz(self, _request: web.Request) -> web.Response:
        health, _ = await self._checks.health()
        ready = self.ready and health in _SERVING
        return web.json_response({"status": health if self.ready else "starting"}, status=200 if ready else 503)


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
