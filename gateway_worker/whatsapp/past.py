"""The history that a phone had before this device was linked to it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway_worker.whatsapp.incoming import Arrived, Entry, StoredEntry
from gateway_worker.whatsapp.people import ContactReport
from gateway_worker.whatsapp.timers import ReportedChatTimer


@dataclass(frozen=True, slots=True, kw_only=True)
class PastMessage:
    """A message that the phone had before this device was linked, or what was done to one.

    Attributes:
        entry: its WAProto, for quotes, forwards and files; empty of a change that the phone keeps beside its message.
        message: what a backend sees.
        status: of one of ours, as far as the phone knows (``sent``, ``delivered``, ``read``, ``played``).
        order: tells it from others of the same second: they follow each other.
        opened: it was stored as a change that is sealed: what it says takes that one's place.
    """

    entry: StoredEntry
    message: Arrived
    status: str | None
    order: int
    opened: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """A part of the history is complete. `progress` in percent.

    `chats`, `messages` and `contacts` (names of people that came as a list) are those of this part.
    """

    progress: int
    chats: int
    messages: int
    contacts: int = 0
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPart:
    """A slice of a part of the phone's history; with the last slice `synced`, and what it makes `processed`.

    Messages that nobody can read are apart, in `unreadable`.
    """

    messages: Sequence[PastMessage] = ()
    unreadable: Sequence[Entry] = ()
    contacts: Sequence[ContactReport] = ()
    synced: Synced | None = None
    processed: Sequence[str] = ()
    timers: Sequence[ReportedChatTimer] = ()
