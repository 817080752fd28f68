"""The contract's models that a backend reads: what events and results say. For ``match event.data: case …``.

What a received message carries is in `received` (``received.Text``, ``received.Image`` …); what you send is in
`gateway_worker.client`.
"""

from schemas.commands.groups import ParticipantAction, RequestAction
from schemas.commands.messages import QuoteRequest
from schemas.commands.session_settings import MediaOptions, SessionLimits, SessionOptions, UserLimits
from schemas.content import content as received
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
from schemas.events.chats import ChatCleared, ChatDeleted, ChatUpdated, MessageDeleted, MessageStarred
from schemas.events.contacts import (
    CallEnded,
    CallReceived,
    ContactBlocked,
    ContactUpdated,
    PresenceUpdated,
    ProfileUpdated,
)
from schemas.events.failures import Failure
from schemas.events.groups import GroupParticipantsChanged, GroupUpdated
from schemas.events.history import HistorySynced
from schemas.events.labels import LabelUpdated
from schemas.events.media import MediaFailed, MediaReady
from schemas.events.messages import MessageReceived, MessageState, MessageStatus
from schemas.events.sessions import Action, Reason, SessionState, SessionStatus
from schemas.events.throttling import SessionThrottled, ThrottleCause
from schemas.events.usage import UsageReport
from schemas.events.workers import WorkerHeartbeat, WorkerRegistered, WorkerStopped

__all__ = [
    "Action",
    "CallEnded",
    "CallReceived",
    "ChatCleared",
    "ChatDeleted",
    "ChatUpdated",
    "ContactBlocked",
    "ContactUpdated",
    "EventResponse",
    "Failure",
    "GroupParticipantsChanged",
    "GroupUpdated",
    "HistorySynced",
    "LabelUpdated",
    "MediaFailed",
    "MediaOptions",
    "MediaReady",
    "MessageChanged",
    "MessageComment",
    "MessageDeleted",
    "MessageEdited",
    "MessageKept",
    "MessagePinned",
    "MessageReaction",
    "MessageReceived",
    "MessageRevoked",
    "MessageStarred",
    "MessageState",
    "MessageStatus",
    "ParticipantAction",
    "PollOption",
    "PollVote",
    "PresenceUpdated",
    "ProfileUpdated",
    "QuoteRequest",
    "Reason",
    "RequestAction",
    "SessionLimits",
    "SessionOptions",
    "SessionState",
    "SessionStatus",
    "SessionThrottled",
    "ThrottleCause",
    "UsageReport",
    "UserLimits",
    "WorkerHeartbeat",
    "WorkerRegistered",
    "WorkerStopped",
    "received",
]
