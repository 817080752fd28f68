"""The events' data, one model each, and what every event has: a source, a routing key, durable or not (contract, 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field, WithJsonSchema, computed_field

from schemas.content.changes import (
    EventResponse,
    MessageChanged,
    MessageComment,
    MessageEdited,
    MessageKept,
    MessagePinned,
    MessageReaction,
    MessageRevoked,
    MessageSender,
    PollOption,
    PollVote,
)
from schemas.content.content import Content, Media
from schemas.content.flags import Flags
from schemas.content.references import Ad, Association
from schemas.errors import GatewayError, error_codes
from schemas.events.contacts import CallReceived, ContactUpdated, PresenceUpdated, ProfileUpdated
from schemas.events.groups import GroupParticipantsChanged, GroupUpdated
from schemas.events.history import HistorySynced
from schemas.events.throttling import SessionThrottled
from schemas.events.usage import UsageReport
from schemas.model import Instant, Model
from schemas.names import CommandId, MessageId, SessionId, UserId, WorkerId
from schemas.reasons import REASON_CODES

ErrorCode = Annotated[str, WithJsonSchema({"type": "string", "enum": sorted(error_codes())})]
"""One of the codes of `schemas.errors`; text, since what was stored by a later version may hold a later one."""

ReasonCode = Annotated[str, WithJsonSchema({"type": "string", "enum": sorted(REASON_CODES)})]
"""One of `REASON_CODES`; text, for the same reason."""


class SessionState(StrEnum):
    """The state of a session.

    Attributes:
        WAITING_FOR_CAPACITY: no worker has room for it yet
        CONNECTING: a connection to WhatsApp is being made
        QR_REQUIRED: a QR code is to be scanned
        CODE_REQUIRED: a pairing code is to be typed on the phone
        PASSKEY_REQUIRED: WhatsApp asks for the person's passkey
        PASSKEY_CONFIRM: a code is to be compared with the phone's
        CONNECTED: it is linked, and there is a connection
        DISCONNECTED: there is no connection; with `retryAt` it comes back by itself
        LOGGED_OUT: the device is unlinked: it has to be paired anew
        RESTRICTED: WhatsApp has restricted the account
        FAILED: it does not connect again by itself: `reason` says what is to be done
        DELETED: it is gone
    """

    WAITING_FOR_CAPACITY = "waiting_for_capacity"
    CONNECTING = "connecting"
    QR_REQUIRED = "qr_required"
    CODE_REQUIRED = "code_required"
    PASSKEY_REQUIRED = "passkey_required"
    PASSKEY_CONFIRM = "passkey_confirm"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    LOGGED_OUT = "logged_out"
    RESTRICTED = "restricted"
    FAILED = "failed"
    DELETED = "deleted"


class Action(StrEnum):
    """What the session's user should do about a reason.

    Attributes:
        NONE: nothing, it goes on by itself
        RESCAN: pair the device anew
        USE_PASSKEY: sign WhatsApp's request with the account's passkey
        WAIT: wait; what it waits for is outside of the session
        UPGRADE: ask the operator for a newer gateway
        CONTACT_SUPPORT: a person has to look at it
    """

    NONE = "none"
    RESCAN = "rescan"
    USE_PASSKEY = "use_passkey"
    WAIT = "wait"
    UPGRADE = "upgrade"
    CONTACT_SUPPORT = "contact_support"


class Reason(Model):
    """Why a session is in its state: a stable dotted `code`, a sentence, and what to do.

    Attributes:
        message: a sentence for people; it may change.
        action: what the session's user should do.
    """

    code: ReasonCode
    message: str
    action: Action = Action.NONE


class Failure(Model):
    """An error as the contract writes it: ``{code, message, detail?}``.

    Attributes:
        message: a sentence for people; it may change.
    """

    code: ErrorCode
    message: str
    detail: dict[str, Any] | None = None

    @classmethod
    def of(cls, error: GatewayError) -> "Failure":
        """What a backend is told of an error."""
        return cls(code=error.code, message=error.message, detail=error.detail)


class PasskeyRequest(Model):
    """What a person's passkey is asked for: `options` are a WebAuthn `PublicKeyCredentialRequestOptionsJSON`.

    They are WhatsApp's own, and are signed on the origin https://web.whatsapp.com.

    Attributes:
        options: WebAuthn's `PublicKeyCredentialRequestOptionsJSON`, as WhatsApp wrote it.
        expires_at: until when it can be answered.
    """

    options: dict[str, Any]
    expires_at: Instant


class SessionStatus(Model):
    """``session.status.v1``: the session's state changed. Fields beyond the first five belong to one state each.

    On the wire the state stands there twice: as `state`, the word of ``session.describe.v1``, and as `status`, the word
    of ``message.status.v1`` and of the backends' session-status webhook.

    Attributes:
        worker_id: the worker that has the session.
        state: the session's state.
        qr_string: with `qr_required`: what the QR code says.
        qr_code: with `qr_required`: the QR code as a picture, a PNG as a data URL.
        pairing_code: with `code_required`: the code to type on the phone.
        expires_at: with `qr_required`, `code_required`, `passkey_confirm`: until when the code is good; another one
            follows.
        passkey: with `passkey_required`: what is to be signed.
        code: with `passkey_confirm`: ``XXXX-XXXX``, to be compared with the phone's.
        phone: with `connected`: the account's number, in E.164.
        jid: with `connected`: the account's JID.
        lid: with `connected`: the account's LID.
        push_name: with `connected`: what the account calls itself.
        retry_at: with `disconnected`: when it connects again by itself; without it, it does not.
        until: with `restricted`: how long, where WhatsApp says it.
        reason: why, where there is a reason.
    """

    session_id: SessionId
    user_id: UserId
    worker_id: WorkerId
    state: SessionState
    timestamp: Instant
    qr_string: str | None = None
    qr_code: str | None = None
    pairing_code: str | None = None
    expires_at: Instant | None = None
    passkey: PasskeyRequest | None = None
    code: str | None = None
    phone: str | None = None
    jid: str | None = None
    lid: str | None = None
    push_name: str | None = None
    retry_at: Instant | None = None
    until: Instant | None = None
    reason: Reason | None = None

    @computed_field
    @property
    def status(self) -> SessionState:
        """The same as `state`."""
        return self.state


class MessageState(StrEnum):
    """The status of an outgoing message, as it is told. It never goes backwards.

    Attributes:
        SENT: WhatsApp's server has acknowledged it
        DELIVERED: it is on a device of the recipient
        READ: the recipient has read it
        PLAYED: the recipient has listened to it, or looked at what can be seen once
        FAILED: it was not sent: `error` says why
    """

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    FAILED = "failed"


class MessageStatus(Model):
    """``message.status.v1``: `to` as the command gave it; `participant` only in groups; `error` only when failed.

    `chat` is the chat as it is, from `sent` on: a person's JID as WhatsApp writes the number, however `to` writes it.

    Attributes:
        command_id: the id of the command that sent it.
        to: the recipient, as the command wrote it.
        chat: the chat as it is, from `sent` on.
        status: how far it is.
        participant: in a group: whose status it is.
        error: with `failed`: why; with any other status: what overruled an earlier `failed`.
    """

    session_id: SessionId
    command_id: CommandId
    message_id: MessageId
    to: str
    chat: str | None = None
    status: MessageState
    timestamp: Instant
    participant: str | None = None
    error: Failure | None = None


class Quote(Model):
    """The message a reply refers to, by WhatsApp's id."""

    message_id: MessageId


