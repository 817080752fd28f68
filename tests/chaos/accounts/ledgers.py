"""What each side wrote down about one scenario of the matrix. Pure: the checker gets nothing else.

Times are seconds since the epoch, all of one machine's clock. Nothing here holds a text: the texts of the load are the
labels of its messages.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

_LAG_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A `message.send` that the broker confirmed. `number` orders the commands of one chat."""

    id: str
    session_id: str
    phone: str  # of the recipient
    number: int
    confirmed_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneMessage:
    """What a phone sent to a session and WhatsApp took. `number` orders the messages of one chat."""

    message_id: str
    session_id: str
    phone: str  # of the sender
    number: int
    confirmed_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A message in a phone's inbox. `copies` counts how often it came under this id; `read`: its receipt has left."""

    phone: str
    label: str
    message_id: str
    copies: int = 1
    read: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """WhatsApp's server took a message, once. `acked`: it has acknowledged that message, now or another time."""

    message_id: str
    at: float
    acked: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One arrival at the event queue, `at` a time; `told_at` is when the fact was written down.

    `status` only on a message's status, `state` only on a session's.
    """

    id: str
    type: str
    session_id: str
    at: float
    received_at: float = 0.0
    sequence: int | None = None
    epoch: int | None = None
    redelivered: bool = False
    command_id: str | None = None
    message_id: str | None = None
    status: str | None = None
    participant: str | None = None
    code: str | None = None
    state: str | None = None
    worker_id: str | None = None

    @property
    def fact(self) -> tuple[str | None, ...] | None:
        """What it tells, if that can be true only once."""
        match self.type:
            case "message.status.v1":
                return (self.session_id, self.type, self.message_id, self.status, self.participant)
            case "message.received.v1":
                return (self.session_id, self.type, self.message_id)
            case _:
                return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of `messages`. `command_id` only of outgoing ones."""

    session_id: str
    message_id: str
    direction: str
    status: str
    command_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """A row of `outbox`."""

    session_id: str
    sequence: int
    event_id: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledgers:
    """All of them.

    Attributes:
        baseline: each session's sequence before the scenario.
        acceptances: None if WhatsApp keeps no ledger.
        thawed_at: when a frozen worker was let go again, long after others had taken its sessions.
        forgotten: between these times lies what PostgreSQL does not remember, since it was restored.
    """

    commands: Sequence[Command] = ()
    phone_messages: Sequence[PhoneMessage] = ()
    arrivals: Sequence[Arrival] = ()
    events: Sequence[Event] = ()
    rows: Sequence[Row] = ()
    outbox: Sequence[OutboxRow] = ()
    baseline: Mapping[str, int] = field(default_factory=dict[str, int])
    acceptances: Sequence[Acceptance] | None = None
    thawed_at: float | None = None
    forgotten: tuple[float, float] | None = None

    def was_forgotten(self, at: float) -> bool:
        """Whether PostgreSQL may not remember what was written down then; it saw it a little later than others."""
        return self.forgotten is not None and self.forgotten[0] - _LAG_SECONDS <= at <= self.forgotten[1]


def distinct(events: Iterable[Event]) -> Iterator[Event]:
    """The first arrival of each event id, in order of arrival."""
    known: set[str] = set()
    for event in events:
        if event.id not in known:
            known.add(event.id)
            yield event


def in_sequence(events: Iterable[Event]) -> Sequence[Event]:
    """As a consumer that obeys the contract reads them: each id once, by session and sequence."""
    durable = [event for event in distinct(events) if event.sequence is not None]
    return sorted(durable, key=lambda event: (event.session_id, event.sequence or 0))


def is_final_failure(event: Event) -> bool:
    """Whether it says that a command has had no effect and will have none."""
    return event.type == "command.rejected.v1" or event.status == "failed"
