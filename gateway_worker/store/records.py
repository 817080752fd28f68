"""What the store gives and takes: rows as plain values. No driver, no I/O.

All times are timezone-aware UTC. JSON objects are plain mappings in the contract's spelling (camelCase): the store
keeps them, it does not interpret them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, cast

from schemas.commands.commands import Command, CommandKey
from schemas.names import MessageId, SessionId, UserId, WorkerId

Json = Mapping[str, object]
Carried = Mapping[str, bool | int | str]
"""What of a command's envelope comes back with what answers it: `schemas.envelope.Envelope.carried`."""
MessageName = tuple[MessageId, int]
"""A message of a session: its id, and which of the messages under that id it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """Who writes: a session under the epoch its owner claimed it with. A higher epoch in the database refuses it."""

    session_id: SessionId
    epoch: int


class Desired(StrEnum):
    """What the backend wants of a session; its owner reconciles the connection with it."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    LOGGED_OUT = "logged_out"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class CausedBy:
    """The command from which an event follows: its ids, and what of its envelope comes back."""

    command_id: str
    correlation_id: str | None = None
    carried: Carried = field(default_factory=dict[str, bool | int | str])

    @classmethod
    def by(cls, command: Command[Any]) -> "CausedBy":
        """This command."""
        return cls(command_id=command.id, correlation_id=command.correlation_id, carried=command.envelope.carried)

    def to_json(self) -> Json:
        """To be stored."""
        return {"command": self.command_id, "correlation": self.correlation_id, "carried": dict(self.carried)}

    @classmethod
    def of(cls, stored: Json | None) -> "CausedBy | None":
        """What `to_json` made; None of nothing."""
        if stored is None:
            return None
        known = cast("Any", stored)
        return cls(command_id=known["command"], correlation_id=known["correlation"], carried=known["carried"])


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """What `create` needs to know. `pairing`, `options` and `limits` as in the command's data."""

    session_id: SessionId
    user_id: UserId
    pairing: Json
    options: Json = field(default_factory=dict[str, object])
    limits: Json = field(default_factory=dict[str, object])
    state: str = "disconnected"
    desired: Desired = Desired.CONNECTED
    caused_by: CausedBy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """One session's row.

    Attributes:
        state: one of the contract's states.
        state_since: when `state` last changed.
        reason: ``{code, message, action}`` of the state, if it has one.
        retry_at: when a disconnected session will try again by itself.
        desired: what the backend wants; `generation` rises with each wish, `applied_generation` follows it.
        restart_generation: the generation of the last wish to restart, 0 if there was none.
        purge: whether deleting also destroys messages.
        owner: the worker that claimed it last, None after a release. `incarnation` tells its runs apart.
        leaving: the worker that it is to leave, or has left; None when it is to go nowhere.
        epoch: the fencing token; rises with each claim.
        sequence: of the last durable event.
        phone, jid, lid, push_name: the paired account, as far as known.
        caused_by: the command of the last order, until that is fulfilled.
    """

    session_id: SessionId
    user_id: UserId
    state: str
    state_since: datetime
    reason: Json | None
    retry_at: datetime | None
    desired: Desired
    generation: int
    applied_generation: int
    restart_generation: int
    purge: bool
    owner: WorkerId | None
    incarnation: str | None
    leaving: WorkerId | None
    epoch: int
    sequence: int
    phone: str | None
    jid: str | None
    lid: str | None
    push_name: str | None
    pairing: Json
    options: Json
    limits: Json
    created_at: datetime
    caused_by: CausedBy | None = None

    @property
    def fence(self) -> Fence:
        """The fence of whoever holds it at this epoch."""
        return Fence(session_id=self.session_id, epoch=self.epoch)

    @property
    def settings(self) -> tuple[Json, Json, Json]:
        """What `create` gave: pairing, options, limits."""
        return self.pairing, self.options, self.limits

    @property
    def has_wish(self) -> bool:
        """Whether something desired is still to be done."""
        return self.generation > self.applied_generation

    @property
    def restart_wished(self) -> bool:
        """Whether a restart is still to be done."""
        return self.restart_generation > self.applied_generation

    @property
    def move_wished(self) -> bool:
        """Whether it is still to leave its owner."""
        return self.owner is not None and self.leaving == self.owner


class UserSpan(StrEnum):
    """Within what messages of a user are counted."""

    MINUTE = "minute"
    DAY = "day"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserLimit:
    """What all sessions of a user may send together; None: any number."""

    per_minute: int | None = None
    per_day: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A message of a user that was counted under a number, and may go at `at`.

    Of the day it goes now or not at all: without a number nothing was counted, and there is room at `at`.
    """

    number: int | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Free slots of the other live workers that take sessions, and the sessions that wait for one.

    Attributes:
        unserved: those of the waiting of which it was told that no worker has room for them.
    """

    free: int
    waiting: int
    unserved: int = 0

    @property
    def left(self) -> int:
        """How many more sessions can be handed over now."""
        return max(0, self.free - self.waiting)


class Direction(StrEnum):
    """Which way a message went. Messages from the account's other devices are incoming too."""

    OUTGOING = "outgoing"
    INCOMING = "incoming"


