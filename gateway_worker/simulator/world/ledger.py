"""What became of every message, as the server and the phones saw it: `GET /ledger`. Pure.

One record per message id and sending device: each time the server took it, each ack, and for each recipient device how
often it arrived, was decrypted, failed, and was receipted. `order` numbers rise with everything that is noted, so that
what happened first has the lower number, across all messages and chats.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.jids import GROUP_SERVER, parse_jid
from gateway_worker.simulator.world.turn import Turn

if TYPE_CHECKING:
    from gateway_worker.simulator.world.model import Device, World

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

    def open(self, now: float, sender: "Device", node: Node) -> Record:
        """The record of a message stanza from its sender."""
        message_id, jid = node.attrs.get("id", ""), sender.jid()
        record = self.records.get((message_id, jid))
        if record is None:
            order = self.note(now).order
            chat = node.attrs.get("to", "")
            record = Record(message_id=message_id, sender=jid, phone=sender.account.phone, chat=chat, order=order)
            self.records[message_id, jid] = record
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


def _is_peer(node: Node) -> bool:
    """A phone's own words to its companions (keys, history) are no messages."""
    return node.attrs.get("category") == "peer"


def note_accepted(turn: Turn, sender: "Device", node: Node) -> None:
    """The server took a message from a device."""
    if _is_peer(node):
        return
    ledger = turn.world.ledger
    record = ledger.open(turn.now, sender, node)
    record.times_accepted += 1
    if len(record.accepted) < MAX_NOTES:
        record.accepted.append(ledger.note(turn.now, _only_for(node)))


def _only_for(node: Node) -> str:
    """The one device that a resend is for; empty if the message is for everybody in the chat."""
    to = node.attrs["to"]
    if parse_jid(to).server == GROUP_SERVER:
        return node.attrs.get("participant", "")
    return "" if node.child("participants") else to


def note_ack(turn: Turn, sender: "Device", node: Node, error: int | None) -> None:
    """The server acked a message, or refused it."""
    if _is_peer(node) or not node.attrs.get("id"):
        return
    record = turn.world.ledger.open(turn.now, sender, node)
    if error is None:
        record.acked += 1
    elif len(record.refused) < MAX_NOTES:
        record.refused.append(error)


def note_delivery(turn: Turn, device: "Device", node: Node) -> Delivered | None:
    """A message is for this device, whether it is there or not."""
    found = _find(turn.world, node)
    if found is None:
        return None
    record, sender = found
    jid = device.jid()
    delivered = record.delivered.get(jid)
    if delivered is None:
        delivered = record.delivered[jid] = Delivered(own=sender.account is device.account)
    return delivered


def note_arrival(turn: Turn, device: "Device", node: Node) -> None:
    """A message was handed to this device."""
    if delivered := note_delivery(turn, device, node):
        delivered.arrivals += 1
        if delivered.first_arrival is None:
            delivered.first_arrival = turn.world.ledger.note(turn.now)


def note_decrypted(turn: Turn, device: "Device", node: Node) -> None:
    """A phone read a message."""
    if delivered := note_delivery(turn, device, node):
        delivered.decrypted += 1
        if delivered.first_decrypted is None:
            delivered.first_decrypted = turn.world.ledger.note(turn.now)


def note_failure(turn: Turn, device: "Device", node: Node, cause: str) -> None:
    """A phone could not read a message."""
    if delivered := note_delivery(turn, device, node):
        delivered.failures[cause] = delivered.failures.get(cause, 0) + 1


def note_receipt(turn: Turn, reader: "Device", node: Node, message_ids: list[str]) -> None:
    """A device said something of messages."""
    ledger, jid = turn.world.ledger, reader.jid()
    for message_id in message_ids:
        for record in ledger.by_id.get(message_id, ()):
            if delivered := record.delivered.get(jid):
                delivered.receipted += 1
                if len(delivered.receipts) < MAX_NOTES:
                    delivered.receipts.append(ledger.note(turn.now, node.attrs.get("type") or "delivery"))


def _find(world: "World", node: Node) -> "tuple[Record, Device] | None":
    """The record of a message as its recipient gets it."""
    if node.tag != "message" or _is_peer(node):
        return None
    sender = world.device(node.attrs.get("participant") or node.attrs["from"])
    record = world.ledger.records.get((node.attrs["id"], sender.jid())) if sender else None
    return (record, sender) if record and sender else None
