"""What a film or a recording says beside its pictures and sounds: where, when and with what it was made, and by whom.

MP4, MOV and 3GP are boxes within boxes (ISO 14496-12). The private ones are made `free` and filled with zeros where
they stand, so that nothing moves and nothing is decoded.
"""

import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

_PARENTS: Final = frozenset({b"moov", b"trak", b"mdia", b"minf", b"moof", b"traf"})
_PRIVATE: Final = frozenset({b"udta", b"meta", b"uuid", b"Xtra"})
_DATED: Final = {b"mvhd": 2, b"tkhd": 2, b"mdhd": 2}
"""Their first fields behind version and flags: when it was made, and when it was changed; 4 bytes each, or 8."""
_POSITIONS: Final = frozenset({b"\xa9xyz", b"loci"})
_PARENTS_OF_TAGS: Final = frozenset({b"udta", b"meta", b"ilst"})
_OF_PROGRAMS: Final = frozenset({b"\xa9too", b"\xa9swr", b"\xa9enc", b"hdlr", b"free"})
_FULL_HEAD: Final = 4  # version and flags
_TERMINATOR: Final = 4  # zeros that may end the list of a MOV
_MAX_TAGS: Final = 64
_ITUNES: Final = b"mdir"  # whose tags are those of music: title, artist, cover
_HEAD, _LONG_HEAD = 8, 16
_MAX_BOXES: Final = 100_000
_MAX_DEPTH: Final = 8
_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class _Span:
    """Bytes to blank; `is_box`: of a whole box, which becomes `free`."""

    at: int
    length: int
    is_box: bool


@dataclass(frozen=True, slots=True)
class _Box:
    name: bytes
    at: int
    head: int
    size: int

    @property
    def body(self) -> int:
        return self.at + self.head

    @property
    def end(self) -> int:
        return self.at + self.size


def write_bare_movie(source: Path, target: Path, *, keep_titles: bool = False) -> bool:
    """Write it without private metadata; False, and nothing written, where it has none.

    Of a sound, `keep_titles` leaves what the tags of music say: they are a part of it.
    """
    with source.open("rb") as file:
        spans = [each for each in _private(file, source.stat().st_size, keep_titles) if _says_something(file, each)]
    if not spans:
        return False
    shutil.copyfile(source, target)
    with target.open("r+b") as file:
        for span in spans:
            _blank(file, span)
    return True


def _private(file: BinaryIO, length: int, keep_titles: bool) -> Iterator[_Span]:  # noqa: FBT001 (handed on)
    for box in islice(_nested(file, length), _MAX_BOXES):
        if box.name in _DATED:
            yield from _dates(file, box)
        elif keep_titles and box.name in {b"udta", b"meta"}:
            yield from _positions(file, box)
        elif box.name in _PRIVATE and not _names_a_program(file, box):
            yield _Span(box.at, box.size, is_box=True)


def _names_a_program(file: BinaryIO, box: _Box) -> bool:
    """Whether it says no more than which program wrote the file: that is nobody's secret."""
    if box.name not in _PARENTS_OF_TAGS:
        return box.name in _OF_PROGRAMS
    begin = box.body + _FULL_HEAD * (box.name == b"meta")
    inside = [*islice(_boxes(file, begin, box.end), _MAX_TAGS)]
    is_all = begin + sum(each.size for each in inside) in {box.end, box.end - _TERMINATOR}
    return is_all and all(_names_a_program(file, each) for each in inside)


def _nested(file: BinaryIO, length: int) -> Iterator[_Box]:
    """The boxes of a film, and those in them as far as they tell of the film or of one of its tracks."""
    waiting = [(0, length, 0)]
    while waiting:
        at, end, depth = waiting.pop()
        for box in _boxes(file, at, end):
            yield box
            if box.name in _PARENTS and depth < _MAX_DEPTH:
                waiting.append((box.body, box.end, depth + 1))


def _boxes(file: BinaryIO, at: int, end: int) -> Iterator[_Box]:
    while at + _HEAD <= end:
        file.seek(at)
        size, name = struct.unpack(">I4s", file.read(_HEAD))
        head = _HEAD
        if size == 1:
            head, size = _LONG_HEAD, int.from_bytes(file.read(_LONG_HEAD - _HEAD))
        elif size == 0:
            size = end - at
        if size < head or at + size > end:
            return  # no box, but something behind the last one; or one that is cut off
        yield _Box(name, at, head, size)
        at += size


def _dates(file: BinaryIO, box: _Box) -> Iterator[_Span]:
    file.seek(box.body)
    version = file.read(1)
    width = 8 if version == b"\x01" else 4
    if box.head + 4 + 2 * width <= box.size:
        yield _Span(box.body + 4, _DATED[box.name] * width, is_box=False)


def _positions(file: BinaryIO, box: _Box) -> Iterator[_Span]:
    """Of the tags of a sound: where it was recorded, and all that a phone's camera says."""
    if box.name == b"meta":
        file.seek(box.body)
        if _ITUNES not in file.read(64):
            yield _Span(box.at, box.size, is_box=True)
        return
    for each in _boxes(file, box.body, box.end):
        if each.name in _POSITIONS:
            yield _Span(each.at, each.size, is_box=True)
        elif each.name == b"meta":
            yield from _positions(file, each)


def _says_something(file: BinaryIO, span: _Span) -> bool:
    """Whether it is more than nothing: what we have blanked is not blanked again."""
    if span.is_box:
        return True
    file.seek(span.at)
    return any(file.read(span.length))


def _blank(file: BinaryIO, span: _Span) -> None:
    at, left = span.at, span.length
    if span.is_box:
        file.seek(at)
        head = _LONG_HEAD if file.read(4) == b"\0\0\0\x01" else _HEAD
        file.seek(at + 4)
        file.write(b"free")
        at, left = at + head, left - head
    file.seek(at)
    while left > 0:
        piece = bytes(min(left, _PIECE))
        file.write(piece)
        left -= len(piece)
