"""An example of each command, event and reply. They stand in ``asyncapi.yaml``, and the tests check them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from schemas.content.account import Audience, PrivacySettings, ProfileDescription
from schemas.content.changes import (
    Attendance,
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
    UnreadChange,
    UnreadReason,
)
from schemas.content.content import Image, LinkPreview, Media, MediaState, Text
from schemas.content.labels import Label, LabelList
from schemas.content.offers import Button, Row
from schemas.content.references import Ad
from schemas.envelope import Envelope
from schemas.errors import CommandInvalid, MediaUnreachable, MessageRejectedByWhatsApp
from schemas.events.answers import CommandAccepted, CommandRejected, CommandResult
from schemas.events.chats import ChatCleared, ChatDeleted, ChatUpdated, MessageDeleted, MessageStarred
from schemas.events.contacts import (
    CallEnded,
    Caller,
    CallOutcome,
    CallReceived,
    ContactBlocked,
    ContactChange,
    ContactUpdated,
    PresenceUpdated,
    ProfileChange,
    ProfileUpdated,
    SeenState,
)
from schemas.events.events import session_source, worker_source
from schemas.events.failures import Failure
from schemas.events.groups import PictureChange
from schemas.events.history import HistorySynced
from schemas.events.labels import LabelChange, LabelUpdated
from schemas.events.media import MediaFailed, MediaReady
from schemas.events.messages import MessageReceived, MessageState, MessageStatus, Quote
from schemas.events.sessions import Action, PasskeyRequest, Reason, SessionState, SessionStatus
from schemas.events.throttling import SessionThrottled, ThrottleCause
from schemas.events.usage import UsageReport
from schemas.events.workers import WorkerHeartbeat, WorkerMetrics, WorkerRegistered, WorkerState, WorkerStopped
from schemas.examples.groups import GROUP_COMMAND_DATA, GROUP_EVENT_DATA, GROUP_RESULTS
from schemas.model import Model
from schemas.names import CommandId, MessageId, SessionId, UserId, WorkerId
from schemas.results import (
    ChatDescription,
    ChatKind,
    ChatPage,
    Contact,
    ContactDescription,
    ContactPage,
    ContactPicture,
    ContactsChecked,
    DesiredState,
    Direction,
    EventsReplayed,
    LedgerEntry,
    LedgerState,
    MessageCount,
    MessageDescription,
    MessagePage,
    MessageStats,
    PictureState,
    SessionDescription,
    SessionPage,
    SessionQr,
    WorkerDescription,
)

_NAMESPACE: Final = "gateway"
_SESSION: Final = SessionId("user123-personal")
_USER: Final = UserId("user123")
_WORKER: Final = WorkerId("worker-001")
_COMMAND: Final = CommandId("01JD8Y7Q2M5X4V9T3R6K0B1C2D")
_MESSAGE: Final = MessageId("3EB0A1B2C3D4E5F6A7B8C9")
_NOW: Final = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
_PHONE: Final = "+15550001111"
_JID: Final = "15550001111@s.whatsapp.net"
_LID: Final = "204857102938475@lid"
_PNG: Final = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA"

_ASSERTION: Final = {
    "id": "q83vEjRWeJASNFZ4kBI0Vg",
    "rawId": "q83vEjRWeJASNFZ4kBI0Vg",
    "type": "public-key",
    "authenticatorAttachment": "cross-platform",
    "clientExtensionResults": {},
    "response": {
        "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0",
        "authenticatorData": "n2gbcnS2rzLyQKLEXLIC",
        "signature": "MEUCIQDeR4example",
        "userHandle": "dXNlcg",
    },
}
_OPTIONS: Final[dict[str, Any]] = {
    "challenge": "kS3c8J0p1Vt1mXbW6f3q0w",
    "timeout": 600_000,
    "rpId": "whatsapp.com",
    "allowCredentials": [],
    "userVerification": "required",
    "extensions": {"uvm": True},
}

COMMAND_DATA: Final[Mapping[str, tuple[Mapping[str, Any], ...]]] = {
    "session.create.v1": (
        {"sessionId": _SESSION, "userId": _USER, "pairing": {"method": "qr"}},
        {
            "sessionId": _SESSION,
            "userId": _USER,
            "pairing": {"method": "code", "phone": _PHONE},
            "options": {"markOnline": False, "history": "recent", "readReceipts": True, "typing": "natural"},
            "limits": {
                "messagesPerMinute": 20,
                "messagesPerDay": 1000,
                "warmUp": {"firstDay": 20, "days": 14},
                "strangerPause": {"leastSeconds": 20, "mostSeconds": 60},
            },
            "userLimits": {"messagesPerDay": 5000},
        },
    ),
    "session.describe.v1": ({},),
    "session.list.v1": ({"limit": 50}, {"cursor": _SESSION, "userId": _USER}),
    "session.qr.v1": ({},),
    "session.restart.v1": ({},),
    "session.passkey.v1": ({"assertion": _ASSERTION},),
    "session.passkey.confirm.v1": ({"confirmed": True},),
    "session.logout.v1": ({},),
    "session.migrate.v1": ({},),
    "session.delete.v1": ({"purge": True},),
    "message.describe.v1": ({"messageId": _MESSAGE}, {"commandId": _COMMAND}),
    "message.history.v1": ({"chat": _PHONE}, {"chat": _PHONE, "limit": 20, "cursor": f"1795343400000000.{_MESSAGE}"}),
    "message.stats.v1": ({}, {"since": "2026-11-21T00:00:00Z", "until": "2026-11-22T00:00:00Z"}),
    "events.replay.v1": (
        {"fromSequence": "00000000000000000057"},
        {"fromSequence": "00000000000000000057", "toSequence": "00000000000000000080"},
    ),
    "message.send.v1": (
        {"to": _PHONE, "content": {"kind": "text", "text": "Hello"}},
        {
            "to": "120363041234567890@g.us",
            "content": {
                "kind": "text",
                "text": "@15550002222 see https://example.com/offer",
                "linkPreview": {"url": "https://example.com/offer", "title": "An offer"},
            },
            "quote": {"messageId": _MESSAGE},
            "mentions": ["+15550002222"],
            "disappearingSeconds": 86_400,
        },
        {
            "to": "120363041234567890@g.us",
            "content": {"kind": "text", "text": "@everyone we meet at noon"},
            "mentions": "everyone",
        },
        {"to": _PHONE, "content": {"kind": "location", "latitude": 52.5163, "longitude": 13.3777, "name": "The gate"}},
        {
            "to": _PHONE,
            "content": {"kind": "contacts", "contacts": [{"name": "Ben", "phones": ["+15550002222"]}]},
        },
        {
            "to": _PHONE,
            "content": {"kind": "poll", "question": "When?", "options": ["Monday", "Tuesday"], "selectable": 1},
        },
        {
            "to": _PHONE,
            "content": {"kind": "image", "media": {"url": "https://example.com/cat.jpg"}, "caption": "Our cat"},
            "viewOnce": True,
        },
        {"to": _PHONE, "content": {"kind": "video", "media": {"object": "uploads/tour.mp4"}, "gif": True}},
        {"to": _PHONE, "content": {"kind": "audio", "media": {"url": "https://example.com/song.mp3"}, "seconds": 187}},
        {"to": _PHONE, "content": {"kind": "voice", "media": {"object": "user123-personal/hello.ogg"}}},
        {
            "to": _PHONE,
            "content": {
                "kind": "document",
                "media": {"base64": "SGVsbG8=", "mimetype": "text/plain", "fileName": "hello.txt"},
                "caption": "As promised",
            },
        },
        {"to": _PHONE, "content": {"kind": "sticker", "media": {"url": "https://example.com/wave.webp"}}},
    ),
    "message.edit.v1": ({"to": _PHONE, "messageId": _MESSAGE, "content": {"kind": "text", "text": "Hello, Ben"}},),
    "message.revoke.v1": ({"to": _PHONE, "messageId": _MESSAGE},),
    "message.react.v1": ({"to": _PHONE, "messageId": _MESSAGE, "emoji": "👍"},),
    "message.pin.v1": ({"to": _PHONE, "messageId": _MESSAGE, "seconds": 86_400},),
    "message.unpin.v1": ({"to": _PHONE, "messageId": _MESSAGE},),
    "poll.vote.v1": ({"to": _PHONE, "messageId": _MESSAGE, "options": ["Monday"]},),
    "message.forward.v1": ({"to": "+15550002222", "messageId": _MESSAGE},),
    "media.fetch.v1": ({"messageId": _MESSAGE}, {"chat": _PHONE, "messageId": _MESSAGE}),
    "message.read.v1": ({"chat": _PHONE, "messageIds": [_MESSAGE]},),
    "message.star.v1": (
        {"chat": _PHONE, "messageId": _MESSAGE},
        {"chat": _PHONE, "messageId": _MESSAGE, "starred": False},
    ),
    "message.delete.v1": ({"chat": _PHONE, "messageId": _MESSAGE},),
    "chat.update.v1": (
        {"chat": _PHONE, "archived": True},
        {"chat": "120363041234567890@g.us", "muted": True, "mutedUntil": "2026-11-23T08:00:00Z"},
        {"chat": _PHONE, "pinned": True, "unread": False},
    ),
    "chat.clear.v1": ({"chat": _PHONE, "keepStarred": True},),
    "chat.delete.v1": ({"chat": _PHONE},),
    "chat.list.v1": ({}, {"archived": False, "limit": 20, "cursor": f"1795343400000000.{_JID}"}),
    "chat.describe.v1": ({"chat": _PHONE},),
    "contact.list.v1": ({}, {"limit": 20, "cursor": _JID}),
    "contact.describe.v1": ({"contact": _PHONE},),
    "contact.save.v1": ({"contact": _PHONE, "name": "Ben Baker"},),
    "contact.remove.v1": ({"contact": _PHONE},),
    "contact.block.v1": ({"contact": _PHONE},),
    "contact.unblock.v1": ({"contact": _LID},),
    "contact.blocked.v1": ({}, {"limit": 20, "cursor": _JID}),
    "call.reject.v1": ({"callId": "5C2A9E0B1D7F"},),
    "label.list.v1": ({},),
    "label.create.v1": ({"name": "New order"}, {"name": "Paid", "color": 3}),
    "label.update.v1": ({"labelId": "5", "name": "Paid in full"}, {"labelId": "5", "color": 4}),
    "label.delete.v1": ({"labelId": "5"},),
    "chat.label.v1": ({"chat": _PHONE, "labelId": "5"}, {"chat": _PHONE, "labelId": "5", "labelled": False}),
    "message.label.v1": ({"chat": _PHONE, "messageId": _MESSAGE, "labelId": "5"},),
    "profile.describe.v1": ({},),
    "profile.set.v1": (
        {"name": "Ana's shop", "about": "Open until six"},
        {"picture": {"object": "uploads/ana.jpg"}},
        {"about": "Closed", "removePicture": True},
    ),
    "privacy.describe.v1": ({},),
    "privacy.set.v1": ({"lastSeen": "contacts", "online": "matchLastSeen"}, {"readReceipts": "none", "calls": "known"}),
    "chat.disappearing.v1": ({"to": _PHONE, "seconds": 604_800}, {"to": "120363041234567890@g.us", "seconds": 0}),
    "chat.presence.v1": ({"to": _PHONE, "state": "typing"}, {"to": _PHONE, "state": "available", "subscribe": True}),
    "contact.check.v1": ({"phones": [_PHONE, "+15550002222"]},),
    **GROUP_COMMAND_DATA,
    "contact.picture.v1": ({"to": _PHONE}, {"to": _LID, "preview": True}),
    "worker.describe.v1": ({},),
    "worker.drain.v1": ({},),
}
"""The data of each command; the subject is the session, the worker, or (``session.list.v1``) missing."""

_DESCRIPTION: Final = SessionDescription(
    session_id=_SESSION,
    user_id=_USER,
    state=SessionState.CONNECTED,
    desired_state=DesiredState.CONNECTED,
    since=_NOW,
    phone=_PHONE,
    jid=_JID,
    lid=_LID,
    name="Ana",
    owner=_WORKER,
    epoch=3,
    sequence=118,
)

_MESSAGE_DESCRIPTION: Final = MessageDescription(
    session_id=_SESSION,
    message_id=_MESSAGE,
    command_id=_COMMAND,
    direction=Direction.OUTGOING,
    chat=_JID,
    to=_PHONE,
    from_me=True,
    kind="text",
    status=LedgerState.DELIVERED,
    created_at=_NOW,
    ledger=[
        LedgerEntry(status=LedgerState.PENDING, timestamp=_NOW),
        LedgerEntry(status=LedgerState.SENT, timestamp=_NOW + timedelta(seconds=1)),
        LedgerEntry(status=LedgerState.DELIVERED, timestamp=_NOW + timedelta(seconds=2)),
    ],
    content=Text(text="Hello"),
)

_CHAT: Final = ChatDescription(
    chat=_JID,
    kind=ChatKind.PERSON,
    last_message=_MESSAGE_DESCRIPTION,
    last_at=_NOW,
    unread=2,
    marked_unread=False,
    archived=False,
    pinned=True,
    muted=True,
    muted_until=_NOW + timedelta(hours=8),
    disappearing_seconds=604_800,
)

_PERSON: Final = ContactDescription(
    jid=_JID, lid=_LID, phone=_PHONE, push_name="Ben", saved_name="Ben Baker", about="At work", picture_id="1699887766"
)

RESULTS: Final[Mapping[str, Model]] = {
    "chat.list.v1": ChatPage(chats=[_CHAT], cursor=f"1795343400000000.{_JID}"),
    "chat.describe.v1": _CHAT,
    "contact.list.v1": ContactPage(contacts=[_PERSON], cursor=_JID),
    "contact.describe.v1": _PERSON,
    "label.list.v1": LabelList(labels=[Label(label_id="5", name="Paid", color=3)]),
    "label.create.v1": Label(label_id="5", name="Paid", color=3),
    "profile.describe.v1": ProfileDescription(
        session_id=_SESSION,
        jid=_JID,
        lid=_LID,
        phone=_PHONE,
        name="Ana",
        about="At work",
        picture_id="1699887766",
        picture_url="https://pps.whatsapp.net/v/t61/1.jpg?oe=6925",
    ),
    "privacy.describe.v1": PrivacySettings(
        session_id=_SESSION,
        last_seen=Audience.CONTACTS,
        online=Audience.MATCH_LAST_SEEN,
        picture=Audience.ALL,
        about=Audience.CONTACTS_EXCEPT,
        groups=Audience.CONTACTS,
        calls=Audience.KNOWN,
        read_receipts=Audience.ALL,
    ),
    "contact.blocked.v1": ContactPage(contacts=[_PERSON.model_copy(update={"blocked": True})]),
    "session.describe.v1": _DESCRIPTION,
    "session.list.v1": SessionPage(sessions=[_DESCRIPTION], cursor=_SESSION),
    "session.qr.v1": SessionQr(
        session_id=_SESSION, qr_string="2@AbC,dEf,gHi,jKl", qr_code=_PNG, expires_at=_NOW + timedelta(seconds=20)
    ),
    "message.describe.v1": _MESSAGE_DESCRIPTION,
    "message.history.v1": MessagePage(messages=[_MESSAGE_DESCRIPTION], cursor=f"1795343400000000.{_MESSAGE}"),
    "message.stats.v1": MessageStats(
        session_id=_SESSION,
        since=_NOW - timedelta(days=1),
        until=_NOW,
        counts=[
            MessageCount(direction=Direction.OUTGOING, kind="text", status=LedgerState.READ, count=118),
            MessageCount(direction=Direction.INCOMING, kind="text", status=LedgerState.RECEIVED, count=57),
        ],
    ),
    "events.replay.v1": EventsReplayed(
        session_id=_SESSION, count=62, from_sequence=57, to_sequence=118, oldest_sequence=12, newest_sequence=118
    ),
    "contact.check.v1": ContactsChecked(
        contacts=[
            Contact(phone=_PHONE, exists=True, jid=_JID, lid=_LID),
            Contact(phone="+15550002222", exists=False),
        ]
    ),
    **GROUP_RESULTS,
    "contact.picture.v1": ContactPicture(
        to=_PHONE,
        jid=_JID,
        state=PictureState.SHOWN,
        id="1699887766",
        url="https://pps.whatsapp.net/v/t61/1.jpg?oe=6925",
    ),
    "worker.describe.v1": WorkerDescription(
        worker_id=_WORKER,
        status=WorkerState.ONLINE,
        version="0.1.0",
        endpoint="http://192.168.1.100:8001",
        max_sessions=50,
        session_count=1,
        uptime_seconds=3600,
        sessions_by_state={SessionState.CONNECTED: 1},
        sessions=[_SESSION],
    ),
}
"""What each query answers."""


def _session_status(state: SessionState, **fields: Any) -> SessionStatus:
    return SessionStatus(session_id=_SESSION, user_id=_USER, worker_id=_WORKER, state=state, timestamp=_NOW, **fields)


def _message_status(status: MessageState, error: Failure | None = None) -> MessageStatus:
    return MessageStatus(
        session_id=_SESSION,
        command_id=_COMMAND,
        message_id=_MESSAGE,
        to=_PHONE,
        status=status,
        timestamp=_NOW,
        error=error,
    )


def _about() -> dict[str, Any]:
    return {
        "session_id": _SESSION,
        "message_id": _MESSAGE,
        "chat": _JID,
        "sender": MessageSender(jid=_JID, lid=_LID, phone=_PHONE, push_name="Ben"),
        "from_me": False,
        "is_group": False,
        "timestamp": _NOW,
    }


def _media(state: MediaState) -> Media:
    return Media(
        object=f"{_SESSION}/received/2026/11/{_MESSAGE}",
        mimetype="image/jpeg",
        size=48_213,
        sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        state=state,
    )


EVENT_DATA: Final[Mapping[str, tuple[Model, ...]]] = {
    "session.status.v1": (
        _session_status(SessionState.QR_REQUIRED, qr_string="2@AbC,dEf,gHi,jKl", qr_code=_PNG, expires_at=_NOW),
        _session_status(SessionState.CODE_REQUIRED, pairing_code="ABCD-EFGH", expires_at=_NOW),
        _session_status(
            SessionState.PASSKEY_REQUIRED,
            passkey=PasskeyRequest(options=_OPTIONS, expires_at=_NOW),
            reason=Reason(
                code="pairing.passkey_required",
                message="WhatsApp asks for a passkey before this account can link a device.",
                action=Action.USE_PASSKEY,
            ),
        ),
        _session_status(SessionState.PASSKEY_CONFIRM, code="7K3M-W2XP", expires_at=_NOW),
        _session_status(SessionState.CONNECTED, phone=_PHONE, jid=_JID, lid=_LID, push_name="Ana"),
        _session_status(
            SessionState.LOGGED_OUT,
            reason=Reason(code="session.logged_out", message="The device was unlinked.", action=Action.RESCAN),
        ),
    ),
    "message.status.v1": (
        _message_status(MessageState.SENT),
        _message_status(MessageState.FAILED, Failure.of(MessageRejectedByWhatsApp("463"))),
    ),
    "message.received.v1": (
        MessageReceived(
            session_id=_SESSION,
            message_id=MessageId("3A5F0C9E1B7D2846"),
            chat=_JID,
            sender=MessageSender(jid=_JID, lid=_LID, phone=_PHONE, push_name="Ben"),
            from_me=False,
            is_group=False,
            timestamp=_NOW,
            content=Text(text="Yes", link_preview=LinkPreview(url="https://example.com", title="Example")),
            quote=Quote(message_id=_MESSAGE),
        ),
        MessageReceived(
            session_id=_SESSION,
            message_id=_MESSAGE,
            chat=_JID,
            sender=MessageSender(jid=_JID, lid=_LID, phone=_PHONE, push_name="Ben"),
            from_me=False,
            is_group=False,
            timestamp=_NOW,
            content=Image(media=_media(MediaState.PENDING), caption="The gate"),
            view_once=True,
            disappearing_seconds=604_800,
        ),
        MessageReceived(
            session_id=_SESSION,
            message_id=_MESSAGE,
            chat=_JID,
            sender=MessageSender(jid=_JID, lid=_LID, phone=_PHONE, push_name="Acme"),
            from_me=False,
            is_group=False,
            timestamp=_NOW,
            content=Text(
                text="Your code is 123456",
                buttons=[Button(type="cta_copy", text="Copy the code", code="123456")],
                rows=[Row(id="again", title="Send another code")],
            ),
            ad=Ad(title="Half price", source_type="ad", source_id="120210000000000000", ctwa_clid="ARAkLkA8rmlFeiCkt"),
            wrappers=["questionMessage"],
        ),
    ),
    "chat.updated.v1": (
        ChatUpdated(
            session_id=_SESSION,
            chat=_JID,
            is_group=False,
            disappearing_seconds=604_800,
            sender=MessageSender(jid=_JID, lid=_LID, phone=_PHONE, push_name="Ben"),
            from_me=False,
            timestamp=_NOW,
        ),
        ChatUpdated(
            session_id=_SESSION,
            chat=_JID,
            is_group=False,
            archived=True,
            pinned=False,
            muted=True,
            muted_until=_NOW + timedelta(hours=8),
            unread=0,
            marked_unread=False,
            from_me=True,
            timestamp=_NOW,
        ),
    ),
    "chat.deleted.v1": (ChatDeleted(session_id=_SESSION, chat=_JID, is_group=False, timestamp=_NOW),),
    "chat.cleared.v1": (ChatCleared(session_id=_SESSION, chat=_JID, is_group=False, timestamp=_NOW),),
    "message.starred.v1": (
        MessageStarred(session_id=_SESSION, message_id=_MESSAGE, chat=_JID, starred=True, timestamp=_NOW),
    ),
    "message.deleted.v1": (MessageDeleted(session_id=_SESSION, message_id=_MESSAGE, chat=_JID, timestamp=_NOW),),
    "message.edited.v1": (MessageEdited(**_about(), content=Text(text="Yes, at noon")),),
    "message.revoked.v1": (MessageRevoked(**_about()),),
    "message.reaction.v1": (MessageReaction(**_about(), emoji="👍"),),
    "poll.vote.v1": (PollVote(**_about(), options=["Monday"]), PollVote(**_about(), options=[], unknown_options=1)),
    "poll.option.v1": (PollOption(**_about(), option="Tuesday"),),
    "message.comment.v1": (
        MessageComment(**_about(), comment_id=MessageId("3A5F0C9E1B7D2847"), content=Text(text="Well said")),
    ),
    "message.pinned.v1": (MessagePinned(**_about(), pinned=True, until=_NOW),),
    "message.kept.v1": (MessageKept(**_about(), kept=True),),
    "message.changed.v1": (
        MessageChanged(
            **_about(),
            change=UnreadChange.EDIT,
            reason=UnreadReason.SEALED,
            whatsapp_type="secretEncryptedMessage",
        ),
    ),
    "event.response.v1": (EventResponse(**_about(), response=Attendance.GOING, extra_guests=1),),
    "call.received.v1": (
        CallReceived(
            session_id=_SESSION,
            call_id="5C2A9E0B1D7F",
            caller=Caller(jid=_JID, lid=_LID, phone=_PHONE),
            video=False,
            rejected=True,
            timestamp=_NOW,
        ),
    ),
    "call.ended.v1": (
        CallEnded(
            session_id=_SESSION,
            call_id="5C2A9E0B1D7F",
            caller=Caller(jid=_JID, lid=_LID, phone=_PHONE),
            outcome=CallOutcome.MISSED,
            missed=True,
            timestamp=_NOW,
        ),
    ),
    "contact.updated.v1": (
        ContactUpdated(
            session_id=_SESSION,
            jid=_JID,
            lid=_LID,
            phone=_PHONE,
            push_name="Ben",
            saved_name="Ben the plumber",
            changed=[ContactChange.SAVED_NAME],
            timestamp=_NOW,
        ),
        ContactUpdated(
            session_id=_SESSION,
            jid=_LID,
            lid=_LID,
            push_name="Eve",
            about="At work",
            picture=PictureChange.REMOVED,
            changed=[ContactChange.PICTURE],
            timestamp=_NOW,
        ),
    ),
    "contact.blocked.v1": (
        ContactBlocked(session_id=_SESSION, jid=_JID, lid=_LID, phone=_PHONE, blocked=True, timestamp=_NOW),
        ContactBlocked(session_id=_SESSION, jid=_LID, lid=_LID, blocked=False, timestamp=_NOW),
    ),
    "label.updated.v1": (
        LabelUpdated(
            session_id=_SESSION, label_id="5", change=LabelChange.CREATED, name="Paid", color=3, timestamp=_NOW
        ),
        LabelUpdated(session_id=_SESSION, label_id="5", change=LabelChange.ADDED, chat=_JID, timestamp=_NOW),
    ),
    "profile.updated.v1": (
        ProfileUpdated(session_id=_SESSION, push_name="Ana", changed=[ProfileChange.PUSH_NAME], timestamp=_NOW),
        ProfileUpdated(
            session_id=_SESSION, picture=PictureChange.CHANGED, changed=[ProfileChange.PICTURE], timestamp=_NOW
        ),
    ),
    "history.synced.v1": (
        HistorySynced(
            session_id=_SESSION, progress=45, chats=10, messages=412, contacts=0, is_last=False, timestamp=_NOW
        ),
    ),
    "session.throttled.v1": (
        SessionThrottled(
            session_id=_SESSION,
            cause=ThrottleCause.PROXY_BRAKE,
            until=_NOW + timedelta(seconds=60),
            whatsapp_code="463",
            timestamp=_NOW,
        ),
        SessionThrottled(
            session_id=_SESSION, cause=ThrottleCause.WARM_UP, until=_NOW + timedelta(hours=9), timestamp=_NOW
        ),
    ),
    "usage.report.v1": (
        UsageReport(
            session_id=_SESSION,
            user_id=_USER,
            hour=datetime(2026, 11, 22, 10, tzinfo=UTC),
            sent=412,
            delivered=398,
            read=240,
            received=97,
            failed={"message.recipient_unknown": 3, "message.rejected_by_whatsapp": 1},
            media_bytes_received=18_403_112,
            media_bytes_sent=941_208,
        ),
    ),
    "presence.updated.v1": (
        PresenceUpdated(session_id=_SESSION, chat=_JID, state=SeenState.TYPING, timestamp=_NOW),
        PresenceUpdated(session_id=_SESSION, chat=_JID, state=SeenState.UNAVAILABLE, last_seen=_NOW, timestamp=_NOW),
    ),
    "media.ready.v1": (
        MediaReady(session_id=_SESSION, message_id=_MESSAGE, chat=_JID, media=_media(MediaState.READY)),
    ),
    "media.failed.v1": (
        MediaFailed(
            session_id=_SESSION,
            message_id=_MESSAGE,
            chat=_JID,
            media=_media(MediaState.FAILED),
            error=Failure.of(MediaUnreachable(detail={"reason": "phone"})),
        ),
    ),
    **GROUP_EVENT_DATA,
    "worker.registered.v1": (
        WorkerRegistered(worker_id=_WORKER, endpoint="http://192.168.1.100:8001", max_sessions=50, version="0.1.0"),
    ),
    "worker.heartbeat.v1": (
        WorkerHeartbeat(
            worker_id=_WORKER,
            status=WorkerState.ONLINE,
            metrics=WorkerMetrics(
                session_count=25, max_sessions=50, active_connections=23, cpu_usage=45.5, memory_usage=67.8
            ),
        ),
    ),
    "worker.stopped.v1": (WorkerStopped(worker_id=_WORKER),),
    "command.accepted.v1": (CommandAccepted(command_id=_COMMAND, command_type="message.send.v1", message_id=_MESSAGE),),
    "command.rejected.v1": (
        CommandRejected.of(
            CommandInvalid.at("data.content.text", "is required"), command_id=_COMMAND, command_type="message.send.v1"
        ),
    ),
}
"""The data of each event and reply; ``command.result.v1`` is made of `RESULTS`."""


def command_envelope(command_type: str, data: Mapping[str, Any], subject: str | None) -> Envelope:
    """A command as a backend publishes it."""
    return Envelope(
        id=_COMMAND,
        source="/backend/eu-1",
        type=command_type,
        subject=subject,
        time=_NOW,
        expiresat=_NOW + timedelta(minutes=5),
        correlationid="order-77",
        data=dict(data),
    )


def event_envelope(event_type: str, data: Model, *, durable: bool, of_worker: bool) -> Envelope:
    """An event as the worker publishes it; a durable one has its sequence."""
    subject = _WORKER if of_worker else _SESSION
    source = worker_source(_NAMESPACE, _WORKER) if of_worker else session_source(_NAMESPACE, _SESSION)
    return Envelope(
        id="0a3e1f52-6c1b-4f6e-9d0a-2b7c8d9e0f11",
        source=source,
        type=event_type,
        subject=subject,
        time=_NOW,
        sequence=118 if durable else None,
        epoch=3 if durable else None,
        data=data.to_data(),
    )


def reply_envelope(event_type: str, data: Model) -> Envelope:
    """A reply as the worker publishes it to a command's `reply_to`."""
    return Envelope(
        id="5f0d7c1e-90ab-4c55-8f0e-7a6b5c4d3e2f",
        source=worker_source(_NAMESPACE, _WORKER),
        type=event_type,
        subject=_SESSION,
        time=_NOW,
        correlationid="order-77",
        causationid=_COMMAND,
        data=data.to_data(),
    )


def result_of(command_type: str) -> CommandResult:
    """The result of a query, as it stands in ``command.result.v1``."""
    return CommandResult(command_id=_COMMAND, command_type=command_type, result=RESULTS[command_type].to_data())


def subject_of(names: str) -> str | None:
    """The subject of an example whose type names a ``sessionId``, a ``workerId`` or nothing."""
    return {"sessionId": _SESSION, "workerId": _WORKER}.get(names)
