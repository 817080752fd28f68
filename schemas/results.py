"""What the queries answer: the `result` of a ``command.result.v1``, one model per command (contract, 3)."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.content.changes import UnknownOptions
from schemas.content.content import Content
from schemas.events.events import Failure, MessageState, Reason, SessionState, WorkerState
from schemas.model import Instant, Model
from schemas.names import CommandId, MessageId, SessionId, UserId, WorkerId
from schemas.sequence import SequenceNumber


class DesiredState(StrEnum):
    """What a session should become; its owner works towards it."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    LOGGED_OUT = "logged_out"
    DELETED = "deleted"


class SessionDescription(Model):
    """``session.describe.v1``: `state` holds since `since`; `owner` is the worker that has it, `name` the push name."""

    session_id: SessionId
    user_id: UserId
    state: SessionState
    desired_state: DesiredState
    since: Instant
    created_at: Instant | None = None
    phone: str | None = None
    jid: str | None = None
    lid: str | None = None
    name: str | None = None
    owner: WorkerId | None = None
    epoch: int
    sequence: SequenceNumber
    retry_at: Instant | None = None
    reason: Reason | None = None


class SessionPage(Model):
    """``session.list.v1``: by session id. `cursor` asks for the next page; without one this is the last."""

    sessions: Sequence[SessionDescription]
    cursor: str | None = None


class SessionQr(Model):
    """``session.qr.v1``: the live QR; `qr_code` is a PNG as a data URL."""

    session_id: SessionId
    qr_string: str
    qr_code: str
    expires_at: Instant


class EventsReplayed(Model):
    """``events.replay.v1``: `count` events went out again, `from_sequence` to `to_sequence`; neither where none did.

    `from_sequence` is later than asked where older events are past their 7 days: `oldest_sequence` is the oldest that
    is stored (none: no event is). `newest_sequence` is the session's last at that moment; while `to_sequence` is less,
    and less than asked, ask again from the one after it.
    """

    session_id: SessionId
    count: int
    from_sequence: SequenceNumber | None = None
    to_sequence: SequenceNumber | None = None
    oldest_sequence: SequenceNumber | None = None
    newest_sequence: SequenceNumber


class Contact(Model):
    """A number, and whether it is on WhatsApp."""

    phone: str
    exists: bool
    jid: str | None = None
    lid: str | None = None


class ContactsChecked(Model):
    """``contact.check.v1``: in the order asked."""

    contacts: Sequence[Contact]


class PictureState(StrEnum):
    """Whether there is a picture for us."""

    SHOWN = "shown"
    NONE = "none"
    HIDDEN = "hidden"  # the person's privacy settings keep it from this account


class ContactPicture(Model):
    """``contact.picture.v1``: `url` is WhatsApp's and good for some days; `id` changes with the picture.

    WhatsApp says of many a hidden picture that there is none.
    """

    to: str
    jid: str
    state: PictureState
    id: str | None = None
    url: str | None = None


class Direction(StrEnum):
    """Who sent a message."""

    OUTGOING = "outgoing"
    INCOMING = "incoming"


class LedgerState(StrEnum):
    """Where a message stands: an outgoing one from `pending`, an incoming one is `received`."""

    PENDING = "pending"
    RECEIVED = "received"
    SENT = MessageState.SENT.value
    DELIVERED = MessageState.DELIVERED.value
    READ = MessageState.READ.value
    PLAYED = MessageState.PLAYED.value
    FAILED = MessageState.FAILED.value


class LedgerEntry(Model):
    """One step of a message's life; `participant` tells whose, in groups."""

    status: LedgerState
    timestamp: Instant
    participant: str | None = None


class ReactionShown(Model):
    """Somebody's reaction to a message, as it stands; `sender` of others."""

    emoji: str
    from_me: bool
    sender: str | None = None
    timestamp: Instant


class VoteShown(Model):
    """Somebody's vote in a poll, as it stands; `sender` of others."""

    options: Sequence[str]
    unknown_options: UnknownOptions = None
    from_me: bool
    sender: str | None = None
    timestamp: Instant


class ReceiptShown(Model):
    """How far one participant of a group is with a message of ours; the times are WhatsApp's."""

    participant: str
    status: MessageState
    delivered_at: Instant | None = None
    read_at: Instant | None = None
    played_at: Instant | None = None


class MessageDescription(Model):
    """``message.describe.v1``: one message's ledger, and the message as it stands.

    `command_id` only of what we sent; `content` while it is kept, after the last edit, and not of what was revoked. In
    groups `status` and `ledger` tell of the first participant who came so far, `receipts` (of ``describe``) of each.
    From `expires_at` on it has disappeared, and is not found any more, unless somebody has `kept` it. `pinned`: it
    stands at the top of its chat.
    """

    session_id: SessionId
    message_id: MessageId
    command_id: CommandId | None = None
    direction: Direction
    chat: str
    to: str | None = None
    sender: str | None = None
    from_me: bool
    kind: str
    status: LedgerState
    created_at: Instant
    ledger: Sequence[LedgerEntry] = ()
    content: Content | None = None
    error: Failure | None = None
    edited_at: Instant | None = None
    revoked_at: Instant | None = None
    expires_at: Instant | None = None
    reactions: Sequence[ReactionShown] | None = None
    votes: Sequence[VoteShown] | None = None
    pinned: Annotated[bool | None, Field(description="It stands at the top of its chat.")] = None
    pinned_until: Annotated[Instant | None, Field(description="Until when it is pinned.")] = None
    kept: Annotated[bool | None, Field(description="Somebody keeps it: it does not disappear.")] = None
    receipts: Sequence[ReceiptShown] | None = None


class MessagePage(Model):
    """``message.history.v1``: newest first. `cursor` asks for the next page; without one this is the last."""

    messages: Sequence[MessageDescription]
    cursor: str | None = None


class MessageCount(Model):
    """How many messages of one direction and kind stand at one status."""

    direction: Direction
    kind: str
    status: LedgerState
    count: int


class MessageStats(Model):
    """``message.stats.v1``: what was stored from `since` up to `until`, as it stands now."""

    session_id: SessionId
    since: Instant
    until: Instant
    counts: Sequence[MessageCount]


class WorkerDescription(Model):
    """``worker.describe.v1``: what it holds. `sessions` lists at most 1,000; `sessions_by_state` counts all."""

    worker_id: WorkerId
    status: WorkerState
    version: str
    endpoint: str | None = None
    max_sessions: int
    session_count: int
    uptime_seconds: int | None = None
    sessions_by_state: Mapping[SessionState, int]
    sessions: Sequence[SessionId] = ()
