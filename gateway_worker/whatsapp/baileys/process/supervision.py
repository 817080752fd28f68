"""One bridge, kept running: started, watched, and started again when it dies."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from gateway_worker.timing.pauses import Pauses
from gateway_worker.whatsapp.baileys.channel.calls import CONFIGURE, DESCRIBE, OPEN, Health, OpenArguments, Settings
from gateway_worker.whatsapp.baileys.channel.channel import Channel, Request
from gateway_worker.whatsapp.baileys.channel.errors import CallFailed, ChannelLost
from gateway_worker.whatsapp.baileys.codec.codec import error_of
from gateway_worker.whatsapp.baileys.connection import BaileysConnection, Spawn
from gateway_worker.whatsapp.baileys.lease import Lease
from gateway_worker.whatsapp.baileys.phone_files import PhoneFiles
from gateway_worker.whatsapp.baileys.process.process import BridgeProcess
from gateway_worker.whatsapp.downloads import Downloads
from gateway_worker.whatsapp.errors import EngineError, NotConnected
from gateway_worker.whatsapp.port import OpenRequest, Owner

_START_TIMEOUT: Final = 30.0
_HEALTH_EVERY: Final = 2.0
_HEALTH_TIMEOUT: Final = 30.0
_PAUSES: Final = Pauses(first=0.1, longest=10.0)
_STEADY_AFTER: Final = 60.0
_MS: Final = 1000
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeReport:
    """A bridge as metrics show it; measured by itself at most 2 s ago. Bytes, seconds."""

    name: str
    up: bool
    pid: int | None
    sessions: int
    resident_bytes: int
    cpu_seconds: float
    restarts: int
    loop_lag_seconds: float


class Bridge:
    """A supervised bridge process and its connections."""

    def __init__(
        self,
        *,
        name: str,
        configure: Callable[[], Settings],
        lease: Lease,
        downloads: Downloads,
        spool: Path | None,
        spawn: Spawn,
        on_ready: Callable[[], None],
    ) -> None:
        self.name = name
        self._on_ready = on_ready
        self._configure = configure
        self._lease = lease
        self._downloads = downloads
        self._spool = spool
        self._spawn = spawn
        self._connections: dict[int, BaileysConnection] = {}
        self._numbers = 0
        self._channel: Channel | None = None
        self._process: BridgeProcess | None = None
        self._health: Health | None = None
        self._starts = 0
        self.is_ready = False

    @property
    def sessions(self) -> int:
        """How many connections it holds."""
        return len(self._connections)

    def report(self) -> BridgeReport:
        """How it is."""
        health = self._health
        return BridgeReport(
            name=self.name,
            up=self.is_ready,
            pid=None if self._process is None else self._process.pid,
            sessions=self.sessions,
            resident_bytes=0 if health is None else health["rss"],
            cpu_seconds=0.0 if health is None else health["cpu_seconds"],
            restarts=max(0, self._starts - 1),
            loop_lag_seconds=0.0 if health is None else health["event_loop_lag"],
        )

    async def run(self) -> None:
        """Keep it running until cancelled."""
        ends = 0  # in a row, each soon after its start
        while True:
            began = time.monotonic()
            await self._live()
            if time.monotonic() - began > _STEADY_AFTER:
                ends = 0
            ends += 1
            await asyncio.sleep(_PAUSES.after(ends))

    async def open(self, request: OpenRequest, owner: Owner, on_end: Callable[[], None]) -> BaileysConnection:
        """Open a connection in it; `on_end` is called when it is over, before its owner is told.

        Raises:
            EngineError: it is not running, or refused.
        """
        channel = self._channel
        if channel is None:
            raise NotConnected("the bridge is not running")
        self._numbers += 1
        number = self._numbers

        def forget() -> None:
            self._connections.pop(number, None)
            on_end()

        connection = BaileysConnection(
            number=number,
            channel=channel,
            owner=owner,
            history=PhoneFiles(self._downloads, request.proxy),
            spawn=self._spawn,
            on_end=forget,
        )
        self._connections[number] = connection
        blobs = () if request.credentials is None else (request.credentials,)
        try:
            await channel.call(OPEN.name, number, _open_args(request), blobs=blobs)
        except BaseException as error:
            # What it may still say is refused, and so it ends
            self._connections.pop(number, None)
            match error:
                case ChannelLost():
                    raise NotConnected("the bridge died") from error
                case CallFailed():
                    raise error_of(error) from error
                case _:
                    raise
        return connection

    async def reconfigure(self) -> None:
        """Tell it the configuration again; it holds for connections opened from now on."""
        if self._channel is not None:
            with suppress(ChannelLost):  # its successor will be told
                await self._send_configuration(self._channel)

    def fence(self) -> None:
        """End it at once, sockets and all, without a word to anybody outside; it starts again under a new lease."""
        self.is_ready = False
        if self._process is not None:
            self._process.kill()

    async def _live(self) -> None:
        """One life of the process, from its start to its end."""
        await self._lease.held()
        try:
            process = await BridgeProcess.start(self._spool)
        except (EngineError, OSError) as error:
            _log.error("bridge.cannot_start", bridge=self.name, reason=str(error))
            return
        self._starts += 1
        self._process = process
        listening = self._spawn(process.listen())
        try:
            await self._serve(process)
        finally:
            self.is_ready = False
            self._channel = self._process = None
            self._health = None
            await process.end_it()
            listening.cancel()
            with suppress(RuntimeError):  # the engine was cancelled, not stopped: nobody is left to tell
                for connection in list(self._connections.values()):
                    connection.lose()

    async def _serve(self, process: BridgeProcess) -> None:
        channel = await Channel.over(process.end, self._route)
        try:
            async with asyncio.timeout(_START_TIMEOUT):
                await self._send_configuration(channel)
            self._channel = channel
            self.is_ready = True
            self._on_ready()
            _log.info("bridge.started", bridge=self.name, pid=process.pid, restarts=self._starts - 1)
            await self._watch(channel)
        except (TimeoutError, ChannelLost, CallFailed) as error:
            reason = process.last_words.decode(errors="replace") if not self.is_ready else ""
            _log.warning("bridge.ended", bridge=self.name, error=type(error).__name__, reason=reason)
        finally:
            channel.close()

    async def _send_configuration(self, channel: Channel) -> None:
        payload: Settings | None = None
        while payload != (configuration := self._configure()):  # it may change meanwhile
            await channel.call(CONFIGURE.name, 0, configuration)
            payload = configuration

    async def _watch(self, channel: Channel) -> None:
        """Ask how it is, again and again. Ends by raising."""
        while True:
            async with asyncio.timeout(_HEALTH_TIMEOUT):
                health: Health = (await channel.call(DESCRIBE.name)).head["v"]
            if health["unhandled_rejections"] > (self._health or health)["unhandled_rejections"]:
                _log.debug("bridge.rejections", bridge=self.name, count=health["unhandled_rejections"])
            self._health = health
            try:
                async with asyncio.timeout(_HEALTH_EVERY):
                    await channel.lost.wait()
            except TimeoutError:
                continue
            raise ChannelLost

    def _route(self, request: Request) -> None:
        if request.method == "lease":
            request.answer(self._lease.remaining * _MS)
            return
        connection = self._connections.get(request.connection)
        if connection is None:
            request.refuse("not_connected")
        else:
            connection.serve(request)


def _open_args(request: OpenRequest) -> OpenArguments:
    return {
        "paired": request.credentials is not None,
        "pair_with": request.pair_with,
        "mark_online": request.mark_online,
        "read_receipts": request.read_receipts,
        "reject_calls": request.reject_calls,
        "history": request.history,
        "proxy": request.proxy,
        "careful": request.careful,
    }
