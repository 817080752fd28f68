"""From a part of the phone's history to the writes that store it, a slice of the loop at a time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from gateway_worker.connections.base.times import instant
from gateway_worker.connections.incoming.changes import right_to
from gateway_worker.connections.incoming.messages import (
    chat_names,
    described,
    expires_at,
    kind_of,
    sender_names,
    with_unfetched,
)
from gateway_worker.connections.people.contacts import learnt_contacts, names_in
from gateway_worker.connections.people.identities import Identities
from gateway_worker.store.operations.authors import Person, Right, same_author
from gateway_worker.store.operations.history import FinishHistory, HistoricMessage, StoreHistory
from gateway_worker.store.operations.messages import NewEntry, PutEntries
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.operations.people import LearnContacts
from gateway_worker.store.records import Status
from gateway_worker.timing.pace import Pace
from gateway_worker.whatsapp.incoming import ReceivedChange, ReceivedMessage
from gateway_worker.whatsapp.past import HistoryPart, PastMessage
from gateway_worker.whatsapp.people import ContactsReported
from schemas.addresses import Jid
from schemas.events.events import HISTORY_SYNCED
from schemas.events.history import HistorySynced
from schemas.names import MessageId, SessionId

_MICROSECONDS = 1_000_000


async def history_operations(
    session_id: SessionId, part: HistoryPart, identities: Identities, now: datetime
) -> list[Operation[Any]]:
    """What makes it durable. What is stored already stays as it is, so a part may come again."""
    return [
        *people_operations(part, identities, now),
        *await past_operations(session_id, part.messages, identities, now),
        *finish_operations(session_id, part, now),
    ]


def people_operations(part: HistoryPart, identities: Identities, now: datetime) -> Sequence[LearnContacts]:
    """What it says of people."""
    people = [*part.contacts, *names_in(each.message for each in part.messages)]
    return learnt_contacts(ContactsReported(contacts=people, from_before=True), identities, now)


async def past_operations(
    session_id: SessionId, messages: Sequence[PastMessage], identities: Identities, now: datetime
) -> list[Operation[Any]]:
    """What keeps messages of it, and what was done to them."""
    if not messages:
        return []
    stored = StoreHistory(messages=await _distinct(session_id, messages, identities, now))
    return [PutEntries(entries=[_entry(each) for each in messages if each.entry.plaintext]), stored]


def finish_operations(session_id: SessionId, part: HistoryPart, now: datetime) -> list[FinishHistory]:
    """What tells that a part is complete, with its last slice."""
    if (synced := part.synced) is None:
        return []
    event = HistorySynced(
        session_id=session_id,
        progress=synced.progress,
        chats=synced.chats,
        messages=synced.messages,
        contacts=synced.contacts,
        is_last=synced.is_last,
        timestamp=now,
    )
    return [FinishHistory(message_ids=part.processed, event_type=HISTORY_SYNCED.type, event=event.to_data())]


async def _distinct(
    session_id: SessionId, messages: Sequence[PastMessage], identities: Identities, now: datetime
) -> list[HistoricMessage]:
    """A message may stand in a part twice; the first counts."""
    pace, found = Pace(), dict[tuple[str, str, str], HistoricMessage]()
    for each in messages:
        message = each.message
        author = "" if message.from_me else identities.chat_of(Jid(message.sender.jid))
        name = (message.message_id, identities.chat_of(Jid(message.chat)), author)
        if name not in found and _counts(each, identities):
            found[name] = _stored(session_id, each, identities, now)
        await pace.breathe()
    return list(found.values())


def _stored(session_id: SessionId, past: PastMessage, identities: Identities, now: datetime) -> HistoricMessage:
    message, at = with_unfetched(identities.completed(past.message)), instant(past.message.timestamp, now)
    senders = sender_names(message.sender, identities.all_names)
    content = (
        message.content.to_data() if isinstance(message, ReceivedMessage) else described(session_id, message, at)[0]
    )
    return HistoricMessage(
        message_id=MessageId(message.message_id),
        chat=message.chat,
        sender=past.message.sender.jid,
        from_me=message.from_me,
        chats=chat_names(message, senders, identities.all_names),
        senders=senders,
        entry=(past.entry.key.chat, past.entry.key.sender),
        kind=kind_of(message),
        content=content,
        status=Status(past.status) if past.status else Status.RECEIVED,
        at=at,
        expires_at=expires_at(message, at),
        about=MessageId(message.about) if isinstance(message, ReceivedChange) else None,
        opened=past.opened,
        # In its place among the messages of the chat: a second holds many, which come in order
        created_at=at + timedelta(microseconds=past.order % _MICROSECONDS),
    )


def _counts(past: PastMessage, identities: Identities) -> bool:
    """Whether it is a message, or a change by whom WhatsApp lets do it; who was an admin then, nobody knows."""
    change = past.message
    if not isinstance(change, ReceivedChange) or right_to(change.change) is Right.ANYONE or change.author is None:
        return True
    author = Person.of(change.author == "", *identities.all_names(change.author))
    by = Person.of(change.from_me, *sender_names(change.sender, identities.all_names))
    return same_author(change.chat, author, by)


def _entry(past: PastMessage) -> NewEntry:
    key = past.entry.key
    return NewEntry(
        chat=key.chat,
        sender=key.sender,
        message_id=key.message_id,
        index=key.index,
        plaintext=past.entry.plaintext,
        visible=isinstance(past.message, ReceivedMessage),
    )
