"""Frames between us and a bridge; the same layout as `bridge/channel/frames.ts`, which describes it.

Pure: bytes in, frames out. A head is JSON, blobs (keys, credentials, messages) follow it as they are.
"""

import struct
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from pydantic_core import from_json, to_json

MAX_FRAME_BYTES: Final = 24 * 1024 * 1024
ANSWER_BYTES: Final = 1024 * 1024
"""About as much as a frame of several values should hold; a single value may be larger."""
_SIZES: Final = struct.Struct("<II")
_SIZE: Final = struct.Struct("<I")


class FrameError(ValueError):
    """The bytes are no frame of ours, or it would be larger than 24 MiB."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. Keys of `head`: see `bridge/channel/frames.ts`."""

    head: dict[str, Any]
    blobs: Sequence[bytes] = ()


def encode(head: dict[str, Any], blobs: Sequence[bytes] = ()) -> bytes:
    """The bytes of a frame.

    Raises:
        FrameError: it would be too large.
    """
    text = to_json({**head, "b": [len(blob) for blob in blobs]} if blobs else head)
    size = _SIZE.size + len(text) + sum(map(len, blobs))
    if size + _SIZE.size > MAX_FRAME_BYTES:
        raise FrameError(f"a frame would be larger than 24 MiB: {len(text)} bytes of JSON, {size - len(text)} others")
    return b"".join((_SIZES.pack(size, len(text)), text, *blobs))


def how_many_fit(sizes: Iterable[int]) -> int:
    """How many of the first values go into one frame: as many as it should hold, and at least one."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if total > ANSWER_BYTES and count:
            return count
    return sys.maxsize


class FrameReader:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Take what arrived; the frames that are complete now, in order.

        Raises:
            FrameError: the stream cannot be trusted any more.
        """
        self._buffer += data
        frames: list[Frame] = []
        start = 0
        with memoryview(self._buffer) as view:
            while len(view) - start >= _SIZES.size:
                size, head_size = _SIZES.unpack_from(view, start)
                if size + _SIZE.size > MAX_FRAME_BYTES or head_size > size - _SIZE.size:
                    raise FrameError("the stream holds no frame of ours")
                end = start + _SIZE.size + size
                if end > len(view):
                    break
                frames.append(_decode(view[start + _SIZES.size : end], head_size))
                start = end
        del self._buffer[:start]
        return frames


def _decode(body: memoryview, head_size: int) -> Frame:
    try:
        head: Any = from_json(bytes(body[:head_size]))
    except ValueError as error:
        raise FrameError("a frame's head is not JSON") from error
    if not isinstance(head, dict):
        raise FrameError("a frame's head is not an object")
    fields = cast("dict[str, Any]", head)
    blobs: list[bytes] = []
    offset = head_size
    for size in fields.get("b", ()):
        blobs.append(bytes(body[offset : offset + size]))
        offset += size
    if offset != len(body):
        raise FrameError("a frame's blobs do not add up")
    return Frame(fields, blobs)
