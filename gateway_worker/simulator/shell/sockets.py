"""One client's bytes: framing, handshake, encryption, and the batching of what is written. No aiohttp in here.

What is sent within one tick of the event loop leaves as one WebSocket message. The answer to an IK hello leaves in one
of its own: whatsapp-rust drops what follows it in the same message.
"""

import asyncio
from dataclasses import dataclass

from gateway_worker.simulator.wire.errors import HandshakeError
from gateway_worker.simulator.wire.frames import FrameBuffer, frame
from gateway_worker.simulator.wire.nodes import Node, decode, encode
from gateway_worker.simulator.wire.noise import ServerHandshake, Transport

MAX_UNSENT = 64 << 20
"""Bytes that may wait for a slow reader; above that its connection is cut. What waited for it comes at once: a thousand
texts of the largest are 60 MB, and whoever is cut before he could read them is cut at every login."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The client has proved who it is."""

    noise_static: bytes
    payload: bytes


class Socket:
    """The protocol state of one WebSocket. `feed` never waits; `next_message` is what its writer awaits."""

    __slots__ = ("_buffer", "_closing", "_handshake", "_messages", "_pending", "_transport", "_unsent", "_wake", "gone")

    def __init__(self, handshake: ServerHandshake) -> None:
        self._buffer = FrameBuffer(expect_intro=True)
        self._handshake = handshake
        self._transport: Transport | None = None
        self._pending = bytearray()
        self._messages: list[bytes] = []
        self._unsent = 0
        self._closing = False
        self._wake = asyncio.Event()
        self.gone = asyncio.Event()
        """Set once nothing more is read: the client has left, or is to be left at once."""

    @property
    def established(self) -> bool:
        """Whether the handshake is over."""
        return self._transport is not None

    def feed(self, data: bytes) -> list[Opened | Node]:
        """What a WebSocket message brings; a `WireError` means the connection is over."""
        events: list[Opened | Node] = []
        for content in self._buffer.feed(data):
            if self._transport is not None:
                events.append(decode(self._transport.decrypt(content)))
            elif opened := self._shake_hands(content):
                events.append(opened)
        return events

    def _shake_hands(self, content: bytes) -> Opened | None:
        step = self._handshake.receive(content)
        if step.reply is not None:
            self._write(frame(step.reply))
            self._messages.append(bytes(self._pending))
            self._pending.clear()
        if step.established is None:
            return None
        if not step.established.payload:
            raise HandshakeError("a handshake without a payload")
        self._transport = step.established.transport
        return Opened(noise_static=step.established.peer_static, payload=step.established.payload)

    def send(self, node: Node) -> bool:
        """Encrypts and queues a stanza. False if the reader is too slow to be served any longer."""
        if self._transport is None or self._closing:
            return True
        self._write(frame(self._transport.encrypt(encode(node))))
        return self._unsent <= MAX_UNSENT

    def _write(self, data: bytes) -> None:
        self._pending += data
        self._unsent += len(data)
        self._wake.set()

    def close(self) -> None:
        """Nothing more is sent after what is queued."""
        self._closing = True
        self._wake.set()

    async def next_message(self) -> bytes | None:
        """Everything queued by now, once there is something; None when all was sent and the socket is closing."""
        while True:
            await self._wake.wait()
            if self._messages:
                message = self._messages.pop(0)
            elif self._pending:
                message = bytes(self._pending)
                self._pending.clear()
            elif self._closing:
                return None
            else:
                self._wake.clear()
                continue
            self._unsent -= len(message)
            return message
