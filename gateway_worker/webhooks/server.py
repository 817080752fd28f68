"""Health and metrics of webhooks over HTTP. Read-only; it names targets, and neither their URLs nor any event."""

from collections.abc import Callable, Sequence

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from gateway_worker import __version__
from gateway_worker.webhooks.metrics import State


class StatusServer:
    """Serves ``/health``, ``/livez``, ``/readyz`` and ``/metrics``.

    Args:
        targets: whose state is shown.
        trouble: why RabbitMQ is away; None where it is not.
        registry: what ``/metrics`` shows.
    """

    def __init__(
        self, targets: Sequence[State], trouble: Callable[[], str | None], registry: CollectorRegistry
    ) -> None:
        self._targets = targets
        self._trouble = trouble
        self._registry = registry
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; port 0 takes a free one. Returns the port. Raises OSError: it is taken."""
        app = web.Application(client_max_size=1024)
        app.router.add_get("/health", self._health)
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _health(self, _request: web.Request) -> web.Response:
        """A target that is away is its owner's business: `degraded`. Without RabbitMQ nothing is told: `down`."""
        trouble = self._trouble()
        is_well = not any(target.is_away or target.is_gone for target in self._targets)
        status = "down" if trouble is not None else "ok" if is_well else "degraded"
        body = {
            "status": status,
            "version": __version__,
            "checks": {"rabbitmq": {"status": "ok"} if trouble is None else {"status": "down", "error": trouble}},
            "targets": {target.name: _shown(target) for target in self._targets},
        }
        return web.json_response(body, status=503 if status == "down" else 200)

    async def _livez(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _readyz(self, _request: web.Request) -> web.Response:
        is_ready = self._trouble() is None
        return web.json_response({"status": "ok" if is_ready else "down"}, status=200 if is_ready else 503)

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _shown(target: State) -> dict[str, object]:
    return {
        "status": "gone" if target.is_gone else "away" if target.is_away else "ok",
        "inHand": target.in_hand,
        "parkedSessions": target.parked,
        "lateSeconds": round(target.late_seconds, 1),
    }
