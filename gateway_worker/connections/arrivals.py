"""From what a connection received to the write that stores it with its event. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, assert_never

from gateway_worker.store.operations import ReceiveMessage
from gateway_worker.whatsapp.port import Edited, Reacted, ReceivedChange, ReceivedMessage, Revoked, Voted
from gateway_worker.whatsapp.port import Sender as Author
from schemas.events import (
    MESSAGE_EDITED,
    MESSAGE_REACTION,
    MESSAGE_RECEIVED,
    MESSAGE_REVOKED,
    POLL_VOTE,
    EventType,
    MessageEdited,
    MessageReaction,
    MessageReceived,
    MessageRevoked,
    MessageSender,
    PollVote,
    Quote,
)
from schemas.model import Model
from schemas.names import MessageId, SessionId

Arrived = ReceivedMessage | ReceivedChange

_OLDEST: Final = datetime(2009, 1, 1, tzinfo=UTC)  # WhatsApp's first year
_AHEAD: Final = timedelta(days=1)  # clocks may differ, not by more


def instant(timestamp: int, now: datetime) -> datetime:
    """WhatsApp's time in Unix seconds, or ours where theirs makes no sense (it comes from strangers' phones)."""
    latest = now + _AHEAD
    sane = _OLDEST.timestamp() <= timestamp <= latest.timestamp()
    return datetime.fromtimestamp(timestamp, UTC) if sane else now


def arrival(session_id: SessionId, arrived: Arrived, now: datetime) -> ReceiveMessage:
    """What makes it durable, once, with the event that tells of it.

    A change is stored under the id of the message that tells it, as a kind of its own: so it is told once, however
    often it is delivered.
    """
    at = instant(arrived.timestamp, now)
    content, event_type, event = _told(session_id, arrived, at)
    return ReceiveMessage(
        message_id=MessageId(arrived.message_id),
        chat=arrived.chat,
        sender=arrived.sender.jid,
        from_me=arrived.from_me,
        kind=kind_of(arrived),
        content=content,
        timestamp=at,
        event_type=event_type.type,
        event=event.to_data(),
        about=MessageId(arrived.about) if isinstance(arrived, ReceivedChange) else None,
    )


def kind_of(arrived: Arrived) -> str:
    """Its kind, for those who count."""
    match arrived:
        case ReceivedMessage():
            return arrived.content.kind
        case ReceivedChange():
            return type(arrived.change).__name__.lower()
        case _:
            assert_never(arrived)


def _told(session_id: SessionId, arrived: Arrived, at: datetime) -> tuple[dict[str, Any], EventType, Model]:
    common: dict[str, Any] = {
        "session_id": session_id,
        "chat": arrived.chat,
        "sender": _author(arrived.sender),
        "from_me": arrived.from_me,
        "is_group": arrived.is_group,
        "timestamp": at,
    }
    if isinstance(arrived, ReceivedMessage):
        message = MessageReceived(
            **common,
            message_id=MessageId(arrived.message_id),
            content=arrived.content,
            quote=Quote(message_id=MessageId(arrived.quoted_id)) if arrived.quoted_id else None,
            mentions=list(arrived.mentions) or None,
            forwarded=arrived.forwarded or None,
        )
        return arrived.content.to_data(), MESSAGE_RECEIVED, message
    content, event_type, event = _changed(arrived, {**common, "message_id": MessageId(arrived.about)})
    return {"kind": kind_of(arrived), "messageId": arrived.about, **content}, event_type, event


def _changed(arrived: ReceivedChange, common: dict[str, Any]) -> tuple[dict[str, Any], EventType, Model]:
    match arrived.change:
        case Edited(content=content):
            return {"content": content.to_data()}, MESSAGE_EDITED, MessageEdited(**common, content=content)
        case Revoked():
            return {}, MESSAGE_REVOKED, MessageRevoked(**common)
        case Reacted(emoji=emoji):
            return {"emoji": emoji}, MESSAGE_REACTION, MessageReaction(**common, emoji=emoji)
        case Voted(options=options):
            chosen = None if options is None else list(options)
            return {"options": chosen}, POLL_VOTE, PollVote(**common, options=chosen)
        case _:
            assert_never(arrived.change)


def _author(sender: Author) -> MessageSender:
    return MessageSender(jid=sender.jid, lid=sender.lid, phone=sender.phone, push_name=sender.push_name)
