"""What lies on the media host, and who may put something there. Plain values. Pure."""

from dataclasses import dataclass, field

MAX_BLOB = 128 << 20
"""Bytes of one upload, unless a run asks for more: all blobs lie in memory."""


@dataclass(slots=True, kw_only=True)
class Stored:
    """A blob at a path."""

    blob: bytes
    signature: str
    """The `oh` of the path's query, without which nothing is handed out."""
    people: frozenset[str]
    """Phones of who uploaded it and of whom it was sent to, as far as that is known: whom faults hit."""
    refused: int | None = None
    """The status with which a fault has struck it."""
    safe: bool = False
    """Uploaded again on request: faults strike elsewhere."""


@dataclass(slots=True, kw_only=True)
class MediaHost:
    """All blobs by path, oldest first."""

    stored: dict[str, Stored] = field(default_factory=dict[str, Stored])
    size: int = 0
    largest: int = MAX_BLOB
    """Bytes of one upload."""
    auths: dict[str, str] = field(default_factory=dict[str, str])
    """Upload tokens, and the phones to whose companions they were given."""
