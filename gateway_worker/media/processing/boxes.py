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


def is_whole(source: Path, mimetype: str) -> bool:
    """Whether it ends where it says. Formats without an account of their length are left to their decoders.

    Players play what there is of a file that is cut off. What lies behind the end of a whole one they do not read.

    Raises:
        Fault: it is cut off before anything can be played.
    """
    length = source.stat().st_size
    with source.open("rb") as file:
        try:
            match mimetype.partition(";")[0]:
                case "video/mp4" | "audio/mp4" | "video/3gpp" | "video/quicktime":
                    return _are_boxes_whole(file, length)
                case "audio/ogg":
                    return _are_pages_whole(file, length)
                case "audio/wav":
                    return _are_chunks_whole(file, length)
                case _:
                    return True
        except EOFError:
            return False


def _are_boxes_whole(file: BinaryIO, length: int) -> bool:
    at, names = 0, set[bytes]()
    is_cut = False
    for _ in range(_MAX_PARTS):
        if length - at < _BOX_HEAD:
            break
        size, name = struct.unpack(">I4s", _exactly(file, at, _BOX_HEAD))
        if size == 1:
            (size,) = struct.unpack(">Q", _exactly(file, at + _BOX_HEAD, 8))
        elif size == 0:
            size = length - at
        if size < _BOX_HEAD or at + size > length:
            # else it is no box, but something behind the last one
            is_cut = name in _BOXES or not names >= _WHOLE
            names.update({name} & {b"mdat"})
            break
        names.add(name)
        at += size
    if not names >= _WHOLE and b"moof" not in names:
        raise Fault("unsupported", "truncated")  # nobody knows what is where in it
    return not is_cut


def _are_pages_whole(file: BinaryIO, length: int) -> bool:
    at = 0
    for number in range(_MAX_PARTS):
        if at == length:
            return True
        head = _exactly(file, at, min(_PAGE_HEAD, length - at))
        if head[:4] != b"OggS":
            if number > 0:
                return True  # something behind the last one, or between two: players look for the next one
            raise Fault("unsupported", "unreadable")
        segments = _exactly(file, at + _PAGE_HEAD, head[-1]) if len(head) == _PAGE_HEAD else b""
        at += _PAGE_HEAD + len(segments) + sum(segments)
        if at > length:
            break
    return False


def _are_chunks_whole(file: BinaryIO, length: int) -> bool:
    at = 12
    while at + 8 <= length:
        name, size = struct.unpack("<4sI", _exactly(file, at, 8))
        if name == b"data":
            return size in _UNKNOWN_LENGTHS or at + 8 + size <= length
        at += 8 + size + (size & 1)
    raise Fault("unsupported", "truncated")


def _exactly(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    found = file.read(count)
    if len(found) < count:
        raise EOFError
    return found
