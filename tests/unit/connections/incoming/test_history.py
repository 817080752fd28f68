"""What is written of a part of the phone's history."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway_worker.connections.incoming.history import history_operations
from gateway_worker.connections.people.identities import Identities
from gateway_worker.store.operations.history import FinishHistory, HistoricMessage, StoreHistory
from gateway_worker.store.operations.messages import PutEntries
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.operations.people import LearnContacts
from gateway_worker.store.records import Status
from gateway_worker.whatsapp.incoming import EntryKey, ReceivedChange, ReceivedMessage, Sender, StoredEntry
from gateway_worker.whatsapp.incoming_changes import Change, Edited, Reacted, Revoked
from gateway_worker.whatsapp.past import HistoryPart, PastMessage, Synced
from gateway_worker.whatsapp.people import ContactReport
from schemas.content.content import Content, Image, Media, MediaState, Text
from schemas.names import SessionId
from tests.support.connections.world import MAPPINGS

ANNA = SessionId("anna")
CHAT = "15550002222@s.whatsapp.net"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
THEN = NOW - timedelta(days=3)


def past(message_id: str, content: Content, *, order: int = 0, status: str | None = None, **more: Any) -> PastMessage:
    message = ReceivedMessage(
        message_id=message_id,
        chat=CHAT,
        sender=Sender(jid=CHAT),
        from_me=status is not None,
        is_group=False,
        timestamp=int(THEN.timestamp()),
        content=content,
    )
    key = EntryKey(chat=CHAT, sender=CHAT, message_id=message_id, index=0)
    return PastMessage(entry=StoredEntry(key=key, plaintext=b"p"), message=message, status=status, order=order, **more)


def stored(operations: list[Operation[Any]]) -> list[HistoricMessage]:
    (found,) = [each for each in operations if isinstance(each, StoreHistory)]
    return list(found.messages)


async def test_messages_of_one_second_keep_their_order_and_their_state() -> None:
    messages = [
        past("B", Text(text="second"), order=8, status="read"),
        past("A", Text(text="first"), order=7),
        past("A", Text(text="again"), order=9),
    ]
    found = stored(await history_operations(ANNA, HistoryPart(messages=messages), Identities(MAPPINGS), NOW))
    assert [(each.message_id, each.status, each.from_me) for each in found] == [
        ("B", Status.READ, True),
        ("A", Status.RECEIVED, False),
    ]
    assert [each.at for each in found] == [THEN, THEN]
    assert found[0].created_at - found[1].created_at == timedelta(microseconds=1)


async def test_files_of_the_past_are_referenced_and_not_fetched() -> None:
    picture = Image(media=Media(mimetype="image/jpeg", size=9, state=MediaState.PENDING), caption="us")
    operations = await history_operations(ANNA, HistoryPart(messages=[past("A", picture)]), Identities(MAPPINGS), NOW)
    (message,) = stored(operations)
    assert message.content["media"] == {"mimetype": "image/jpeg", "size": 9, "state": "skipped"}
    (entries,) = [each for each in operations if isinstance(each, PutEntries)]
    assert [(entry.plaintext, entry.visible) for entry in entries.entries] == [(b"p", True)]


async def test_a_part_that_is_complete_is_told_with_the_stanza_that_brought_it() -> None:
    part = HistoryPart(synced=Synced(progress=45, chats=2, messages=7, is_last=False), processed=["NOTE"])
    (finish,) = await history_operations(ANNA, part, Identities(MAPPINGS), NOW)
    assert isinstance(finish, FinishHistory)
    assert (finish.message_ids, finish.event_type) == (["NOTE"], "history.synced.v1")
    assert (finish.event["progress"], finish.event["isLast"], finish.event["messages"]) == (45, False, 7)
    assert await history_operations(ANNA, HistoryPart(), Identities(MAPPINGS), NOW) == []


async def test_people_whose_names_came_are_known_without_a_word() -> None:
    named = past("A", Text(text="Hi"))
    named = replace(named, message=replace(named.message, sender=Sender(jid=CHAT, push_name="Ben")))
    listed = ContactReport(jid="42@lid", push_name="Eve", timestamp=0)
    operations = await history_operations(
        ANNA, HistoryPart(messages=[named], contacts=[listed]), Identities(MAPPINGS), NOW
    )
    (learnt,) = [each for each in operations if isinstance(each, LearnContacts)]
    assert learnt.from_before
    assert [(each.jid, fact.value, fact.at) for each in learnt.contacts for fact in each.facts.values()] == [
        ("42@lid", "Eve", 0),
        (CHAT, "Ben", int(THEN.timestamp())),
    ]


def done(message_id: str, change: Change, *, author: str | None) -> PastMessage:
    seen = ReceivedChange(
        message_id=message_id,
        about="A",
        chat=CHAT,
        sender=Sender(jid=CHAT),
        from_me=False,
        is_group=False,
        timestamp=int(THEN.timestamp()),
        change=change,
        author=author,
    )
    key = EntryKey(chat=CHAT, sender=CHAT, message_id=message_id, index=0)
    return PastMessage(entry=StoredEntry(key=key, plaintext=b""), message=seen, status=None, order=1)


async def test_what_was_done_to_messages_of_the_past_is_stored_about_them_if_its_doer_may() -> None:
    changes = [
        done("R", Reacted(emoji="x"), author=""),
        done("E", Edited(content=Text(text="new")), author=CHAT),
        done("F", Edited(content=Text(text="forged")), author=""),
        done("D", Revoked(), author=""),
    ]
    operations = await history_operations(ANNA, HistoryPart(messages=changes), Identities(MAPPINGS), NOW)
    assert [(each.message_id, each.about, each.kind, each.content.get("emoji")) for each in stored(operations)] == [
        ("R", "A", "reacted", "x"),
        ("E", "A", "edited", None),
    ]
    (entries,) = [each for each in operations if isinstance(each, PutEntries)]
    assert list(entries.entries) == []