class Status(StrEnum):
    """A message's status. Outgoing ones only ever move forward (see `gateway_worker.store.writing.status_order`)."""

    PENDING = "pending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    FAILED = "failed"
    RECEIVED = "received"  # every incoming message, for good


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageTally:
    """How many messages of one direction and kind stand at one status."""

    direction: Direction
    kind: str
    status: Status
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantReceipt:
    """How far one participant of a group is with a message; steps that were skipped have no time."""

    participant: str
    status: Status
    delivered_at: datetime | None
    read_at: datetime | None
    played_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRecord:
    """One message, either direction, with its ledger.

    Attributes:
        number: which of the messages under this id: 0 is ours, sent by a command; strangers choose theirs.
        chat: JID of the chat, or what `to` said while the JID is not known.
        recipient: `to` as the command gave it; None for incoming ones.
        about: the earlier message that this one changes, if it does.
        content: the contract's content object, or what the change is.
        statuses: when each status was reached; statuses that were skipped are missing.
        error: ``{code, message, detail?}`` of a failed one.
        attempts: how often sending it was begun.
        expires_at: when it disappears; None: it stays.
        starred: by this account, on whichever of its devices.
        labels: ids of labels that are, or were, on it, with commas between them; None: none.
        at: WhatsApp's time of an incoming one, ours of an outgoing one.
    """

    session_id: SessionId
    message_id: MessageId
    number: int
    direction: Direction
    chat: str
    sender: str | None
    recipient: str | None
    from_me: bool
    kind: str
    about: str | None
    content: Json
    command_source: str | None
    command_id: str | None
    correlation_id: str | None
    status: Status
    statuses: Mapping[Status, datetime]
    error: Json | None
    attempts: int
    expires_at: datetime | None
    starred: bool
    labels: str | None = None
    at: datetime
    created_at: datetime

    @property
    def is_final(self) -> bool:
        """Whether sending it is over: WhatsApp's server has it, or it failed."""
        return self.status is not Status.PENDING


class MediaState(StrEnum):
    """How far the file of a message that came in is."""

    PENDING = "pending"  # to be fetched
    READY = "ready"
    FAILED = "failed"
    SKIPPED = "skipped"  # fetched when somebody asks for it


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRecord:
    """The file of a message.

    Attributes:
        object: its key in the media bucket, where it is or will be.
        value: what the connection manager keeps of it, ``media`` of it in the contract's words.
        error: ``{code, message, detail?}`` of one that failed.
    """

    session_id: SessionId
    message_id: MessageId
    number: int
    state: MediaState
    object: str
    attempts: int
    value: Json = field(repr=False)
    error: Json | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRecord:
    """A decrypted part of an incoming stanza, or what one quoted of another message, as it is stored."""

    chat: str
    sender: str
    message_id: str
    index: int
    plaintext: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRecord:
    """A command the gateway has seen. `reply` is the settled answer; None while it is in progress."""

    key: CommandKey
    body_hash: bytes
    type: str
    done: bool
    reply: Json | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEvent:
    """A durable event of a session, as it is to be published. `event_id` never changes, also not when replayed."""

    event_id: str
    session_id: SessionId
    sequence: int
    epoch: int
    type: str
    time: datetime
    data: Json
    causation_id: str | None = None
    correlation_id: str | None = None
    carried: Carried = field(default_factory=dict[str, bool | int | str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How far a session's events reach: the oldest one that may still be replayed (None: none), and the newest ever."""

    oldest: int | None
    newest: int


class WorkerPhase(StrEnum):
    """What a worker says of itself."""

    ONLINE = "online"
    DRAINING = "draining"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRecord:
    """A worker's row. `lease_until` is on the database's clock."""

    worker_id: WorkerId
    incarnation: str
    endpoint: str
    max_sessions: int
    version: str
    status: WorkerPhase
    started_at: datetime
    heartbeat_at: datetime
    lease_until: datetime


NOBODY_SAYS: Final = datetime.fromtimestamp(0, UTC)
"""When the timer of a chat was set that the phone has listed, and whose messages stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRecord:
    """A label; without a name it is there no more."""

    label_id: str
    name: str | None = field(repr=False)
    color: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRecord:
    """One chat.

    Attributes:
        last_at: when its last message was stored; in 1970: none is known.
        last: that message; None where it is there no more.
        muted_until: Unix milliseconds; -1: for ever; 0: it is not muted.
        told_as: by which of its names the app state knows it.
        disappearing: after how many seconds its messages go; None: nobody has said so.
        labels: ids of labels that are, or were, on it.
    """

    chat: str
    last_at: datetime
    last: MessageName | None
    unread: int
    marked_unread: bool
    archived: bool
    pinned_at: datetime | None
    muted_until: int
    told_as: str | None
    disappearing: int | None
    labels: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Messages go after so many seconds, 0: they stay; when that was set, by WhatsApp's clock."""

    seconds: int
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerSigns:
    """What the database tells of a worker that owns sessions.

    Attributes:
        locked: its process holds its lock; it is free the moment that the process dies.
        leased: its lease runs.
    """

    worker_id: WorkerId
    locked: bool
    leased: bool
