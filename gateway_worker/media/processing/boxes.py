"""Whether a file is whole, by its own account: the boxes of MP4, the pages of Ogg, the chunks of WAV."""

import struct
from pathlib import Path
from typing import BinaryIO, Final

from gateway_worker.media.processing.faults import Fault

_MAX_PARTS: Final = 1_000_000
_UNKNOWN_LENGTHS: Final = (0, 0xFFFFFFFF)  # of who wrote it as a stream
_PAGE_HEAD: Final = 27
_BOX_HEAD: Final = 8
_WHOLE: Final = frozenset({b"moov", b"mdat"})
_BOXES: Final = _WHOLE | {b"moof", b"free", b"skip", b"wide", b"udta", b"meta", b"uuid", b"mfra", b"sidx", b"styp"}


def check_whole(source: Path, mimetype: str) -> None:
    """Refuse what is cut off. Formats without an account of their length are left to their decoders.

    What lies behind the end of a whole file is nobody's business: players do not read it.
    """
    length = source.stat().st_size
    with source.open("rb") as file:
        match mimetype.partition(";")[0]:
            case "video/mp4" | "audio/mp4" | "video/3gpp" | "video/quicktime":
                _check_boxes(file, length)
            case "audio/ogg":
                _check_pages(file, length)
            case "audio/wav":
                _check_chunks(file, length)
            case _:
                return


def _check_boxes(file: BinaryIO, length: int) -> None:
    at, names = 0, set[bytes]()
    for _ in range(_MAX_PARTS):
        if length - at < _BOX_HEAD:
            break
        size, name = struct.unpack(">I4s", _exactly(file, at, _BOX_HEAD))
        if size == 1:
            (size,) = struct.unpack(">Q", _exactly(file, at + _BOX_HEAD, 8))
        elif size == 0:
            size = length - at
        if size < _BOX_HEAD or at + size > length:
            if name not in _BOXES and names >= _WHOLE:
                break  # no box, but something behind the last one
            raise Fault("unsupported", "truncated")
        names.add(name)
        at += size
    if not names >= _WHOLE and b"moof" not in names:
        raise Fault("unsupported", "truncated")


def _check_pages(file: BinaryIO, length: int) -> None:
    at = 0
    for number in range(_MAX_PARTS):
        if at == length:
            return
        head = _exactly(file, at, min(_PAGE_HEAD, length - at))
        if head[:4] != b"OggS":
            if number > 0:
                return  # something behind the last one, or between two: players look for the next one
            raise Fault("unsupported", "unreadable")
        segments = _exactly(file, at + _PAGE_HEAD, head[-1]) if len(head) == _PAGE_HEAD else b""
        at += _PAGE_HEAD + len(segments) + sum(segments)
        if at > length:
            break
    raise Fault("unsupported", "truncated")


def _check_chunks(file: BinaryIO, length: int) -> None:
    at = 12
    while at + 8 <= length:
        name, size = struct.unpack("<4sI", _exactly(file, at, 8))
        if name == b"data":
            if size not in _UNKNOWN_LENGTHS and at + 8 + size > length:
                raise Fault("unsupported", "truncated")
            return
        at += 8 + size + (size & 1)
    raise Fault("unsupported", "truncated")


def _exactly(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    found = file.read(count)
    if len(found) < count:
        raise Fault("unsupported", "truncated")
    return found
