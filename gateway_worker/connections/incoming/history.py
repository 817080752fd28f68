"""From a part of the phone's history to the writes that store it. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from gateway_worker.connections.base.times import instant
from gateway_worker.connections.incoming.messages import chat_names, expires_at, sender_names
from gateway_worker.connections.people.contacts import contact_news, names_in
from gateway_worker.connections.people.identities import Identities
from gateway_worker.store.operations.history import FinishHistory, HistoricMessage, StoreHistory
from gateway_worker.store.operations.messages import NewEntry, PutEntries
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.operations.people import LearnContacts
from gateway_worker.store.records import Status
from gateway_worker.whatsapp.past import HistoryPart, PastMessage
from gateway_worker.whatsapp.people import ContactsTold
from schemas.addresses import Jid
from schemas.content import Content, Media, MediaState
from schemas.events import HISTORY_SYNCED
from schemas.history_events import HistorySynced
from schemas.names import MessageId, SessionId

_MICROSECONDS = 1_000_000


def history_operations(
    session_id: SessionId, part: HistoryPart, identities: Identities, now: datetime
) -> list[Operation[Any]]:
    """What makes it durable. What is stored already stays as it is, so a part may come again."""
    return [
        *people_operations(part, identities, now),
        *past_operations(part.messages, identities, now),
        *finish_operations(session_id, part, now),
    ]


def people_operations(part: HistoryPart, identities: Identities, now: datetime) -> Sequence[LearnContacts]:
    """What it says of people."""
    people = [*part.contacts, *names_in(each.message for each in part.messages)]
    return contact_news(ContactsTold(contacts=people, from_before=True), identities, now)


def past_operations(messages: Sequence[PastMessage], identities: Identities, now: datetime) -> list[Operation[Any]]:
    """What keeps messages of it."""
    if not messages:
        return []
    stored = StoreHistory(messages=_distinct(messages, identities, now))
    return [PutEntries(entries=[_entry(each) for each in messages]), stored]


def finish_operations(session_id: SessionId, part: HistoryPart, now: datetime) -> list[FinishHistory]:
    """What tells that a part is complete, with its last slice."""
    if (synced := part.synced) is None:
        return []
    told = HistorySynced(
        session_id=session_id,
        progress=synced.progress,
        chats=synced.chats,
        messages=synced.messages,
        contacts=synced.contacts,
        is_last=synced.is_last,
        timestamp=now,
    )
    return [FinishHistory(message_ids=part.processed, event_type=HISTORY_SYNCED.type, event=told.to_data())]


def _distinct(messages: Sequence[PastMessage], identities: Identities, now: datetime) -> list[HistoricMessage]:
    """A message may stand in a part twice; the first counts."""
    found: dict[tuple[str, str, str], HistoricMessage] = {}
    for each in messages:
        message = each.message
        author = "" if message.from_me else identities.chat_of(Jid(message.sender.jid))
        name = (message.message_id, identities.chat_of(Jid(message.chat)), author)
        found.setdefault(name, _stored(each, identities, now))
    return list(found.values())


def _stored(past: PastMessage, identities: Identities, now: datetime) -> HistoricMessage:
    message, at = past.message, instant(past.message.timestamp, now)
    senders = sender_names(message.sender, identities.all_names)
    return HistoricMessage(
        message_id=MessageId(message.message_id),
        chat=identities.chat_of(Jid(message.chat)),
        sender=message.sender.jid,
        from_me=message.from_me,
        chats=chat_names(message, senders, identities.all_names),
        senders=senders,
        entry=(past.entry.key.chat, past.entry.key.sender),
        kind=message.content.kind,
        content=_referenced(identities.by_number(message.content, message.mentions)).to_data(),
        status=Status(past.status) if past.status else Status.RECEIVED,
        at=at,
        expires_at=expires_at(message, at),
        # In its place among the messages of the chat: a second holds many, which come in order
        created_at=at + timedelta(microseconds=past.order % _MICROSECONDS),
    )


def _referenced(content: Content) -> Content:
    """A file of the past is not downloaded by itself: `media.fetch` gets it."""
    media = getattr(content, "media", None)
    if not isinstance(media, Media):
        return content
    return content.model_copy(update={"media": media.model_copy(update={"state": MediaState.SKIPPED})})


def _entry(past: PastMessage) -> NewEntry:
    key = past.entry.key
    return NewEntry(
        chat=key.chat,
        sender=key.sender,
        message_id=key.message_id,
        index=key.index,
        plaintext=past.entry.plaintext,
        visible=True,
    )
