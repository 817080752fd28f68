"""The file of a message that came in, as its sender's phone describes it: nothing of it is believed. Pure."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class KeyClass(StrEnum):
    """For what WhatsApp derives the keys of a file; a sticker is an image, a voice message audio."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"
    HISTORY = "history"
    APP_STATE = "app_state"

    @property
    def purpose(self) -> bytes:
        """What goes into the derivation."""
        return f"WhatsApp {self.value.replace('_', ' ').title()} Keys".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """Where an encrypted file lies at WhatsApp, and how it is read. Who has this can read it.

    Attributes:
        url, direct_path: where; at least one of both, the path is without a host.
        media_key: 32 bytes from which the keys come.
        sha256, encrypted_sha256: of the file, and of what lies there, where that is told.
        size: bytes of the file, where that is told.
    """

    key_class: KeyClass
    url: str | None = field(repr=False)
    direct_path: str | None = field(repr=False)
    media_key: bytes = field(repr=False)
    sha256: bytes | None = field(repr=False)
    encrypted_sha256: bytes | None = field(repr=False)
    size: int | None

    def at(self, direct_path: str) -> "RemoteFile":
        """The same file at another place."""
        return replace(self, url=None, direct_path=direct_path)

    def to_json(self) -> dict[str, Any]:
        """To be stored, encrypted."""
        return {
            "class": self.key_class.value,
            "url": self.url,
            "path": self.direct_path,
            "key": self.media_key.hex(),
            "sha256": None if self.sha256 is None else self.sha256.hex(),
            "encrypted": None if self.encrypted_sha256 is None else self.encrypted_sha256.hex(),
            "size": self.size,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "RemoteFile":
        """From what `to_json` made."""
        return cls(
            key_class=KeyClass(stored["class"]),
            url=stored["url"],
            direct_path=stored["path"],
            media_key=bytes.fromhex(stored["key"]),
            sha256=None if stored["sha256"] is None else bytes.fromhex(stored["sha256"]),
            encrypted_sha256=None if stored["encrypted"] is None else bytes.fromhex(stored["encrypted"]),
            size=stored["size"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRequest:
    """Asks the sender's phone, by way of our own, to put the file of a message at WhatsApp again.

    `participant` is the author in a group; `media_key` proves that we have the message.
    """

    message_id: str
    chat: str
    participant: str | None
    from_me: bool
    media_key: bytes = field(repr=False)
