"""The structure of a WebP file: its canvas and frames, read from the heads of its chunks. Nothing is decoded."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from gateway_worker.media.processing.faults import Fault

_MAX_CHUNKS: Final = 100_000
_FRAME_HEAD: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class WebP:
    """Pixels, and the number of frames (1: a still)."""

    width: int
    height: int
    frames: int


def read_webp(file: BinaryIO, length: int) -> WebP:
    """Walk the chunks.

    Raises:
        Fault: it is cut off, or its parts contradict each other.
    """
    head = file.read(12)
    (size,) = struct.unpack("<I", head[4:8])
    if size + 8 > length:
        raise Fault("unsupported", "truncated")
    canvas: tuple[int, int] | None = None
    frames = 0
    for name, body in _chunks(file, min(length, size + 8)):
        match name:
            case b"VP8X":
                canvas = 1 + _three(body, 4), 1 + _three(body, 7)
            case b"ANMF":
                frames += 1
                _check_frame(body, canvas)
            case b"VP8 " | b"VP8L" if canvas is None:
                return WebP(**_still(name, body), frames=1)
            case _:
                continue
    if canvas is None:
        raise Fault("unsupported", "unreadable")
    return WebP(width=canvas[0], height=canvas[1], frames=max(frames, 1))


def _chunks(file: BinaryIO, end: int) -> Iterator[tuple[bytes, bytes]]:
    for _ in range(_MAX_CHUNKS):
        at = file.tell()
        if at + 8 > end:
            return
        name, size = struct.unpack("<4sI", file.read(8))
        if at + 8 + size > end:
            raise Fault("unsupported", "truncated")
        yield name, file.read(min(size, _FRAME_HEAD))
        file.seek(at + 8 + size + (size & 1))
    raise Fault("too_large", "chunks")


def _three(body: bytes, at: int) -> int:
    if len(body) < at + 3:
        raise Fault("unsupported", "unreadable")
    return int.from_bytes(body[at : at + 3], "little")


def _check_frame(body: bytes, canvas: tuple[int, int] | None) -> None:
    """A frame lies within the canvas."""
    right = 2 * _three(body, 0) + 1 + _three(body, 6)
    bottom = 2 * _three(body, 3) + 1 + _three(body, 9)
    if canvas is None or right > canvas[0] or bottom > canvas[1]:
        raise Fault("unsupported", "unreadable")


def _still(name: bytes, body: bytes) -> dict[str, int]:
    if name == b"VP8 " and body[3:6] == b"\x9d\x01\x2a" and len(body) >= 10:  # noqa: PLR2004 (its head)
        width, height = struct.unpack("<HH", body[6:10])
        return {"width": width & 0x3FFF, "height": height & 0x3FFF}
    if name == b"VP8L" and body[:1] == b"\x2f" and len(body) >= 5:  # noqa: PLR2004
        (bits,) = struct.unpack("<I", body[1:5])
        return {"width": 1 + (bits & 0x3FFF), "height": 1 + (bits >> 14 & 0x3FFF)}
    raise Fault("unsupported", "unreadable")
