"""The shell: a WebSocket for WhatsApp's clients around the pure core, on a port that it shares with the control API.

One reader and one writer task per connection; stanzas need no task of their own.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

from aiohttp import WSMsgType, web

from gateway_worker.simulator.core import Core
from gateway_worker.simulator.shell.media_server import MediaServer
from gateway_worker.simulator.shell.sockets import Opened, Socket
from gateway_worker.simulator.shell.state_file import new_state
from gateway_worker.simulator.shell.timers import Timers
from gateway_worker.simulator.shell.tls import MediaAuthority
from gateway_worker.simulator.wire.certificates import CertificateAuthority
from gateway_worker.simulator.wire.errors import HandshakeError, WireError
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.wire.noise import ServerHandshake
from gateway_worker.simulator.world.ids import ConnectionId
from gateway_worker.simulator.world.pickled import State
from gateway_worker.simulator.world.turn import Close, Effect, Later, Send, Turn

MAX_MESSAGE = 16 << 20
"""Bytes of a client's WebSocket message."""
MAX_CONNECTIONS = 10_000
_BACKLOG = 2_048
_CLOSE_TIMEOUT = 2.0
_HANDSHAKE_TIMEOUT = 30.0
_LINGER = 0.25
"""Seconds between the last stanza and the close: a client decodes stanzas later than it notices a close."""
_HOUR = 3600

_T = TypeVar("_T")


class _Client:
    """A live WebSocket."""

    __slots__ = ("request", "socket")

    def __init__(self, socket: Socket, request: web.Request) -> None:
        self.socket = socket
        self.request = request

    def cut(self) -> None:
        """Ends the TCP connection without a word."""
        if (transport := self.request.transport) is not None:
            transport.abort()

    def cut_if_silent(self) -> None:
        """Ends a connection that has not said who it is."""
        if not self.socket.established:
            self.cut()


