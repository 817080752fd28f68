"""A chat's stored messages, newest first, and counts."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gateway_worker.store.operations.history import FinishHistory, HistoricMessage, StoreHistory
from gateway_worker.store.operations.identity import PutKeys
from gateway_worker.store.operations.messages import NewEntry, PutEntries
from gateway_worker.store.operations.people import JoinChats
from gateway_worker.store.records import Direction, Fence, Status
from gateway_worker.store.store import Store
from tests.integration.store.conftest import SESSION
from tests.support.store.stores import NOON, TestClock, advance, arrived, begin, message_id

CHAT = "15550001111@s.whatsapp.net"
LATER = NOON + timedelta(days=1)


async def test_both_directions_of_a_chat_come_newest_first_behind_a_place(
    store: Store, fence: Fence, clock: TestClock
) -> None:
    await store.commit(fence, replace(begin(1), chat=CHAT), replace(begin(9), chat="1@lid", to="1@lid"))
    clock.pass_by(timedelta(minutes=1))
    await store.commit(fence, arrived(2))
    clock.pass_by(timedelta(minutes=1))
    await store.commit(fence, replace(begin(3), chat=CHAT), replace(begin(4), chat=CHAT))

    async def ids(before: tuple[datetime, str], limit: int = 10) -> list[str]:
        found = await store.messages.history(SESSION, CHAT, before=before, kinds={"text"}, limit=limit)
        return [record.message_id for record in found]

    everything = [message_id(4), message_id(3), arrived(2).message_id, message_id(1)]
    assert await ids((LATER, "")) == everything
    assert await ids((LATER, ""), limit=2) == everything[:2]
    assert await ids((clock.now(), "")) == everything[2:]
    assert await store.messages.history(SESSION, CHAT, before=(LATER, ""), kinds={"poll"}, limit=5) == []


async def test_the_changes_to_messages_are_found_by_what_they_are_about(store: Store, fence: Fence) -> None:
    await store.commit(fence, replace(begin(1), chat=CHAT), arrived(2))
    about = message_id(1)
    edit = replace(begin(3), kind="edit", about=about)
    reaction = replace(arrived(4), kind="reacted", content={"kind": "reacted", "emoji": "x"}, about=about)
    await store.commit(fence, edit, reaction, replace(arrived(5), about=arrived(2).message_id))
    found = await store.messages.changes(SESSION, [about], limit=10)
    assert [(each.message_id, each.kind, each.about) for each in found] == [
        (edit.message_id, "edit", about),
        (reaction.message_id, "reacted", about),
    ]
    (newest,) = await store.messages.changes(SESSION, [about], limit=1)
    assert newest.message_id == reaction.message_id


async def test_messages_are_counted_as_they_stand(store: Store, fence: Fence) -> None:
    await store.commit(fence, begin(1), begin(2), arrived(3))
    await store.commit(fence, advance(Status.SENT, 1))
    tallies = await store.messages.tally(SESSION, NOON, LATER)
    assert {(each.direction, each.kind, each.status): each.count for each in tallies} == {
        (Direction.INCOMING, "text", Status.RECEIVED): 1,
        (Direction.OUTGOING, "text", Status.PENDING): 1,
        (Direction.OUTGOING, "text", Status.SENT): 1,
    }
    assert await store.messages.tally(SESSION, NOON, LATER, without={"text"}) == []
    assert await store.messages.tally(SESSION, LATER, LATER + timedelta(days=1)) == []


def _past(number: int, **more: Any) -> HistoricMessage:
    values: dict[str, Any] = {
        "message_id": message_id(number),
        "chat": CHAT,
        "sender": CHAT,
        "from_me": False,
        "kind": "text",
        "content": {"kind": "text", "text": f"past {number}"},
        "status": Status.RECEIVED,
        "at": NOON - timedelta(days=400),
        "created_at": NOON - timedelta(days=400) + timedelta(microseconds=number),
    }
    return HistoricMessage(**{**values, **more})


async def test_the_past_is_stored_once_in_the_place_of_its_time(store: Store, fence: Fence) -> None:
    await store.commit(fence, replace(begin(9), chat=CHAT))
    slices = [
        _past(1),
        _past(2, from_me=True, status=Status.READ),
        _past(9, from_me=True),
    ]  # the last is known better here
    for _ in range(2):
        await store.commit(fence, StoreHistory(messages=slices))
    found = await store.messages.history(SESSION, CHAT, before=(LATER, ""), kinds={"text"}, limit=10)
    assert [(each.message_id, each.status) for each in found] == [
        (message_id(9), Status.PENDING),
        (message_id(2), Status.READ),
        (message_id(1), Status.RECEIVED),
    ]
    assert found[2].content == {"kind": "text", "text": "past 1"}


async def test_a_part_that_comes_again_is_told_once(store: Store, fence: Fence) -> None:
    entry = NewEntry(
        chat=CHAT, sender=CHAT, message_id="NOTE", index=0, plaintext=b"p", visible=False, unprocessed=True
    )
    await store.commit(fence, PutEntries(entries=[entry]))
    finish = FinishHistory(message_ids=["NOTE"], event_type="history.synced.v1", event={"progress": 5})
    assert await store.commit(fence, finish) == (True,)
    assert await store.commit(fence, finish) == (False,)
    assert await store.keys.unprocessed(SESSION) == []


async def test_a_chat_under_two_names_is_joined(store: Store, fence: Fence) -> None:
    await store.commit(fence, replace(begin(1), chat="42@lid"), replace(begin(2), chat=CHAT))
    await store.commit(fence, JoinChats(chats={"42@lid": CHAT, "43@lid": "15550003333@s.whatsapp.net"}))
    found = await store.messages.history(SESSION, CHAT, before=(LATER, ""), kinds={"text"}, limit=10)
    assert [each.message_id for each in found] == [message_id(2), message_id(1)]


async def test_the_keys_of_a_kind_are_read_as_a_whole(store: Store, fence: Fence) -> None:
    keys = {("lid-mapping", str(number)): str(number).encode() for number in range(3)}
    await store.commit(fence, PutKeys(keys={**keys, ("session", "1"): b"s"}))
    assert await store.keys.of_kind(SESSION, "lid-mapping", 10) == {"0": b"0", "1": b"1", "2": b"2"}
    assert len(await store.keys.of_kind(SESSION, "lid-mapping", 2)) == 2


async def test_a_change_of_the_past_that_is_opened_takes_the_place_of_the_sealed_one_and_tells_nothing(
    store: Store, fence: Fence
) -> None:
    about = message_id(1)
    sealed = _past(2, kind="changed", content={"kind": "changed", "reason": "sealed"}, about=about)
    await store.commit(fence, StoreHistory(messages=[_past(1), sealed]))
    opened = {"kind": "edited", "content": {"kind": "text", "text": "new"}}
    again = replace(sealed, kind="edited", content=opened, opened=True, created_at=NOON)
    for _ in range(2):  # a crash may come before the list is stored that has it no longer
        await store.commit(fence, StoreHistory(messages=[again, _past(3, about=about, opened=True, kind="edited")]))
    found = await store.messages.changes(SESSION, [about], limit=10)
    assert [(each.message_id, each.kind) for each in found] == [(message_id(2), "edited"), (message_id(3), "edited")]
    assert found[0].content == opened
    assert found[0].created_at == sealed.created_at
    assert await store.outbox.pending(fence.session_id, 0, 10) == []
