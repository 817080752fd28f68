"""Compares the ledgers of all sides and counts what does not match. Pure: made-up ledgers test every kind of defect."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tests.chaos.accounts.ledgers import Event, Ledgers, distinct, in_sequence, is_final_failure
from tests.chaos.accounts.statuses import wrong_statuses


class Kind(StrEnum):
    """What may not match."""

    LOST_COMMAND = "lost command"
    """Confirmed, but its message is at no phone, and no final failure or rejection was told."""
    LOST_MESSAGE = "lost message"
    """A phone sent it, and no `message.received` tells of it."""
    LOST_EVENT = "lost event"
    """It stands in the outbox and never came to the event queue."""
    LOST_ROW = "lost row"
    """A confirmed command or a phone's message without a row in PostgreSQL."""
    DOUBLED_MESSAGE = "doubled at the phone"
    """One command, two messages."""
    DOUBLED_FACT = "doubled event"
    """One fact under two event ids: no consumer can tell."""
    OUT_OF_ORDER_AT_PHONE = "out of order at the phone"
    OUT_OF_ORDER_EVENT = "out of order event"
    """By arrival against the sequence."""
    LATE = "told after what was written later"
    """By the sequence against the order in which the phone sent."""
    GAP = "sequence gap"
    REPEATED_SEQUENCE = "sequence repeated with other contents"
    WRONG_STATUS = "wrong status"
    STALE_WRITE = "stale write"
    """An event under an epoch that had already ended."""
    STALE_SEND = "stale send"
    """Sent again by a worker that woke up after others had taken its sessions."""
    RESENT = "re-sent under the same id"
    REPEATED_EVENT = "event repeated under the same id"
    REDELIVERED_EVENT = "event redelivered by the broker"
    FAILED = "told as failed"
    """Nobody doubled it and nobody lost it, but none of the load's commands gives a reason to fail."""


COUNTED_APART: Final = frozenset({Kind.RESENT, Kind.REPEATED_EVENT, Kind.REDELIVERED_EVENT})
"""Allowed where a confirmation may be lost, and reported: recipients and consumers recognise the id."""

_JUMP: Final = 10**8
"""Of a restored session's sequence; no scenario tells so much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that does not match. `evidence` names it by ids alone."""

    kind: Kind
    evidence: str


Rule = Callable[[Ledgers], Iterator[Finding]]


def check(ledgers: Ledgers) -> Sequence[Finding]:
    """Everything that does not match."""
    return [finding for rule in RULES for finding in rule(ledgers)]


def _lost_commands(ledgers: Ledgers) -> Iterator[Finding]:
    arrived = {arrival.label for arrival in ledgers.arrivals}
    ended = {event.command_id for event in ledgers.events if is_final_failure(event)}
    for command in ledgers.commands:
        if command.id not in arrived and command.id not in ended:
            yield Finding(kind=Kind.LOST_COMMAND, evidence=f"{command.session_id} command {command.id}")


def _failed(ledgers: Ledgers) -> Iterator[Finding]:
    for event in distinct(ledgers.events):
        if is_final_failure(event):
            evidence = f"{event.session_id} command {event.command_id}: {event.code}"
            yield Finding(kind=Kind.FAILED, evidence=evidence)


def _lost_messages(ledgers: Ledgers) -> Iterator[Finding]:
    published = {
        (event.session_id, event.message_id) for event in ledgers.events if event.type == "message.received.v1"
    }
    for message in ledgers.phone_messages:
        if (message.session_id, message.message_id) not in published:
            yield Finding(kind=Kind.LOST_MESSAGE, evidence=f"{message.session_id} message {message.message_id}")


def _lost_events(ledgers: Ledgers) -> Iterator[Finding]:
    published = {event.id for event in ledgers.events}
    for row in ledgers.outbox:
        if row.event_id not in published:
            yield Finding(kind=Kind.LOST_EVENT, evidence=f"{row.session_id} sequence {row.sequence} {row.event_id}")


