"""What a photo says beside its picture: where, when and with what it was taken, and by whom. Pure.

JPEG, PNG and WebP are rewritten without it, and not decoded: the picture stays as it is, bit by bit. What a picture
needs to be shown right (colour profile, transparency, the order of its bytes) stays.
"""

import re
import struct
from collections.abc import Iterator
from typing import Final

_MARKER: Final = re.compile(rb"\xff[\x02-\xcf\xd9-\xfe]")  # neither a stuffed byte nor a restart
_END, _SCAN = 0xD9, 0xDA
_COMMENT: Final = 0xFE
_APPLICATIONS: Final = range(0xE0, 0xF0)
_KEPT: Final = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}  # which application segments, by their names
_WEBP_FLAGS: Final = {b"EXIF": 0x08, b"XMP ": 0x04}
_STICKER: Final = b"sticker-pack-id"
_PNG_HEAD: Final = b"\x89PNG\r\n\x1a\n"
_PNG_PRIVATE: Final = frozenset({b"eXIf", b"zXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME"})


def bare_jpeg(content: bytes) -> bytes:
    """Without Exif, XMP, IPTC, comments, the makers' own segments, and whatever lies behind its end.

    Raises:
        ValueError: it is none.
    """
    return b"".join(_jpeg_parts(content))


def bare_png(content: bytes) -> bytes:
    """Without Exif, texts, times, and whatever lies behind its end.

    Raises:
        ValueError: it is none.
    """
    return b"".join(_png_parts(content))


def bare_webp(content: bytes) -> bytes:
    """Without XMP, and without Exif, unless that names the pack of a sticker, as WhatsApp's own do.

    Raises:
        ValueError: it is none.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        raise ValueError("no WebP")
    parts, left_out = list[bytes](), 0
    at, end = 12, min(len(content), 8 + int.from_bytes(content[4:8], "little"))
    while at + 8 <= end:
        name, size = struct.unpack_from("<4sI", content, at)
        part = content[at : at + 8 + size + (size & 1)]
        if name == b"XMP " or (name == b"EXIF" and not names_its_pack(part)):
            left_out |= _WEBP_FLAGS[name]
        else:
            parts.append(part)
        at += len(part)
    if not left_out and at == len(content):
        return content
    if parts and parts[0][:4] == b"VP8X":
        parts[0] = parts[0][:8] + bytes([parts[0][8] & ~left_out]) + parts[0][9:]
    inside = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(inside)) + inside


def names_its_pack(exif: bytes) -> bool:
    """Whether it is the Exif of a sticker, as WhatsApp's own have it."""
    return _STICKER in exif


def _jpeg_parts(content: bytes) -> Iterator[bytes]:
    if content[:2] != b"\xff\xd8":
        raise ValueError("no JPEG")
    yield content[:2]
    at, is_scan = 2, False
    while (found := _MARKER.search(content, at)) is not None:
        marker = content[found.end() - 1]
        if is_scan:
            yield content[at : found.start()]  # else a segment said less than it holds: decoders skip the rest of it
        if marker == _END:
            yield content[found.start() : found.end()]
            return
        end = found.end() + int.from_bytes(content[found.end() : found.end() + 2])
        if not _is_private(marker, content[found.end() + 2 : found.end() + 14]):
            yield content[found.start() : end]
        at, is_scan = end, marker == _SCAN
    yield content[at:]


def _is_private(marker: int, name: bytes) -> bool:
    if marker == _COMMENT:
        return True
    return marker in _APPLICATIONS and not (marker in _KEPT and name.startswith(_KEPT[marker]))


def _png_parts(content: bytes) -> Iterator[bytes]:
    if content[:8] != _PNG_HEAD:
        raise ValueError("no PNG")
    yield _PNG_HEAD
    at = 8
    while at + 12 <= len(content):
        length, name = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if name not in _PNG_PRIVATE:
            yield content[at:end]
        if name == b"IEND":
            return
        at = end
