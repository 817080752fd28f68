"""The contract's models that a backend reads: what events and results say. For ``match event.data: case …``.

What a received message carries is in `received` (``received.Text``, ``received.Image`` …); what you send is in
`gateway_worker.client`.
"""

from schemas import content as received
from schemas.contact_events import CallReceived, ContactUpdated, PresenceUpdated
from schemas.events import (
    Action,
    ChatUpdated,
    Failure,
    MediaFailed,
    MediaReady,
    MessageReceived,
    MessageState,
    MessageStatus,
    Reason,
    SessionState,
    SessionStatus,
    WorkerHeartbeat,
    WorkerRegistered,
    WorkerStopped,
)
from schemas.group_commands import ParticipantAction, RequestAction
from schemas.group_events import GroupParticipantsChanged, GroupUpdated
from schemas.history_events import HistorySynced
from schemas.message_changes import (
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
from schemas.message_commands import QuoteRequest
from schemas.session_settings import MediaOptions, SessionLimits, SessionOptions

__all__ = [
    "Action",
    "CallReceived",
    "ChatUpdated",
    "ContactUpdated",
    "EventResponse",
    "Failure",
    "GroupParticipantsChanged",
    "GroupUpdated",
    "HistorySynced",
    "MediaFailed",
    "MediaOptions",
    "MediaReady",
    "MessageChanged",
    "MessageComment",
    "MessageEdited",
    "MessageKept",
    "MessagePinned",
    "MessageReaction",
    "MessageReceived",
    "MessageRevoked",
    "MessageState",
    "MessageStatus",
    "ParticipantAction",
    "PollOption",
    "PollVote",
    "PresenceUpdated",
    "QuoteRequest",
    "Reason",
    "RequestAction",
    "SessionLimits",
    "SessionOptions",
    "SessionState",
    "SessionStatus",
    "WorkerHeartbeat",
    "WorkerRegistered",
    "WorkerStopped",
    "received",
]
