"""Files of messages in the port's words: what lies at WhatsApp's media host, and what a message says of it. Pure."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from schemas.content.content import Audio, Document, Image, Sticker, Video, Voice

FileContent = Image | Video | Audio | Voice | Document | Sticker


class FileClass(StrEnum):
    """How WhatsApp encrypts and keeps a file. One that was uploaded as one class cannot be sent as another."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"
    STICKER = "sticker"


FILE_CLASSES: dict[str, FileClass] = {
    "image": FileClass.IMAGE,
    "video": FileClass.VIDEO,
    "audio": FileClass.AUDIO,
    "voice": FileClass.AUDIO,
    "document": FileClass.DOCUMENT,
    "sticker": FileClass.STICKER,
}
"""The class of each kind of the contract."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReference:
    """A file that lies encrypted at WhatsApp's media host. Who has it can read the file.

    Attributes:
        url, direct_path: where; the path is without a host.
        media_key: 32 bytes from which the keys of the encryption come.
        sha256, encrypted_sha256: of the file, and of what lies there.
        size: bytes of the file.
        timestamp: when the media key was made, in Unix seconds.
    """

    url: str = field(repr=False)
    direct_path: str = field(repr=False)
    media_key: bytes = field(repr=False)
    sha256: bytes = field(repr=False)
    encrypted_sha256: bytes = field(repr=False)
    size: int
    timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMessage:
    """A content with its file, ready to send. `thumbnail` is a small JPEG, `waveform` 64 loudnesses of 0 to 100."""

    content: FileContent
    reference: FileReference
    width: int | None = None
    height: int | None = None
    seconds: int | None = None
    thumbnail: bytes | None = field(default=None, repr=False)
    waveform: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """A message exactly as it was encrypted before: `plaintext` is its serialised WAProto `Message`."""

    plaintext: bytes = field(repr=False)


def reference_data(reference: FileReference) -> dict[str, Any]:
    """A reference as JSON, bytes in base64."""
    return {
        "url": reference.url,
        "direct_path": reference.direct_path,
        "media_key": _text(reference.media_key),
        "sha256": _text(reference.sha256),
        "encrypted_sha256": _text(reference.encrypted_sha256),
        "size": reference.size,
        "timestamp": reference.timestamp,
    }


def reference_of(answer: Mapping[str, Any]) -> FileReference:
    """The same, read."""
    return FileReference(
        url=answer["url"],
        direct_path=answer["direct_path"],
        media_key=base64.b64decode(answer["media_key"]),
        sha256=base64.b64decode(answer["sha256"]),
        encrypted_sha256=base64.b64decode(answer["encrypted_sha256"]),
        size=answer["size"],
        timestamp=answer["timestamp"],
    )


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