class Simulator:
    """A WhatsApp server with its phones, on loopback: `async with new_simulator(port=0) as simulator` (see `run`).

    `application` serves its clients beside what it serves already. `port` 0 takes a free one. `state` is what an
    earlier run has left (its `state()` once it was stopped).
    """

    def __init__(
        self, application: web.Application, *, host: str = "127.0.0.1", port: int = 0, state: State | None = None
    ) -> None:
        self._application = application
        earlier = state or new_state()
        self._authority = CertificateAuthority(earlier.root, intermediate=earlier.intermediate)
        self._static = earlier.static
        self._chain, self._chain_expires = b"", 0.0
        self.core = Core(earlier.world)
        self._clients: dict[ConnectionId, _Client] = {}
        self._last_id = earlier.last_connection
        self._timers = Timers(lambda act: self._do(self.core.act(time.time(), act)))
        self._earlier = earlier.pending
        self._away_until = 0.0
        self._media_authority = MediaAuthority(earlier.media_authority)
        self._media = MediaServer(self._media_authority, self.turn, self._is_away, host=host, port=earlier.media_port)
        self._changed = asyncio.Event()
        self._host, self._port = host, port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where the control API is."""
        return f"http://{self._host}:{self._port}"

    @property
    def ws_url(self) -> str:
        """Where clients connect."""
        return f"ws://{self._host}:{self._port}/ws/chat"

    @property
    def root_key(self) -> str:
        """The root key that clients must trust, as hex."""
        return self._authority.root_public.hex()

    @property
    def media_url(self) -> str:
        """Where the media host is."""
        return f"https://{self._media.authority}"

    @property
    def media_certificate(self) -> str:
        """The certificate that clients of the media host must trust, as PEM."""
        return self._media_authority.certificate

    @property
    def port(self) -> int:
        """The port; once started never 0."""
        return self._port

    @property
    def open_connections(self) -> int:
        """How many sockets are open."""
        return len(self._clients)

    async def start(self) -> None:
        """Listens."""
        self._application.router.add_get("/ws/chat{tail:/*}", self._serve)
        runner = web.AppRunner(self._application, access_log=None, shutdown_timeout=_CLOSE_TIMEOUT)
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._port, backlog=_BACKLOG)
        await site.start()
        self._port = runner.addresses[0][1]
        self._runner = runner
        await self._media.start()
        self.core.world.media_authority = self._media.authority
        self._timers.resume(self._earlier)

    async def stop(self) -> None:
        """Cuts every connection and stops listening."""
        self._timers.stop()
        for client in list(self._clients.values()):
            client.socket.gone.set()
            client.socket.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._media.stop()
        for id_ in list(self.core.world.connections):
            self.core.disconnected(time.time(), id_)

    def state(self) -> State:
        """Everything that another run needs to go on; once this one was stopped."""
        return State(
            root=self._authority.root,
            intermediate=self._authority.intermediate,
            static=self._static,
            world=self.core.world,
            pending=self._timers.pending(),
            media_authority=self._media_authority.pem,
            media_port=self._media.port,
            last_connection=self._last_id,
        )

    def restart(self, seconds: float) -> int:
        """Cuts every connection, and each new one for so long; returns how many were cut. The control API stays.

        People and phones live on meanwhile, as they do while WhatsApp's own servers restart.
        """
        self._away_until = time.monotonic() + seconds
        for client in list(self._clients.values()):
            client.cut()
        return len(self._clients)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _is_away(self) -> bool:
        return time.monotonic() < self._away_until

    # --- turns

    def turn(self, action: Callable[[Turn], _T]) -> _T:
        """Runs a control request in the core, and does what follows from it."""
        results: list[_T] = []
        self._do(self.core.act(time.time(), lambda turn: results.append(action(turn))))
        return results[0]

    async def wait_until(self, met: Callable[[], bool], seconds: float) -> None:
        """Returns when `met`, which is asked after every turn, or when the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not met():
                    self._changed.clear()
                    await self._changed.wait()

    def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(connection, node):
                    if (client := self._clients.get(connection)) and not client.socket.send(node):
                        client.cut()
                case Close(connection, abrupt):
                    if client := self._clients.get(connection):
                        client.cut() if abrupt else client.socket.close()
                case Later(delay, act):
                    self._timers.schedule(delay, act)
        self._changed.set()

    # --- connections

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self._is_away() and request.transport is not None:
            request.transport.abort()
        if len(self._clients) >= MAX_CONNECTIONS or self._is_away():
            raise web.HTTPServiceUnavailable(text="too many connections")
        websocket = web.WebSocketResponse(compress=False, max_msg_size=MAX_MESSAGE, timeout=_CLOSE_TIMEOUT)
        await websocket.prepare(request)
        self._last_id += 1
        id_ = ConnectionId(self._last_id)
        socket = Socket(ServerHandshake(self._static, self._certificates()))
        client = self._clients[id_] = _Client(socket, request)
        timer = asyncio.get_running_loop().call_later(_HANDSHAKE_TIMEOUT, client.cut_if_silent)
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(_write(socket, websocket))
                try:
                    await self._read(id_, socket, websocket)
                finally:
                    socket.gone.set()
                    socket.close()
                    if websocket.closed:
                        writer.cancel()
        finally:
            timer.cancel()
            del self._clients[id_]
            self._do(self.core.disconnected(time.time(), id_))
        return websocket

    async def _read(self, id_: ConnectionId, socket: Socket, websocket: web.WebSocketResponse) -> None:
        async for message in websocket:
            if message.type is not WSMsgType.BINARY:
                return
            try:
                events = socket.feed(message.data)
            except WireError as error:
                stats = self.core.world.stats
                stats.handshakes_refused += isinstance(error, HandshakeError)
                stats.malformed += not isinstance(error, HandshakeError)
                return
            for event in events:
                self._do(self._turn_of(id_, event))

    def _turn_of(self, id_: ConnectionId, event: Opened | Node) -> list[Effect]:
        now = time.time()
        if isinstance(event, Opened):
            return self.core.connected(now, id_, noise_static=event.noise_static, payload=event.payload)
        return self.core.received(now, id_, event)

    def _certificates(self) -> bytes:
        """The chain for our static key; renewed long before it runs out."""
        now = time.time()
        if now > self._chain_expires:
            self._chain = self._authority.issue(self._static.public, now=int(now), lifetime=48 * _HOUR)
            self._chain_expires = now + 24 * _HOUR
        return self._chain


async def _write(socket: Socket, websocket: web.WebSocketResponse) -> None:
    with suppress(ConnectionError):
        while (message := await socket.next_message()) is not None:
            await websocket.send_bytes(message)
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER):
            await socket.gone.wait()
    with suppress(ConnectionError):
        await websocket.close()
