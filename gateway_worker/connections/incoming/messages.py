"""From what a connection received to the write that stores it with its event. Pure."""

from dataclasses import replace
from datetime import datetime
from typing import Any, assert_never

from gateway_worker.connections.base.names import NamesOf, message_sender
from gateway_worker.connections.base.times import instant
from gateway_worker.connections.incoming.changes import change_event, right_to
from gateway_worker.connections.messages.files import media_of_message
from gateway_worker.store.operations.authors import Person
from gateway_worker.store.operations.media import NewMedia
from gateway_worker.store.operations.messages import ReceiveMessage
from gateway_worker.whatsapp.incoming import Arrived, EntryKey, ReceivedChange, ReceivedMessage, Sender
from gateway_worker.whatsapp.incoming_changes import Commented, Edited
from schemas.addresses import jid_of_phone
from schemas.commands.session_settings import MediaOptions
from schemas.content.content import MEDIA_KINDS, Content, MediaState
from schemas.events.events import MESSAGE_RECEIVED, EventType
from schemas.events.messages import MessageReceived, Quote
from schemas.model import Model
from schemas.names import MessageId, SessionId


def arrival(
    session_id: SessionId,
    arrived: Arrived,
    now: datetime,
    options: MediaOptions | None = None,
    *,
    names_of: NamesOf,
    entry: EntryKey | None = None,
    opened: bool = False,
) -> ReceiveMessage:
    """What makes it durable, once, with the event that tells of it.

    A change is stored under the id of the message that tells it, as a kind of its own: so it is told once, however
    often it is delivered; once more, if it was sealed and is `opened`.
    """
    at = instant(arrived.timestamp, now)
    arrived, media = _with_media(session_id, arrived, now, options or MediaOptions())
    content, event_type, event = described(session_id, arrived, at)
    senders = sender_names(arrived.sender, names_of)
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
        media=media,
        chats=chat_names(arrived, senders, names_of),
        senders=senders,
        entry=None if entry is None else (entry.chat, entry.sender),
        expires_at=expires_at(arrived, at),
        opened=opened,
        **({} if isinstance(arrived, ReceivedMessage) else _changing(arrived, names_of)),
    )


def sender_names(sender: Sender, names_of: NamesOf) -> frozenset[str]:
    """All that is known of who wrote a message."""
    known = names_of(sender.jid)
    for each in (sender.lid, None if sender.phone is None else jid_of_phone(sender.phone)):
        if each is not None and each not in known:
            known |= names_of(each)
    return known


def chat_names(arrived: Arrived, senders: frozenset[str], names_of: NamesOf) -> frozenset[str]:
    """All that is known of where it was written: a person's chat has that person's names."""
    if arrived.is_group or arrived.from_me:
        return names_of(arrived.chat)
    return senders if arrived.chat in senders else senders | names_of(arrived.chat)


def _changing(arrived: ReceivedChange, names_of: NamesOf) -> dict[str, Any]:
    """What it changes, and what decides whether it may."""
    author = arrived.author
    edited = arrived.change.content.kind if isinstance(arrived.change, Edited) else None
    return {
        "about": MessageId(arrived.about),
        "right": right_to(arrived.change),
        "by_admin": arrived.by_admin and arrived.is_group,
        "about_author": None if author is None else Person.of(author == "", *(names_of(author) if author else ())),
        "shows_media": edited in MEDIA_KINDS,
    }


def _with_media(
    session_id: SessionId, arrived: Arrived, now: datetime, options: MediaOptions
) -> tuple[Arrived, NewMedia | None]:
    """A message as it is told, with the key of its file in the bucket; and that file."""
    if isinstance(arrived, ReceivedMessage) and (found := media_of_message(session_id, arrived, options, now)):
        media, row = found
        return replace(arrived, content=arrived.content.model_copy(update={"media": media})), row
    match arrived:
        case ReceivedChange():
            return with_unfetched(arrived), None
        case _:
            return arrived, None


def with_unfetched(arrived: Arrived) -> Arrived:
    """With a file that is not downloaded by itself.

    Of the past; and what an edit of a message that is not stored here, or a comment, says of its file is all we have.
    """
    match arrived:
        case ReceivedMessage(content=content) if content.kind in MEDIA_KINDS:
            return replace(arrived, content=_unfetched(content))
        case ReceivedChange(change=Edited(content=content)) if content.kind in MEDIA_KINDS:
            return replace(arrived, change=Edited(content=_unfetched(content)))
        case ReceivedChange(change=Commented(content=content)) if content is not None and content.kind in MEDIA_KINDS:
            return replace(arrived, change=Commented(content=_unfetched(content)))
        case _:
            return arrived


def _unfetched(content: Content) -> Content:
    media = getattr(content, "media")  # noqa: B009 (the union has members without it)
    return content.model_copy(update={"media": media.model_copy(update={"state": MediaState.SKIPPED})})


def kind_of(arrived: Arrived) -> str:
    """Its kind, for those who count."""
    match arrived:
        case ReceivedMessage():
            return arrived.content.kind
        case ReceivedChange():
            return type(arrived.change).__name__.lower()
        case _:
            assert_never(arrived)


def described(session_id: SessionId, arrived: Arrived, at: datetime) -> tuple[dict[str, Any], EventType, Model]:
    """What is stored of it, and the event with its data."""
    common: dict[str, Any] = {
        "session_id": session_id,
        "chat": arrived.chat,
        "sender": message_sender(arrived.sender),
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
            **dict(arrived.flags),
            ad=arrived.ad,
            association=arrived.association,
            wrappers=list(arrived.wrappers) or None,
            disappearing_seconds=None if arrived.timer is None else arrived.timer.seconds or None,
        )
        return arrived.content.to_data(), MESSAGE_RECEIVED, message
    about = {**common, "message_id": MessageId(arrived.about)}
    content, event_type, event = change_event(arrived.change, MessageId(arrived.message_id), about, at)
    author = {} if arrived.author is None else {"author": arrived.author}
    return {"kind": kind_of(arrived), "messageId": arrived.about, **author, **content}, event_type, event


def expires_at(arrived: Arrived, at: datetime) -> datetime | None:
    """When it disappears; None: it stays, as every change does."""
    timer = arrived.timer if isinstance(arrived, ReceivedMessage) else None
    return None if timer is None else timer.expires_at(at)
