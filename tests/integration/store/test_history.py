"""A chat's stored messages, newest first, and counts."""

from dataclasses import replace
from datetime import datetime, timedelta

from gateway_worker.store.records import Direction, Fence, Status
from gateway_worker.store.store import Store
from tests.integration.store.conftest import SESSION
from tests.support.stores import NOON, TestClock, advance, arrived, begin, message_id

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
    await store.commit(fence, begin(1), arrived(2))
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
    assert await store.messages.tally(SESSION, LATER, LATER + timedelta(days=1)) == []
