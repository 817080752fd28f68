"""The HTTP server of a process that is watched: ``/health``, ``/livez``, ``/readyz``, ``/metrics``. Read-only."""

from abc import ABC, abstractmethod

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest


class ProbeServer(ABC):
    """Listens, and answers what is the same everywhere.

    Args:
        registry: what ``/metrics`` shows.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
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

    @abstractmethod
    async def _health(self, _request: web.Request) -> web.Response:
        """How it is, and why."""

    @abstractmethod
    async def _readyz(self, _request: web.Request) -> web.Response:
        """Whether it does its work; 503 where it does not."""

    async def _livez(self, _request: web.Request) -> web.Response:
        """That the event loop answers is all there is to it: a missing database is no reason to be killed."""
        return web.json_response({"status": "ok"})

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
