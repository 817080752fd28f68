"""The shell: a WebSocket for WhatsApp's clients and the control API, on one port, around the pure core.

One reader and one writer task per connection; stanzas need no task of their own.
"""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

from aiohttp import WSMsgType, web

from gateway_worker.simulator.control import add_routes
from gateway_worker.simulator.core import Core
from gateway_worker.simulator.effects import Close, ConnectionId, Effect, Later, Send, Turn
from gateway_worker.simulator.model import World
from gateway_worker.simulator.sockets import Opened, Socket
from gateway_worker.simulator.wire.certificates import CertificateAuthority
from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.wire.errors import HandshakeError, WireError
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.wire.noise import ServerHandshake

MAX_BODY = 4 << 20
"""Bytes of a control request."""
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
    """A WhatsApp server with its phones, on loopback: `async with Simulator(port=0) as simulator`.

    `port` 0 takes a free one. `root` keeps the root key over several runs; without it a fresh one is made.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, root: KeyPair | None = None) -> None:
        self._authority = CertificateAuthority(root or KeyPair.generate())
        self._static = KeyPair.generate()
        self._chain, self._chain_expires = b"", 0.0
        self.core = Core(World(entropy=os.urandom))
        self._clients: dict[ConnectionId, _Client] = {}
        self._next_id = 0
        self._timers: set[asyncio.TimerHandle] = set()
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
    def port(self) -> int:
        """The port; once started never 0."""
        return self._port

    @property
    def open_connections(self) -> int:
        """How many sockets are open."""
        return len(self._clients)

    async def start(self) -> None:
        """Listens."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_get("/ws/chat{tail:/*}", self._serve)
        add_routes(app, self)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_CLOSE_TIMEOUT)
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._port, backlog=_BACKLOG)
        await site.start()
        self._port = runner.addresses[0][1]
        self._runner = runner
        self.core.world.authority = f"{self._host}:{self._port}"

    async def stop(self) -> None:
        """Cuts every connection and stops listening."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for client in list(self._clients.values()):
            client.socket.gone.set()
            client.socket.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

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
                    self._schedule(delay, act)
        self._changed.set()

    def _schedule(self, delay: float, act: Callable[[Turn], None]) -> None:
        def ring() -> None:
            self._timers.discard(timer)
            self._do(self.core.act(time.time(), act))

        timer = asyncio.get_running_loop().call_later(delay, ring)
        self._timers.add(timer)

    # --- connections

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if len(self._clients) >= MAX_CONNECTIONS:
            raise web.HTTPServiceUnavailable(text="too many connections")
        websocket = web.WebSocketResponse(compress=False, max_msg_size=MAX_BODY * 4, timeout=_CLOSE_TIMEOUT)
        await websocket.prepare(request)
        self._next_id += 1
        id_ = ConnectionId(self._next_id)
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


async def run(host: str, port: int, ready: Callable[[str, int], None] | None = None) -> None:
    """Serves until it is cancelled. `ready` is called with the bound address once clients can connect."""
    async with Simulator(host=host, port=port) as simulator:
        if ready is not None:
            ready(host, simulator.port)
        await asyncio.Event().wait()