def _lost_rows(ledgers: Ledgers) -> Iterator[Finding]:
    commands = {row.command_id for row in ledgers.rows}
    messages = {(row.session_id, row.message_id) for row in ledgers.rows}
    rejected = {event.command_id for event in ledgers.events if event.type == "command.rejected.v1"}
    for command in ledgers.commands:
        if command.id not in commands | rejected and not ledgers.was_forgotten(command.confirmed_at):
            yield Finding(kind=Kind.LOST_ROW, evidence=f"{command.session_id} command {command.id}")
    for message in ledgers.phone_messages:
        known = (message.session_id, message.message_id) in messages
        if not known and not ledgers.was_forgotten(message.confirmed_at):
            yield Finding(kind=Kind.LOST_ROW, evidence=f"{message.session_id} message {message.message_id}")


def _doubled_messages(ledgers: Ledgers) -> Iterator[Finding]:
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for arrival in ledgers.arrivals:
        ids[arrival.label].add(arrival.message_id)
        if arrival.copies > 1:
            evidence = f"message {arrival.message_id}: {arrival.copies} copies"
            yield Finding(kind=Kind.RESENT, evidence=evidence)
    for label, found in ids.items():
        if len(found) > 1:
            yield Finding(kind=Kind.DOUBLED_MESSAGE, evidence=f"command {label}: messages {', '.join(sorted(found))}")


def _doubled_events(ledgers: Ledgers) -> Iterator[Finding]:
    arrivals: defaultdict[str, list[Event]] = defaultdict(list)
    for event in ledgers.events:
        arrivals[event.id].append(event)
    for first, *more in arrivals.values():
        for event in more:
            kind = Kind.REDELIVERED_EVENT if event.redelivered else Kind.REPEATED_EVENT
            yield Finding(kind=kind, evidence=f"{first.session_id} {first.type} {first.id}")
    remembered = (event for event in distinct(ledgers.events) if not ledgers.was_forgotten(event.received_at))
    facts = Counter(event.fact for event in remembered if event.fact is not None)
    for fact, count in facts.items():
        if count > 1:
            published = " ".join(str(part) for part in fact if part)
            yield Finding(kind=Kind.DOUBLED_FACT, evidence=f"{published}: {count} event ids")


def _order_at_phones(ledgers: Ledgers) -> Iterator[Finding]:
    commands = {command.id: command for command in ledgers.commands}
    last: dict[tuple[str, str], int] = {}
    for arrival in ledgers.arrivals:
        command = commands.get(arrival.label)
        if command is None:
            continue
        chat = command.session_id, arrival.phone
        if command.number < last.get(chat, -1):
            evidence = f"{command.session_id} command {command.id} ({command.number} after {last[chat]})"
            yield Finding(kind=Kind.OUT_OF_ORDER_AT_PHONE, evidence=evidence)
        last[chat] = max(command.number, last.get(chat, -1))


def _order_of_arrival(ledgers: Ledgers) -> Iterator[Finding]:
    """Events come in the order of their sequence. What the broker redelivers, or the relay repeats, is no disorder."""
    last: dict[str, int] = {}
    for event in distinct(ledgers.events):
        if event.sequence is None:
            continue
        highest = last.get(event.session_id, 0)
        if event.sequence < highest and not event.redelivered:
            evidence = f"{event.session_id} sequence {event.sequence} after {highest}"
            yield Finding(kind=Kind.OUT_OF_ORDER_EVENT, evidence=evidence)
        last[event.session_id] = max(event.sequence, highest)


