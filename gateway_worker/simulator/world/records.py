"""What is known of every message: when it was taken, acked, handed over, read and receipted. Plain values. Pure.

`order` numbers rise with everything that is noted, so that what happened first has the lower number, across all
messages and chats.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.jids import parse_jid

MAX_RECORDS = 50_000
"""Messages in the ledger; the oldest go first and are counted (`ledgerDropped`). `DELETE /ledger` empties it."""
MAX_NOTES = 32
"""Acceptances of one message, and receipts of one device for it, that are kept one by one."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened: when (s since the epoch), in which order, and what (`what` is the list's own word)."""

    at: float
    order: int
    what: str = ""


@dataclass(slots=True, kw_only=True)
class Delivered:
    """A message and one device that it was for."""

    own: bool
    """A device of the sender's own account."""
    arrivals: int = 0
    """How often it was handed over: to a connection, or to a phone that is online. 0: it waits in the queue."""
    first_arrival: Note | None = None
    decrypted: int = 0
    """How often a phone read it. What companions decrypt the server cannot know: see the receipts."""
    first_decrypted: Note | None = None
    failures: dict[str, int] = field(default_factory=dict[str, int])
    """Of a phone, by cause."""
    receipts: list[Note] = field(default_factory=list[Note])
    """`what` is the receipt's type, `delivery` for one without."""
    receipted: int = 0
    """How many receipts there were, also beyond those that are kept."""


@dataclass(slots=True, kw_only=True)
class Record:
    """One message id of one sending device."""

    message_id: str
    sender: str
    """JID of the device, by number."""
    phone: str
    """The sender's."""
    chat: str
    order: int
    accepted: list[Note] = field(default_factory=list[Note])
    """Each time the server took it; `what` is the device that a resend was for, if it was for one only."""
    times_accepted: int = 0
    acked: int = 0
    refused: list[int] = field(default_factory=list[int])
    """Codes of acks that refused it."""
    delivered: dict[str, Delivered] = field(default_factory=dict[str, Delivered])
    """By the JID of the device, by number."""


@dataclass(slots=True, kw_only=True)
class Ledger:
    """All records, in the order in which their messages first came."""

    records: dict[tuple[str, str], Record] = field(default_factory=dict[tuple[str, str], Record])
    by_id: dict[str, list[Record]] = field(default_factory=dict[str, list[Record]])
    last_order: int = 0
    dropped: int = 0

    def clear(self) -> int:
        """Forgets everything but the order; returns how many records there were."""
        count = len(self.records)
        self.records.clear()
        self.by_id.clear()
        return count

    def since(self, order: int, phone: str | None) -> Iterator[Record]:
        """Records above that order, of messages from or to that phone (None: any)."""
        for record in self.records.values():
            if record.order > order and (phone is None or _concerns(record, phone)):
                yield record

    def note(self, now: float, what: str = "") -> Note:
        """The next note."""
        self.last_order += 1
        return Note(now, self.last_order, what)

    def open(self, now: float, node: Node, *, sender: str, phone: str) -> Record:
        """The record of a message stanza from its sender: the JID of the device, and whose it is."""
        message_id = node.attrs.get("id", "")
        record = self.records.get((message_id, sender))
        if record is None:
            order = self.note(now).order
            record = Record(
                message_id=message_id, sender=sender, phone=phone, chat=node.attrs.get("to", ""), order=order
            )
            self.records[message_id, sender] = record
            self.by_id.setdefault(message_id, []).append(record)
            if len(self.records) > MAX_RECORDS:
                self._drop(next(iter(self.records.values())))
        return record

    def _drop(self, record: Record) -> None:
        del self.records[record.message_id, record.sender]
        same = self.by_id[record.message_id]
        same.remove(record)
        if not same:
            del self.by_id[record.message_id]
        self.dropped += 1


def _concerns(record: Record, phone: str) -> bool:
    return record.phone == phone or any(parse_jid(jid).user == phone for jid in record.delivered)
