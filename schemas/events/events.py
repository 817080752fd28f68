"""The types of events: what each is called, its data, durable or not; its source and routing key (contract, 4)."""

from dataclasses import dataclass
from typing import Final

from schemas.content.changes import (
    EventResponse,
    MessageChanged,
    MessageComment,
    MessageEdited,
    MessageKept,
    MessagePinned,
    MessageReaction,
    MessageRevoked,
    PollOption,
    PollVote,
)
from schemas.events.answers import CommandAccepted, CommandRejected, CommandResult
from schemas.events.chats import ChatCleared, ChatDeleted, ChatUpdated, MessageDeleted, MessageStarred
from schemas.events.contacts import (
    CallEnded,
    CallReceived,
    ContactBlocked,
    ContactUpdated,
    PresenceUpdated,
    ProfileUpdated,
)
from schemas.events.groups import GroupParticipantsChanged, GroupUpdated
from schemas.events.history import HistorySynced
from schemas.events.labels import LabelUpdated
from schemas.events.media import MediaFailed, MediaReady
from schemas.events.messages import MessageReceived, MessageStatus
from schemas.events.sessions import SessionState, SessionStatus
from schemas.events.throttling import SessionThrottled
from schemas.events.usage import UsageReport
from schemas.events.workers import WorkerHeartbeat, WorkerRegistered, WorkerStopped
from schemas.model import Model

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
CHAT_DELETED: Final = EventType(type="chat.deleted.v1", model=ChatDeleted, durable=True)
CHAT_CLEARED: Final = EventType(type="chat.cleared.v1", model=ChatCleared, durable=True)
MESSAGE_STARRED: Final = EventType(type="message.starred.v1", model=MessageStarred, durable=True)
MESSAGE_DELETED: Final = EventType(type="message.deleted.v1", model=MessageDeleted, durable=True)
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
CALL_ENDED: Final = EventType(type="call.ended.v1", model=CallEnded, durable=True)
CONTACT_UPDATED: Final = EventType(type="contact.updated.v1", model=ContactUpdated, durable=True)
CONTACT_BLOCKED: Final = EventType(type="contact.blocked.v1", model=ContactBlocked, durable=True)
LABEL_UPDATED: Final = EventType(type="label.updated.v1", model=LabelUpdated, durable=True)
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

EVENTS: Final = {each.type: each for each in tuple(globals().values()) if isinstance(each, EventType)}
"""Each by its type."""

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