def _order_of_events(ledgers: Ledgers) -> Iterator[Finding]:
    """By sequence, a chat's messages are told in the order in which the phone sent them."""
    sent = {(message.session_id, message.message_id): message for message in ledgers.phone_messages}
    last: dict[tuple[str, str], int] = {}
    for event in in_sequence(ledgers.events):
        message = sent.get((event.session_id, event.message_id or ""))
        if event.type != "message.received.v1" or message is None:
            continue
        chat = message.session_id, message.phone
        if message.number < last.get(chat, -1):
            evidence = f"{event.session_id} message {event.message_id} ({message.number} after {last[chat]})"
            yield Finding(kind=Kind.LATE, evidence=evidence)
        last[chat] = max(message.number, last.get(chat, -1))


def _gaps(ledgers: Ledgers) -> Iterator[Finding]:
    """Every number from the baseline to the highest that the queue or the outbox knows has come.

    Where the database was restored there is one jump, and no gap before or behind it.
    """
    seen: defaultdict[str, set[int]] = defaultdict(set)
    for event in ledgers.events:
        if event.sequence is not None:
            seen[event.session_id].add(event.sequence)
    highest = {session_id: max(sequences) for session_id, sequences in seen.items()}
    for row in ledgers.outbox:
        highest[row.session_id] = max(row.sequence, highest.get(row.session_id, 0))
    for session_id, last in highest.items():
        first = ledgers.baseline.get(session_id, 0) + 1
        lives = [range(first, last + 1)]
        if ledgers.forgotten is not None and last - first > _JUMP:
            later = {sequence for sequence in seen[session_id] if sequence - first > _JUMP}
            sooner = seen[session_id] - later
            lives = [range(first, max(sooner, default=0) + 1), range(min(later, default=last), last + 1)]
        for missing in sorted({number for life in lives for number in life} - seen[session_id]):
            yield Finding(kind=Kind.GAP, evidence=f"{session_id} sequence {missing}")


def _repeated_sequences(ledgers: Ledgers) -> Iterator[Finding]:
    """A number is one event's, for ever: also after the database was restored."""
    ids: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    for event in ledgers.events:
        if event.sequence is not None:
            ids[event.session_id, event.sequence].add(event.id)
    for (session_id, sequence), found in ids.items():
        if len(found) > 1:
            yield Finding(kind=Kind.REPEATED_SEQUENCE, evidence=f"{session_id} sequence {sequence}: {len(found)} ids")


def _statuses(ledgers: Ledgers) -> Iterator[Finding]:
    for evidence in wrong_statuses(ledgers):
        yield Finding(kind=Kind.WRONG_STATUS, evidence=evidence)


def _stale_writes(ledgers: Ledgers) -> Iterator[Finding]:
    """The sequence is given under the session's lock, so an epoch that falls along it was written by a dead owner."""
    last: dict[str, int] = {}
    for row in sorted(ledgers.outbox, key=lambda row: (row.session_id, row.sequence)):
        if row.epoch < last.get(row.session_id, 0):
            evidence = f"{row.session_id} sequence {row.sequence}: epoch {row.epoch} after {last[row.session_id]}"
            yield Finding(kind=Kind.STALE_WRITE, evidence=evidence)
        last[row.session_id] = max(row.epoch, last.get(row.session_id, 0))


def _stale_sends(ledgers: Ledgers) -> Iterator[Finding]:
    if ledgers.thawed_at is None:
        return
    known: set[str] = set()
    for acceptance in sorted(ledgers.acceptances or (), key=lambda acceptance: acceptance.at):
        if acceptance.message_id in known and acceptance.at > ledgers.thawed_at:
            yield Finding(kind=Kind.STALE_SEND, evidence=f"message {acceptance.message_id} after the thaw")
        known.add(acceptance.message_id)


RULES: Final[Sequence[Rule]] = (
    _lost_commands,
    _failed,
    _lost_messages,
    _lost_events,
    _lost_rows,
    _doubled_messages,
    _doubled_events,
    _order_at_phones,
    _order_of_arrival,
    _order_of_events,
    _gaps,
    _repeated_sequences,
    _statuses,
    _stale_writes,
    _stale_sends,
)
