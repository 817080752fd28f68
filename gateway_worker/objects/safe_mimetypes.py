"""The content type of a received file: what its first bytes say, else what its sender says, if that is harmless."""

import re
from typing import Final

OTHER: Final = "application/octet-stream"
_MAGIC: Final = (
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"GIF8", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
    (b"%PDF-", 0, "application/pdf"),
    (b"ID3", 0, "audio/mpeg"),
    (b"#!AMR", 0, "audio/amr"),
)
_TYPE: Final = re.compile(
    r"^(image|video|audio|application|font|model|text)/[a-z0-9][a-z0-9.+_-]{0,126}(; codecs=[a-z0-9.]{1,32})?$"
)
# A browser that opens one of these runs what is in it.
_ACTIVE: Final = re.compile(r"html|xml|svg|script|x-sh|x-msdownload|wasm|flash|java")
_LOTTIE: Final = "application/was"  # a sticker that is drawn, as WhatsApp packs it
_CONTAINERS: Final = {"image": "image/", "video": "video/", "audio": "audio/", "voice": "audio/", "sticker": "image/"}


def safe_mimetype(kind: str, declared: str | None, head: bytes) -> str:
    """The content type of a file of this kind, which its sender declares as `declared`, by its first bytes."""
    stated = (declared or "").strip().lower()
    for magic, at, mimetype in _MAGIC:
        if head[at : at + len(magic)] == magic:
            return mimetype
    if kind == "sticker" and stated == _LOTTIE:
        return stated
    family = _CONTAINERS.get(kind, "")
    if head[4:8] == b"ftyp" and not stated.startswith(("video/", "audio/", "image/")):
        stated = "audio/mp4" if family == "audio/" else "video/mp4"
    if head[:4] == b"OggS" and not stated.startswith(("audio/ogg", "video/ogg", "application/ogg")):
        stated = "audio/ogg"
    if not _TYPE.match(stated) or _ACTIVE.search(stated) or not stated.startswith(family):
        return OTHER
    return stated