class MessageReceived(Flags):
    """``message.received.v1``: a message arrived, or (`from_me`) was sent by the account's phone or another device.

    `disappearingSeconds`: so long after `timestamp` it disappears, also from here.

    Attributes:
        sender: who wrote it.
        content: what it says, by `kind`.
        quote: the message that it answers.
        mentions: the JIDs of those it mentions, at most 1,024.
        disappearing_seconds: so long after `timestamp` it disappears, also from here; missing: it stays.
    """

    session_id: SessionId
    message_id: MessageId
    chat: str
    sender: MessageSender
    from_me: bool
    is_group: bool
    timestamp: Instant
    content: Content
    quote: Quote | None = None
    mentions: Sequence[str] | None = None
    ad: Annotated[Ad | None, Field(description="what it was written from")] = None
    association: Annotated[Association | None, Field(description="the message that it is a part of")] = None
    wrappers: Annotated[
        Sequence[str] | None,
        Field(
            description="what it is beside its content, by the fields of WAProto that it lies in, the outermost first"
        ),
    ] = None
    disappearing_seconds: int | None = None


class ChatUpdated(Model):
    """``chat.updated.v1``: something about a chat is another than before; what changed is there, as it is now.

    `disappearingSeconds`: new messages disappear after so long, 0: they stay. `sender` set it, `from_me`: this account;
    both are missing where WhatsApp only told that it is so. What this session sends there disappears likewise.

    Attributes:
        disappearing_seconds: new messages disappear after so long, 0: they stay.
        sender: who changed it, where WhatsApp says it.
        from_me: whether this account changed it, where WhatsApp says it.
    """

    session_id: SessionId
    chat: str
    is_group: bool
    disappearing_seconds: int | None = None
    sender: MessageSender | None = None
    from_me: bool | None = None
    timestamp: Instant


