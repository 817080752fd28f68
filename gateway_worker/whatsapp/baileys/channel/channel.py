"""The socket to one bridge: calls in both directions, one answer each, in any order."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import structlog

from gateway_worker.whatsapp.baileys.channel.errors import CallFailed, ChannelLost
from gateway_worker.whatsapp.baileys.channel.frames import Frame, FrameError, FrameReader, encode

_HIGH_WATER: Final = 8 * 1024 * 1024
_log = structlog.get_logger(__name__)


class Request:
    """A call of the bridge's. It is answered once, by `answer` or `refuse`; after the bridge's end both do nothing."""

    __slots__ = ("_channel", "_id", "args", "blobs", "connection", "method")

    def __init__(self, channel: "Channel", frame: Frame) -> None:
        self._channel = channel
        self._id: int = frame.head["c"]
        self.method: str = frame.head["m"]
        self.connection: int = frame.head.get("s", 0)
        self.args: Any = frame.head.get("a")
        self.blobs = frame.blobs

    def answer(self, value: object = None, blobs: Sequence[bytes] = ()) -> None:
        """Answer with a result."""
        self._channel.write({"r": self._id, "v": value}, blobs)

    def refuse(self, kind: str) -> None:
        """Answer with a failure."""
        self._channel.write({"r": self._id, "e": {"kind": kind}})


class Channel(asyncio.Protocol):
    """Our end. `serve` is called for every call of the bridge's, in the order they came; it must not block."""

    def __init__(self, serve: Callable[[Request], None]) -> None:
        self._serve = serve
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._waiting: dict[int, tuple[int, asyncio.Future[Frame]]] = {}
        self._calls = 0
        self._outgoing: list[bytes] = []
        self._writable = asyncio.Event()
        self._writable.set()
        self.lost = asyncio.Event()

    @classmethod
    async def over(cls, end: socket.socket, serve: Callable[[Request], None]) -> "Channel":
        """A channel over our end of a socket pair."""
        loop = asyncio.get_running_loop()
        _, channel = await loop.create_unix_connection(lambda: cls(serve), sock=end)
        return channel

    async def call(
        self, method: str, connection: int = 0, args: object = None, *, blobs: Sequence[bytes] = ()
    ) -> Frame:
        """Call a method of the bridge and wait for its answer.

        Raises:
            CallFailed: the bridge answered with a failure.
            ChannelLost: the bridge went away.
        """
        await self._writable.wait()
        if self.lost.is_set():
            raise ChannelLost
        self._calls += 1
        number = self._calls
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._waiting[number] = (connection, answer)
        try:
            self.write({"c": number, "m": method, "s": connection, "a": args}, blobs)
            return await answer
        finally:
            self._waiting.pop(number, None)

    def write(self, head: dict[str, Any], blobs: Sequence[bytes] = ()) -> None:
        """Write a frame; those of one turn of the event loop leave together."""
        if self._transport is None or self.lost.is_set():
            return
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outgoing.append(encode(head, blobs))

    def abandon(self, connection: int) -> None:
        """Fail the calls about a connection that is over."""
        for about, answer in list(self._waiting.values()):
            if about == connection and not answer.done():
                answer.set_exception(CallFailed("not_connected", {}, abandoned=True))

    def close(self) -> None:
        """Close the socket: the bridge ends itself."""
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        frames, self._outgoing = self._outgoing, []
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(frames))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the socket is ours."""
        writable = cast("asyncio.Transport", transport)  # uvloop's is one without saying so
        writable.set_write_buffer_limits(high=_HIGH_WATER)
        self._transport = writable

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes from the bridge."""
        try:
            frames = self._reader.feed(data)
        except FrameError as error:
            _log.error("bridge.not_understood", reason=str(error))
            self.close()  # nothing behind it can be trusted
            return
        for frame in frames:
            if "r" in frame.head:
                self._settle(frame)
            else:
                self._serve(Request(self, frame))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's signature)
        """asyncio: the bridge closed its end, or we did; calls without an answer fail."""
        self.lost.set()
        self._writable.set()
        for _, answer in list(self._waiting.values()):
            if not answer.done():
                answer.set_exception(ChannelLost())

    def pause_writing(self) -> None:
        """asyncio: the bridge does not read fast enough; calls wait."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """asyncio: it does again."""
        self._writable.set()

    def _settle(self, frame: Frame) -> None:
        _, answer = self._waiting.get(frame.head["r"], (0, None))
        if answer is None or answer.done():
            return
        failure = frame.head.get("e")
        if failure is None:
            answer.set_result(frame)
        else:
            answer.set_exception(CallFailed(failure["kind"], failure))
