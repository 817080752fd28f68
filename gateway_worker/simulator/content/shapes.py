"""What a message says besides its stanza: `content` as in the contract, quote, mentions, flags. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message
from gateway_worker.simulator.wire.media import MediaKind

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The message that another one answers: its id, its author (a JID) and, if known, itself."""

    message_id: str
    author: str
    message: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a message says: `content` as in the contract, the quote, the mentioned JIDs, and how it was sent."""

    content: Json
    quote: Quote | None = None
    mentions: list[str] = field(default_factory=list[str])
    mentions_all: bool = False
    """Everybody in the group."""
    forwarded: bool = False
    view_once: bool = False
    disappearing: int = 0
    """Seconds after which it goes; 0: it stays."""

    def to_json(self) -> Json:
        """The keys `content`, `quote?`, `mentions?`, `mentionsAll?`, `forwarded?` and `viewOnce?`."""
        out: Json = {"content": self.content}
        if self.quote:
            out["quote"] = {"messageId": self.quote.message_id, "sender": self.quote.author}
        if self.mentions:
            out["mentions"] = self.mentions
        if self.mentions_all:
            out["mentionsAll"] = True
        if self.forwarded:
            out["forwarded"] = True
        if self.view_once:
            out["viewOnce"] = True
        if self.disappearing:
            out["disappearingSeconds"] = self.disappearing
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """A file that lies encrypted at a media host: what a message says of it."""

    url: str
    direct_path: str
    media_key: bytes
    sha256: bytes
    blob_sha256: bytes
    size: int
    """Bytes of the file itself."""
    timestamp: int
    """When the media key was made, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What writing a message needs from its phone: `upload(file, kind)`, and `entropy(n)` for secrets."""

    upload: Callable[[bytes, MediaKind], Uploaded]
    entropy: Callable[[int], bytes]
