"""People in the port's words: whether they are there, how they look, what they do just now. Pure."""

from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactReport:
    """What is told of a person: what is None is not told, what is empty is gone.

    Attributes:
        jid: in either addressing, without a device number; `lid` and `phone` as far as they are known.
        push_name: what the person calls itself; `saved_name`: what the account's owner calls it.
        verified_name: of a business.
        about: the person's status text.
        picture: whatever tells this profile picture from another one; empty: it was removed.
        blocked: whether the account has blocked that person.
        timestamp: Unix seconds; None: just now; 0: nobody knows since when.
    """

    jid: str
    lid: str | None = None
    phone: str | None = None
    push_name: str | None = None
    saved_name: str | None = None
    verified_name: str | None = None
    about: str | None = None
    picture: str | None = None
    blocked: bool | None = None
    timestamp: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactsReported:
    """News of people. `from_before`: it was so before this device was linked."""

    contacts: Sequence[ContactReport]
    from_before: bool = False
