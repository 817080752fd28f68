"""What a file is: told by its bytes, and where they say little, by who gave it.

Our own table (`signatures`) knows what WhatsApp shows and plays, and is strict; puremagic, which knows some hundred
signatures more, is asked about documents only, and only with the first bytes of the file.
"""

from pathlib import Path
from typing import Any, Final

import puremagic

from gateway_worker.media.declared import family_of, is_contradicted, said_by
from gateway_worker.media.signatures import BOMS, UNKNOWN, reads_as_text, sniff, tag_length

HEAD: Final = 4096
"""Bytes that are looked at."""

_MAX_TAGS: Final = 8
_CHANCE: Final = 3
"""A signature of so few bytes is found in files of every kind."""
_MOSTLY: Final = 0.7
_TELEPHONE: Final = {
    "audio/pcmu": "audio/x-mulaw",
    "audio/basic": "audio/x-mulaw",
    "audio/pcma": "audio/x-alaw",
    "audio/g722": "audio/g722",
    **dict.fromkeys((".ulaw", ".ul", ".mulaw", ".pcmu"), "audio/x-mulaw"),
    **dict.fromkeys((".alaw", ".al", ".pcma"), "audio/x-alaw"),
    ".g722": "audio/g722",
    ".sln": "audio/x-slin",
}
"""Sound of telephones that has no header at all: only its declared type, or its name, says what it is."""


def look(path: Path, declared: str | None = None, file_name: str | None = None) -> str:
    """The media type of a file; `UNKNOWN` where neither its bytes nor those who gave it say it."""
    with path.open("rb") as file:
        head = file.read(HEAD)
        is_tagged, at = False, 0
        for _ in range(_MAX_TAGS):
            if (length := tag_length(head)) is None:
                break
            is_tagged, at = True, at + length
            file.seek(at)
            head = file.read(HEAD)
    found = sniff(head.lstrip(b"\0") if is_tagged else head)  # tags are padded
    if is_tagged:
        return found if found.startswith("audio/") else "audio/mpeg"
    if found != UNKNOWN or (reads_as_text(head) and _is_utf8(head)):
        return found
    suffix = Path(file_name or "").suffix.lower()
    return _TELEPHONE.get(family_of(declared or ""), _TELEPHONE.get(suffix, UNKNOWN))


def document_type(head: bytes, declared: str | None, file_name: str | None) -> str:
    """The media type of a document: what its sender says, or its name, unless its bytes contradict that."""
    found = "audio/mpeg" if tag_length(head) is not None else sniff(head)
    is_text = reads_as_text(head) or head.startswith(BOMS)
    for said in said_by(declared, file_name):
        if not is_contradicted(said, found, head, is_text=is_text):
            return said
    if found != UNKNOWN:
        return found
    return "text/plain" if is_text and _is_readable(head) else _guessed(head) or UNKNOWN


def _guessed(head: bytes) -> str | None:
    try:
        matches: list[Any] = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError, IndexError):
        return None
    best = next((each for each in matches if each.mime_type and len(each.byte_match) > _CHANCE), None)
    return None if best is None else best.mime_type


def _is_readable(head: bytes) -> bool:
    """Whether it is text in UTF-8 or UTF-16, or in another encoding most of whose letters are ASCII's."""
    ascii_letters = sum(byte < 0x80 for byte in head)  # noqa: PLR2004 (the end of ASCII)
    return head.startswith(BOMS) or _is_utf8(head) or ascii_letters > _MOSTLY * len(head)


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3  # cut within a character
    return True
