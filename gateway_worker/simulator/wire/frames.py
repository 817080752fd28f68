"""WhatsApp's framing inside a WebSocket: an intro once, then frames with a 3-byte big-endian length.

The WebSocket's message borders mean nothing: one message may hold several frames, or a part of one.
"""

from gateway_worker.simulator.wire.errors import FrameError

HEADER = b"WA\x06\x03"
"""What a client sends once, before its first frame; also the prologue of the Noise handshake."""
MAX_FRAME = 8 << 20
"""Default bound of one frame, in bytes."""

_ROUTING_MARK = b"ED\x00\x01"
_LENGTH = 3
_ROUTING_MAX = 1 << 10


def frame(content: bytes) -> bytes:
    """`content` with its length before it; `FrameError` if the length does not fit."""
    try:
        return len(content).to_bytes(_LENGTH, "big") + content
    except OverflowError as error:
        raise FrameError("too long for a frame") from error


def intro(routing_info: bytes = b"") -> bytes:
    """What stands before a client's first frame; with the routing info of its last connection, if it has one."""
    if not routing_info:
        return HEADER
    return _ROUTING_MARK + frame(routing_info) + HEADER


class FrameBuffer:
    """Collects bytes and cuts them into frames.

    `routing_info` is what the client's intro carried, or None. A server expects the intro, a client does not.
    """

    __slots__ = ("_buffer", "_expect_intro", "_max_frame", "routing_info")

    def __init__(self, *, expect_intro: bool, max_frame: int = MAX_FRAME) -> None:
        self._buffer = bytearray()
        self._expect_intro = expect_intro
        self._max_frame = max_frame
        self.routing_info: bytes | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that `data` completes, without their lengths. `FrameError` for a wrong intro or a long frame."""
        buffer = self._buffer
        if not buffer and not self._expect_intro and len(data) >= _LENGTH:
            size = int.from_bytes(data[:_LENGTH], "big")
            if len(data) == size + _LENGTH and size <= self._max_frame:
                return [data[_LENGTH:]]  # the usual case: one message is one frame
        buffer += data
        if self._expect_intro and not self._take_intro():
            return []
        return self._cut()

    def _cut(self) -> list[bytes]:
        buffer = self._buffer
        frames: list[bytes] = []
        at = 0
        while len(buffer) - at >= _LENGTH:
            size = int.from_bytes(buffer[at : at + _LENGTH], "big")
            if size > self._max_frame:
                raise FrameError(f"a frame of {size} bytes")
            end = at + _LENGTH + size
            if end > len(buffer):
                break
            frames.append(bytes(buffer[at + _LENGTH : end]))
            at = end
        del buffer[:at]
        return frames

    def _take_intro(self) -> bool:
        """Whether the whole intro has arrived; it is then cut off."""
        buffer = self._buffer
        at = 0
        if buffer.startswith(_ROUTING_MARK[:1]):
            at = len(_ROUTING_MARK) + _LENGTH
            if not _ROUTING_MARK.startswith(buffer[: len(_ROUTING_MARK)]):
                raise FrameError("not the intro of a WhatsApp client")
            if len(buffer) < at:
                return False
            size = int.from_bytes(buffer[len(_ROUTING_MARK) : at], "big")
            if size > _ROUTING_MAX:
                raise FrameError(f"routing info of {size} bytes")
            at += size
        header = buffer[at : at + len(HEADER)]
        if not HEADER.startswith(header):
            raise FrameError("not the intro of a WhatsApp client")
        if len(header) < len(HEADER):
            return False
        if at:
            self.routing_info = bytes(buffer[len(_ROUTING_MARK) + _LENGTH : at])
        del buffer[: at + len(HEADER)]
        self._expect_intro = False
        return True