class MediaReady(Model):
    """``media.ready.v1``: the file of a message is in the media bucket, under `media.object`.

    Attributes:
        media: the file, with its key in the bucket.
    """

    session_id: SessionId
    message_id: MessageId
    chat: str
    media: Media


class MediaFailed(Model):
    """``media.failed.v1``: the file of a message could not be fetched, for good; ``media.fetch.v1`` tries again.

    Attributes:
        media: the file, as far as it is known.
        error: why it could not be fetched.
    """

    session_id: SessionId
    message_id: MessageId
    chat: str
    media: Media
    error: Failure


class WorkerRegistered(Model):
    """``worker.registered.v1``: a worker has started.

    Attributes:
        endpoint: the address of the worker's health and metrics.
    """

    worker_id: WorkerId
    endpoint: str
    max_sessions: int
    version: str


class WorkerState(StrEnum):
    """What a worker does.

    Attributes:
        ONLINE: takes sessions and runs them
        DRAINING: hands its sessions over and takes none
    """

    ONLINE = "online"
    DRAINING = "draining"


class WorkerMetrics(Model):
    """How full and busy a worker is; `cpu_usage` and `memory_usage` in percent of the machine.

    Attributes:
        session_count: sessions that the worker has.
        active_connections: connections to WhatsApp that are open.
        cpu_usage: percent of the machine's processors.
        memory_usage: percent of the machine's memory.
    """

    session_count: int
    max_sessions: int
    active_connections: int
    cpu_usage: float
    memory_usage: float


class WorkerHeartbeat(Model):
    """``worker.heartbeat.v1``: every 30 s.

    Attributes:
        status: what the worker does.
        metrics: how full and busy it is.
    """

    worker_id: WorkerId
    status: WorkerState
    metrics: WorkerMetrics


class WorkerStopped(Model):
    """``worker.stopped.v1``: a worker has left in good order."""

    worker_id: WorkerId


class CommandAccepted(Model):
    """``command.accepted.v1``: it is durable and will be carried out; `message_id` for those that send a message.

    Attributes:
        message_id: WhatsApp's id of the message that it becomes; only of commands that send one.
    """

    command_id: CommandId
    command_type: str
    message_id: MessageId | None = None


class CommandResult(Model):
    """``command.result.v1``: `result` is one of the models of `schemas.results`, as JSON.

    Attributes:
        result: what was asked for; its shape belongs to `commandType`.
    """

    command_id: CommandId
    command_type: str
    result: dict[str, Any]


class CommandRejected(Model):
    """``command.rejected.v1``: it was not and will not be carried out. The id may be unreadable.

    Attributes:
        command_id: the id of the command, where it could be read.
        command_type: the type of the command, where it could be read.
        message: a sentence for people; it may change.
    """

    command_id: CommandId | None = None
    command_type: str | None = None
    code: ErrorCode
    message: str
    detail: Annotated[dict[str, Any] | None, Field(description="its shape belongs to the code")] = None

    @classmethod
    def of(
        cls, error: GatewayError, *, command_id: str | None = None, command_type: str | None = None
    ) -> "CommandRejected":
        """The rejection that tells of an error."""
        return cls(
            command_id=None if command_id is None else CommandId(command_id),
            command_type=command_type,
            code=error.code,
            message=error.message,
            detail=error.detail,
        )


DataModel = type[Model]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """A kind of event.

    Attributes:
        type: with its version, e.g. ``session.status.v1``.
        model: of its data.
        durable: it has a `sequence` and goes through the outbox.
        of_worker: its subject is a worker id; otherwise a session id.
    """

    type: str
    model: DataModel
    durable: bool = False
    of_worker: bool = False


