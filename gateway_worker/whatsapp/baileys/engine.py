"""The engine: a few bridges, each with many sessions."""

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

import structlog

from gateway_worker.whatsapp.baileys.channel.calls import Settings
from gateway_worker.whatsapp.baileys.lease import Lease, NobodyElse
from gateway_worker.whatsapp.baileys.process.configuration import Configuration, Version
from gateway_worker.whatsapp.baileys.process.process import check_installed
from gateway_worker.whatsapp.baileys.process.supervision import Bridge, BridgeReport
from gateway_worker.whatsapp.baileys.process.trust import MediaTrust
from gateway_worker.whatsapp.baileys.process.versions import newest_version
from gateway_worker.whatsapp.downloads import Downloads
from gateway_worker.whatsapp.errors import EngineError, NotConnected
from gateway_worker.whatsapp.port import Connection, OpenRequest, Owner
from schemas.names import SessionId

_REFRESH_EVERY: Final = 24 * 3600.0
_READY_TIMEOUT: Final = 30.0
_log = structlog.get_logger(__name__)


class BaileysEngine:
    """Implements `port.Engine` with supervised bridge processes. A service: `run` keeps them alive, `stop` ends it.

    Sessions go to the bridge that holds the fewest. One that dies takes only its own down: their owners are told
    `Disconnected(BRIDGE_DIED)` and may open them again at once, elsewhere or in its successor.

    Args:
        spool: where the files lie that are sent: the only ones that a bridge gets at.
    """

    def __init__(
        self,
        *,
        bridges: int,
        configuration: Configuration | None = None,
        lease: Lease | None = None,
        spool: Path | None = None,
    ) -> None:
        self._configuration = configuration or Configuration()
        self.media_trust = MediaTrust(self._configuration.url, self._configuration.root_key)
        self.downloads = Downloads(self.media_trust)
        self._newest: Version | None = None
        self._tasks = asyncio.TaskGroup()
        self._some_ready = asyncio.Event()
        self._is_current = asyncio.Event()
        self._bridges = [
            Bridge(
                name=f"bridge-{number}",
                configure=self._configure,
                lease=lease or NobodyElse(),
                spool=spool,
                downloads=self.downloads,
                spawn=self._spawn,
                on_ready=self._some_ready.set,
            )
            for number in range(1, bridges + 1)
        ]
        self._open: set[SessionId] = set()
        self._stopping = asyncio.Event()
        self._running: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Keep the bridges running until `stop`.

        Raises:
            BridgeMissing: they are not installed.
        """
        check_installed()
        async with self._tasks:
            self._running = [self._spawn(bridge.run()) for bridge in self._bridges]
            self._running.append(self._spawn(self._keep_current()))
            await self._stopping.wait()
            for task in self._running:
                task.cancel()

    async def stop(self) -> None:
        """End all bridges; connections that are still open are told `BRIDGE_DIED`."""
        self._stopping.set()
        self._some_ready.set()
        self._is_current.set()

    def fence(self) -> None:
        """The lease ran out: close all sockets this moment. The bridges come back when it runs again."""
        for bridge in self._bridges:
            bridge.fence()

    async def ready(self) -> None:
        """Wait until one bridge can take sessions.

        Raises:
            EngineError: none could be started in 30 s.
        """
        try:
            async with asyncio.timeout(_READY_TIMEOUT):
                await self._is_current.wait()
                while not any(bridge.is_ready for bridge in self._bridges):
                    if self._stopping.is_set():
                        raise NotConnected("the engine has stopped")
                    self._some_ready.clear()
                    await self._some_ready.wait()
        except TimeoutError as error:
            raise NotConnected("no bridge is running") from error

    async def open(self, request: OpenRequest, owner: Owner) -> Connection:
        """Open a socket for a session; facts follow through `owner.notify`."""
        if request.session_id in self._open:
            raise EngineError("the session is open already")
        self._open.add(request.session_id)
        try:
            await self.ready()
            if await self.media_trust.refresh():
                await self._reconfigure()
            bridge = min((b for b in self._bridges if b.is_ready), key=lambda b: b.sessions)
            return await bridge.open(request, owner, lambda: self._open.discard(request.session_id))
        except BaseException:
            self._open.discard(request.session_id)
            raise

    def describe(self) -> Sequence[BridgeReport]:
        """Each bridge's state, for metrics and health. Costs nothing."""
        return [bridge.report() for bridge in self._bridges]

    def _configure(self) -> Settings:
        return self._configuration.to_bridge(self._newest, self.media_trust.certificate)

    async def _reconfigure(self) -> None:
        for bridge in self._bridges:
            await bridge.reconfigure()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        try:
            return self._tasks.create_task(work)
        except RuntimeError:  # the group is being cancelled
            work.close()
            raise

    async def _keep_current(self) -> None:
        """WhatsApp Web's version changes every few days, and old ones are refused after some weeks."""
        while self._configuration.version is None and self._configuration.url is None:
            newest = await newest_version()
            if newest is not None and newest != self._newest:
                self._newest = newest
                await self._reconfigure()
            self._is_current.set()
            await asyncio.sleep(_REFRESH_EVERY)
        self._is_current.set()
