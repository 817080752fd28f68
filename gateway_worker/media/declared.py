"""Whether what somebody says of a file can be true. Pure.

A declared type stands unless the bytes really contradict it: a container holds many types, texts are of hundreds, and
of most types nobody knows how they begin.
"""

import mimetypes
from collections.abc import Iterator
from typing import Final

from gateway_worker.media.signatures import UNKNOWN

_ANYTHING: Final = frozenset({UNKNOWN, "binary/octet-stream", "application/binary", "application/x-binary"})
_ISO_MEDIA: Final = frozenset(
    {
        *("video/mp4", "audio/mp4", "application/mp4", "video/x-m4v", "audio/x-m4a", "audio/m4a", "audio/x-m4b"),
        *("video/quicktime", "video/3gpp", "video/3gpp2", "audio/3gpp", "audio/3gpp2", "video/h264", "audio/aac"),
    }
)
_STILLS: Final = frozenset(
    {"image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence", "image/avif", "image/x-canon-cr3"}
)
_MATROSKA: Final = frozenset(
    {"video/webm", "audio/webm", "video/x-matroska", "audio/x-matroska", "video/matroska", "audio/matroska"}
)
_PROGRAMS: Final = ("application/x-ms", "application/vnd.microsoft", "application/x-dos", "application/x-exec")
_FAMILIES: Final = {
    "image/jpeg": frozenset({"image/jpeg", "image/jpg", "image/pjpeg", "image/mpo"}),
    "image/png": frozenset({"image/png", "image/apng", "image/x-png", "image/vnd.mozilla.apng"}),
    "image/gif": frozenset({"image/gif"}),
    "image/bmp": frozenset({"image/bmp", "image/x-bmp", "image/x-ms-bmp"}),
    "image/tiff": frozenset({"image/tiff", "image/tif", "image/tiff-fx"}),
    "image/webp": frozenset({"image/webp"}),
    **dict.fromkeys(("image/heic", "image/heif", "image/avif", "image/x-canon-cr3"), _STILLS),
    "audio/mpeg": frozenset({"audio/mpeg", "audio/mp3", "audio/x-mp3", "audio/mpeg3", "audio/x-mpeg", "audio/mpa"}),
    "audio/aac": frozenset({"audio/aac", "audio/aacp", "audio/x-aac", "audio/x-hx-aac-adts"}),
    "audio/amr": frozenset({"audio/amr", "audio/amr-wb", "audio/3gpp"}),
    "audio/ogg": frozenset({"audio/ogg", "video/ogg", "application/ogg", "audio/opus", "audio/vorbis", "audio/speex"}),
    "audio/flac": frozenset({"audio/flac", "audio/x-flac"}),
    "audio/wav": frozenset({"audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"}),
    "audio/aiff": frozenset({"audio/aiff", "audio/x-aiff"}),
    "video/x-msvideo": frozenset({"video/x-msvideo", "video/avi", "video/msvideo"}),
    **dict.fromkeys(("video/mp4", "audio/mp4", "video/3gpp", "video/quicktime"), _ISO_MEDIA),
    "video/x-matroska": _MATROSKA,
    "video/mp2t": frozenset({"video/mp2t", "video/mpeg", "video/vnd.dlna.mpeg-tts"}),
    "video/mpeg": frozenset({"video/mpeg", "video/mp2p", "video/x-mpeg", "video/dvd"}),
    "video/mpv": frozenset({"video/mpv", "video/mpeg", "video/x-mpeg"}),
    "video/x-flv": frozenset({"video/x-flv"}),
    "audio/x-ms-wma": frozenset({"audio/x-ms-wma", "video/x-ms-wmv", "video/x-ms-asf", "application/vnd.ms-asf"}),
    "application/pdf": frozenset({"application/pdf", "application/x-pdf", "text/pdf"}),
    "application/zip": frozenset({"application/zip", "application/x-zip-compressed", "application/x-zip"}),
    "application/gzip": frozenset({"application/gzip", "application/x-gzip"}),
}
"""By what is found: the names that it may have."""
_CHECKABLE: Final = frozenset[str]().union(*_FAMILIES.values())
_PACKED: Final = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_OFFICE: Final = ("application/vnd.openxmlformats-", "application/vnd.oasis.opendocument.", "application/epub")
_ARCHIVES: Final = frozenset({"application/zip", "application/x-ole-storage"})  # a sealed document is of the latter
_ENDLESS: Final = frozenset(
    {"video/mpeg", "video/mp2t", "audio/mpeg", "audio/mp3", "audio/x-mp3", "video/quicktime", "video/mp4"}
)
"""They begin in more ways than our table knows."""
_PDF_WITHIN: Final = 1024  # bytes that may stand in front of it (Adobe's own reader)
_TEXTS: Final = ("text/", "application/json", "application/xml", "application/rtf", "application/javascript")
_TEXT_ENDINGS: Final = ("+xml", "+json", "/csv", "/x-yaml", "/yaml", "/sql", "/x-ndjson")


def family_of(mimetype: str) -> str:
    """A media type without its parameters."""
    return mimetype.partition(";")[0].strip().lower()


def said_by(declared: str | None, file_name: str | None) -> Iterator[str]:
    """What is said of a file, the one who sends it first."""
    if declared is not None:
        yield declared
    by_name, packed = mimetypes.guess_type(file_name or "")
    if packed is not None:  # a tar in a gzip is a gzip
        by_name = _PACKED.get(packed)
    if by_name is not None:
        yield by_name


def is_contradicted(  # noqa: PLR0911 (one line a sort of type)
    said: str, found: str, head: bytes, *, is_text: bool
) -> bool:
    """Whether a file that begins with `head`, where `found` was seen, cannot be what is said."""
    name = family_of(said)
    if name in _ANYTHING or name in _FAMILIES.get(found, frozenset()):
        return False
    if found in {"application/x-msdownload", "application/x-elf"}:
        return not name.startswith(_PROGRAMS) and name != "application/x-elf"
    if name.startswith(_TEXTS) or name.endswith(_TEXT_ENDINGS):
        return found != UNKNOWN and not is_text
    if name == "application/pdf" and b"%PDF-" in head[:_PDF_WITHIN]:
        return False
    if name.startswith(_OFFICE):
        return is_text or (found != UNKNOWN and found not in _ARCHIVES)
    if name in _CHECKABLE:
        return is_text or found != UNKNOWN or name not in _ENDLESS
    return _is_of_another_sort(name, found)


def _is_of_another_sort(name: str, found: str) -> bool:
    """A type that we cannot check may be a container of many; a sound is no picture all the same."""
    sort, found_sort = name.partition("/")[0], found.partition("/")[0]
    return found != UNKNOWN and sort in {"image", "audio", "video", "text"} and sort != found_sort