SESSION_STATUS: Final = EventType(type="session.status.v1", model=SessionStatus, durable=True)
MESSAGE_STATUS: Final = EventType(type="message.status.v1", model=MessageStatus, durable=True)
MESSAGE_RECEIVED: Final = EventType(type="message.received.v1", model=MessageReceived, durable=True)
MESSAGE_EDITED: Final = EventType(type="message.edited.v1", model=MessageEdited, durable=True)
MESSAGE_REVOKED: Final = EventType(type="message.revoked.v1", model=MessageRevoked, durable=True)
MESSAGE_REACTION: Final = EventType(type="message.reaction.v1", model=MessageReaction, durable=True)
CHAT_UPDATED: Final = EventType(type="chat.updated.v1", model=ChatUpdated, durable=True)
MEDIA_READY: Final = EventType(type="media.ready.v1", model=MediaReady, durable=True)
MEDIA_FAILED: Final = EventType(type="media.failed.v1", model=MediaFailed, durable=True)
POLL_VOTE: Final = EventType(type="poll.vote.v1", model=PollVote, durable=True)
POLL_OPTION: Final = EventType(type="poll.option.v1", model=PollOption, durable=True)
MESSAGE_COMMENT: Final = EventType(type="message.comment.v1", model=MessageComment, durable=True)
MESSAGE_PINNED: Final = EventType(type="message.pinned.v1", model=MessagePinned, durable=True)
MESSAGE_KEPT: Final = EventType(type="message.kept.v1", model=MessageKept, durable=True)
MESSAGE_CHANGED: Final = EventType(type="message.changed.v1", model=MessageChanged, durable=True)
EVENT_RESPONSE: Final = EventType(type="event.response.v1", model=EventResponse, durable=True)
GROUP_UPDATED: Final = EventType(type="group.updated.v1", model=GroupUpdated, durable=True)
GROUP_PARTICIPANTS: Final = EventType(type="group.participants.v1", model=GroupParticipantsChanged, durable=True)
CALL_RECEIVED: Final = EventType(type="call.received.v1", model=CallReceived, durable=True)
CONTACT_UPDATED: Final = EventType(type="contact.updated.v1", model=ContactUpdated, durable=True)
PROFILE_UPDATED: Final = EventType(type="profile.updated.v1", model=ProfileUpdated, durable=True)
HISTORY_SYNCED: Final = EventType(type="history.synced.v1", model=HistorySynced, durable=True)
SESSION_THROTTLED: Final = EventType(type="session.throttled.v1", model=SessionThrottled, durable=True)
USAGE_REPORT: Final = EventType(type="usage.report.v1", model=UsageReport, durable=True)
PRESENCE_UPDATED: Final = EventType(type="presence.updated.v1", model=PresenceUpdated)
WORKER_REGISTERED: Final = EventType(type="worker.registered.v1", model=WorkerRegistered, of_worker=True)
WORKER_HEARTBEAT: Final = EventType(type="worker.heartbeat.v1", model=WorkerHeartbeat, of_worker=True)
WORKER_STOPPED: Final = EventType(type="worker.stopped.v1", model=WorkerStopped, of_worker=True)
COMMAND_ACCEPTED: Final = EventType(type="command.accepted.v1", model=CommandAccepted)
COMMAND_RESULT: Final = EventType(type="command.result.v1", model=CommandResult)
COMMAND_REJECTED: Final = EventType(type="command.rejected.v1", model=CommandRejected)

EVENTS: Final = {
    event.type: event
    for event in (
        SESSION_STATUS,
        MESSAGE_STATUS,
        MESSAGE_RECEIVED,
        MESSAGE_EDITED,
        MESSAGE_REVOKED,
        MESSAGE_REACTION,
        POLL_VOTE,
        POLL_OPTION,
        MESSAGE_COMMENT,
        MESSAGE_PINNED,
        MESSAGE_KEPT,
        MESSAGE_CHANGED,
        EVENT_RESPONSE,
        GROUP_UPDATED,
        GROUP_PARTICIPANTS,
        CALL_RECEIVED,
        CONTACT_UPDATED,
        PROFILE_UPDATED,
        HISTORY_SYNCED,
        SESSION_THROTTLED,
        USAGE_REPORT,
        PRESENCE_UPDATED,
        CHAT_UPDATED,
        MEDIA_READY,
        MEDIA_FAILED,
        WORKER_REGISTERED,
        WORKER_HEARTBEAT,
        WORKER_STOPPED,
        COMMAND_ACCEPTED,
        COMMAND_RESULT,
        COMMAND_REJECTED,
    )
}

EPHEMERAL_STATES: Final = frozenset({SessionState.QR_REQUIRED, SessionState.CODE_REQUIRED})
"""`session.status` of these carries a secret that lives a minute: no sequence, not in the outbox."""


def routing_key(event_type: str, subject: str | None) -> str:
    """``session.status.v1`` of ``user123`` → ``session.status.user123``; without a subject only the first part."""
    kind = event_type.rpartition(".")[0]
    return f"{kind}.{subject}" if subject else kind


def session_source(namespace: str, session_id: str) -> str:
    """The `source` of a session's events: the same from every worker, so that a replay has the same key."""
    return f"/{namespace}/sessions/{session_id}"


def worker_source(namespace: str, worker_id: str) -> str:
    """The `source` of a worker's own events and of its replies."""
    return f"/{namespace}/workers/{worker_id}"
