"""People in the port's words: whether they are there, how they look, what they do just now. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class PresenceState(StrEnum):
    """What a chat sees of us, or we of it."""

    TYPING = "typing"
    RECORDING = "recording"
    PAUSED = "paused"
    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactCheck:
    """Whether a number is on WhatsApp. `phone` as asked (E.164 with ``+``)."""

    phone: str
    exists: bool
    jid: str | None = None
    lid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A profile picture: where it is, or why there is none. `hidden`: it is not for us."""

    id: str | None = None
    url: str | None = None
    hidden: bool = False
