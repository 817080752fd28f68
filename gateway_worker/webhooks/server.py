"""Health and metrics of webhooks over HTTP. Read-only; it names targets, and neither their URLs nor any event."""

from collections.abc import Callable, Sequence

from aiohttp import web
from prometheus_client import CollectorRegistry

from gateway_worker import __version__
from gateway_worker.operations.probe_server import ProbeServer
from gateway_worker.webhooks.metrics import State


class StatusServer(ProbeServer):
    """Serves ``/health``, ``/livez``, ``/readyz`` and ``/metrics``.

    Args:
        targets: whose state is shown.
        trouble: why RabbitMQ is away; None where it is not.
        registry: what ``/metrics`` shows.
    """

    def __init__(
        self, targets: Sequence[State], trouble: Callable[[], str | None], registry: CollectorRegistry
    ) -> None:
        super().__init__(registry)
        self._targets = targets
        self._trouble = trouble

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

    async def _readyz(self, _request: web.Request) -> web.Response:
        is_ready = self._trouble() is None
        return web.json_response({"status": "ok" if is_ready else "down"}, status=200 if is_ready else 503)


def _shown(target: State) -> dict[str, object]:
    return {
        "status": "gone" if target.is_gone else "away" if target.is_away else "ok",
        "inHand": target.in_hand,
        "parkedSessions": target.parked,
        "lateSeconds": round(target.late_seconds, 1),
    }
