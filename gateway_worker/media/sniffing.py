"""What a file is, told by its first bytes. Pure.

Our own table knows what WhatsApp shows and plays, and is strict; puremagic, which knows some hundred signatures more,
is asked about documents only, and only with the first bytes of the file.
"""

import mimetypes
from typing import Any, Final

import puremagic

HEAD: Final = 4096
"""Bytes that are looked at."""
UNKNOWN: Final = "application/octet-stream"

_PLAIN: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"#!AMR", "audio/amr"),
    (b"ID3", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "video/x-matroska"),
    (b"MZ", "application/x-msdownload"),
    (b"\x7fELF", "application/x-elf"),
    (b"\x1f\x8b", "application/gzip"),
)
_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS: Final = {
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"crx ": "image/x-canon-cr3",
}
_ZIPPED: Final = ("application/vnd.", "application/epub", "application/java-archive", "application/x-")
_TEXTS: Final = ("text/", "application/json", "application/xml", "application/rtf", "image/svg")
_CHANCE: Final = 3
"""A signature of so few bytes is found in files of every kind."""


def sniff(head: bytes) -> str:
    """The media type of what begins with these bytes; `UNKNOWN` where our own table does not say."""
    for signature, mimetype in _PLAIN:
        if head.startswith(signature):
            return mimetype
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], UNKNOWN)
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return "video/3gpp" if brand[:2] == b"3g" else _BRANDS.get(brand, "video/mp4")
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:  # noqa: PLR2004 (the sync word of MPEG audio)
        return "audio/aac" if head[1] & 0x06 == 0 else "audio/mpeg"
    return UNKNOWN


def document_type(head: bytes, declared: str | None, file_name: str | None) -> str:
    """The media type of a document: what it is; where that is not plain, what its sender or its name says."""
    found = sniff(head)
    said = declared or mimetypes.guess_type(file_name or "")[0]
    if found == "application/zip":
        return said if said is not None and said.startswith(_ZIPPED) else found
    if found != UNKNOWN:
        return found
    if _is_text(head):
        return said if said is not None and said.startswith(_TEXTS) else "text/plain"
    if said is not None and not _is_checkable(said):
        return said  # one of the many that share a signature, or have none
    return _guessed(head) or UNKNOWN


def _guessed(head: bytes) -> str | None:
    try:
        matches: list[Any] = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError, IndexError):
        return None
    best = next((each for each in matches if each.mime_type and len(each.byte_match) > _CHANCE), None)
    return None if best is None else best.mime_type


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3  # cut within a character
    return True


def _is_checkable(mimetype: str) -> bool:
    """Whether our table would have known it."""
    known = {each for _, each in _PLAIN} | set(_RIFF.values()) | set(_BRANDS.values()) | {"video/mp4", "audio/aac"}
    return mimetype.partition(";")[0].strip().lower() in known
