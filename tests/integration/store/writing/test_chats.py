"""Rows of chats: each message has its chat go on, and what the account's owner does with it is told once."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import asyncpg

from gateway_worker.store.operations.chats import (
    FOR_EVER,
    ChatChange,
    DropMessage,
    EmptyChat,
    ReadTo,
    SetStar,
    UpdateChats,
)
from gateway_worker.store.operations.identity import DropCredentials
from gateway_worker.store.operations.labels import LabelStoredMessage, SetLabel
from gateway_worker.store.operations.messages import ReceiveMessage
from gateway_worker.store.operations.people import JoinChats
from gateway_worker.store.operations.receipts import AdvanceStatus
from gateway_worker.store.records import ChatRecord, Fence, Status
from gateway_worker.store.store import Store
from tests.integration.store.conftest import SESSION
from tests.support.store.stores import NOON, TestClock, arrived, begin, message_id

CHAT, LID, OTHER = "15550001111@s.whatsapp.net", "204857102938475@lid", "15550002222@s.whatsapp.net"
LATER = NOON + timedelta(days=1)


async def chats(store: Store, *, archived: bool | None = None) -> list[ChatRecord]:
    return list(await store.chats.list(SESSION, before=(LATER, ""), archived=archived, limit=10))


async def chat(store: Store, name: str = CHAT) -> ChatRecord:
    found = await store.chats.of(SESSION, [name])
    assert found is not None
    return found


async def told(store: Store, kind: str) -> list[dict[str, object]]:
    events = await store.outbox.pending(SESSION, 0, 100)
    return [dict(each.data) for each in events if each.type == kind]


def change(**fields: object) -> UpdateChats:
    given: dict[str, object] = {"chat": CHAT, "names": frozenset({CHAT, LID}), "at": NOON, **fields}
    return UpdateChats(changes=[ChatChange(**given)])  # pyright: ignore[reportArgumentType]


async def test_the_chat_with_the_newest_message_comes_first(store: Store, fence: Fence, clock: TestClock) -> None:
    await store.commit(fence, replace(begin(1), chat=CHAT), replace(arrived(2), chat=OTHER))
    clock.pass_by(timedelta(minutes=1))
    await store.commit(fence, arrived(3), arrived(4), replace(arrived(5), from_me=True))
    first, second = await chats(store)
    assert (first.chat, first.last, first.unread) == (CHAT, (arrived(5).message_id, 1), 2)
    assert (second.chat, second.last, second.unread) == (OTHER, (arrived(2).message_id, 1), 1)
    behind = await store.chats.list(SESSION, before=(first.last_at, first.chat), archived=None, limit=10)
    assert [each.chat for each in behind] == [OTHER]
    await store.commit(fence, replace(arrived(6), about=arrived(3).message_id, kind="reacted", event_type="x"))
    assert (await chat(store)).last == (arrived(5).message_id, 1), "what is about a message is none"


async def test_what_comes_twice_is_counted_once(store: Store, fence: Fence) -> None:
    await store.commit(fence, arrived(1))
    await store.commit(fence, arrived(1))
    assert (await chat(store)).unread == 1


async def test_what_is_another_than_before_is_told_once(store: Store, fence: Fence) -> None:
    wanted = [change(archived=True), change(archived=True), change(pinned=True), change(muted_until=FOR_EVER)]
    answers = [(await store.commit(fence, each))[0] for each in wanted]
    assert answers == [1, 0, 1, 1]
    first, second, third = await told(store, "chat.updated.v1")
    assert (first["archived"], first["chat"], first["fromMe"]) == (True, CHAT, True)
    assert ("archived" in second, second["pinned"], third["muted"], "mutedUntil" in third) == (False, True, True, False)
    ends = int((NOON + timedelta(hours=8)).timestamp() * 1000)
    await store.commit(fence, change(muted_until=ends), change(muted_until=0))
    assert [(each["muted"], each.get("mutedUntil")) for each in (await told(store, "chat.updated.v1"))[3:]] == [
        (True, "2026-11-22T20:00:00Z"),
        (False, None),
    ]
    assert [each.chat for each in await chats(store, archived=True)] == [CHAT]
    assert await chats(store, archived=False) == []


async def test_what_was_so_before_is_known_and_not_told(store: Store, fence: Fence) -> None:
    await store.commit(fence, replace(change(archived=True), from_before=True))
    assert await told(store, "chat.updated.v1") == []
    assert (await chat(store)).archived


async def test_what_was_read_elsewhere_is_unread_no_more(store: Store, fence: Fence, clock: TestClock) -> None:
    for number in (1, 2, 3):
        await store.commit(fence, arrived(number))
        clock.pass_by(timedelta(seconds=1))
    await store.commit(fence, change(read=ReadTo(message_ids=[arrived(2).message_id])))
    assert (await chat(store)).unread == 1
    (event,) = await told(store, "chat.updated.v1")
    assert event["unread"] == 1
    await store.commit(fence, change(read=ReadTo(message_ids=["UNKNOWN"])))
    assert (await chat(store)).unread == 1
    await store.commit(fence, change(marked_unread=True), change(marked_unread=False, read=ReadTo()))
    assert ((await chat(store)).unread, (await chat(store)).marked_unread) == (0, False)


async def test_two_names_of_one_chat_become_one_row(store: Store, fence: Fence, clock: TestClock) -> None:
    await store.commit(fence, replace(arrived(1), chat=LID), change(pinned=True))
    clock.pass_by(timedelta(seconds=1))
    await store.commit(fence, arrived(2), replace(change(archived=True), from_before=True))
    (row,) = await chats(store)
    assert (row.chat, row.archived, row.pinned_at, row.last) == (CHAT, True, NOON, (arrived(2).message_id, 1))


async def test_a_chat_goes_on_under_its_number(store: Store, fence: Fence) -> None:
    await store.commit(fence, replace(arrived(1), chat=LID), arrived(2))
    await store.commit(fence, JoinChats(chats={LID: CHAT}))
    (row,) = await chats(store)
    assert (row.chat, row.unread) == (CHAT, 2)
    await store.commit(fence, begin(3))
    sent = AdvanceStatus(message_id=message_id(3), status=Status.SENT, at=NOON, chat=CHAT)
    await store.commit(fence, sent)
    assert [each.chat for each in await chats(store)] == [CHAT]


async def test_a_star_is_told_once_and_shown(store: Store, fence: Fence) -> None:
    await store.commit(fence, arrived(1))
    star = SetStar(message_id=arrived(1).message_id, chat=CHAT, from_me=False, starred=True, at=NOON)
    answers = [(await store.commit(fence, each))[0] for each in (star, star, replace(star, from_me=True))]
    assert answers == [True, False, False]
    (event,) = await told(store, "message.starred.v1")
    assert (event["messageId"], event["starred"]) == (arrived(1).message_id, True)
    (record,) = await store.messages.named(SESSION, [(arrived(1).message_id, 1)])
    assert record.starred


async def test_a_message_that_was_deleted_here_is_there_no_more(store: Store, fence: Fence, clock: TestClock) -> None:
    await store.commit(fence, arrived(1))
    clock.pass_by(timedelta(seconds=1))
    await store.commit(fence, arrived(2))
    drop = DropMessage(message_id=arrived(2).message_id, chat=CHAT, from_me=False, at=NOON)
    assert [(await store.commit(fence, drop))[0] for _ in range(2)] == [True, False]
    assert len(await told(store, "message.deleted.v1")) == 1
    assert await store.messages.under(SESSION, arrived(2).message_id) == []
    assert (await chat(store)).last == (arrived(1).message_id, 1)


async def test_a_chat_is_emptied_up_to_a_time_and_may_go_with_it(store: Store, fence: Fence, clock: TestClock) -> None:
    await store.commit(fence, at(1, NOON), at(2, NOON + timedelta(seconds=1)))
    clock.pass_by(timedelta(minutes=1))
    await store.commit(fence, at(3, NOON + timedelta(minutes=1)))
    clock.pass_by(timedelta(minutes=1))
    star = SetStar(message_id=arrived(1).message_id, chat=CHAT, from_me=False, starred=True, at=NOON)
    through = NOON + timedelta(seconds=1)
    await store.commit(fence, star)
    await store.commit(fence, EmptyChat(chat=CHAT, through=through, spares_starred=True, at=NOON))
    assert await history(store) == [arrived(3).message_id, arrived(1).message_id]
    assert (await chat(store)).unread == 1
    delete = EmptyChat(chat=CHAT, through=through, with_chat=True, at=NOON)
    await store.commit(fence, delete)
    assert await history(store) == [arrived(3).message_id]
    assert [each.chat for each in await chats(store)] == [CHAT], "something came later"
    await store.commit(fence, replace(delete, through=None))
    assert await store.commit(fence, delete) == (False,)
    assert (await chats(store), await history(store)) == ([], [])
    assert len(await told(store, "chat.cleared.v1")) == 1
    assert len(await told(store, "chat.deleted.v1")) == 2


async def test_what_is_set_goes_with_the_account_and_its_messages_stay(store: Store, fence: Fence) -> None:
    await store.commit(fence, arrived(1), change(archived=True))
    await store.commit(fence, DropCredentials())
    row = await chat(store)
    assert (row.archived, row.unread, row.last) == (False, 0, (arrived(1).message_id, 1))


def at(number: int, when: datetime) -> ReceiveMessage:
    return replace(arrived(number), timestamp=when)


async def history(store: Store) -> list[str]:
    found = await store.messages.history(SESSION, CHAT, before=(LATER, ""), kinds={"text"}, limit=10)
    return [record.message_id for record in found]


async def test_archived_chats_are_found_by_an_index_of_their_own(
    store: Store, fence: Fence, migrated_database_url: str
) -> None:
    many = [ChatChange(chat=f"{n}@g.us", archived=n % 500 == 0, pinned=True, at=NOON) for n in range(2_000)]
    await store.commit(fence, UpdateChats(changes=many, from_before=True))
    assert [each.archived for each in await chats(store, archived=True)] == [True] * 4
    assert not any(each.archived for each in await chats(store, archived=False))
    connection = cast("Any", await asyncpg.connect(migrated_database_url))
    try:
        await connection.execute("ANALYZE chats")
        plan = await connection.fetch(
            "EXPLAIN SELECT * FROM chats WHERE session_id = 's' AND archived ORDER BY last_at DESC, chat DESC LIMIT 50"
        )
    finally:
        await connection.close()
    assert any("chats_archived" in row[0] for row in plan)


async def test_labels_are_told_once_and_go_with_their_chat(store: Store, fence: Fence) -> None:
    def label(name: str | None, color: int = 0) -> SetLabel:
        return SetLabel(label_id="5", name=name, color=color, at=NOON)

    await store.commit(fence, arrived(1))
    assert await store.commit(fence, label("Paid"), label("Paid", 3)) == (True, True)
    assert await store.commit(fence, label("Paid", 3)) == (False,)
    assert await store.commit(fence, change(chat=LID, names=frozenset({LID}), label=("5", True))) == (1,)
    assert await store.commit(fence, change(label=("7", True))) == (1,)
    assert await store.commit(fence, change(label=("7", True))) == (0,)
    on_message = LabelStoredMessage(
        message_id=arrived(1).message_id, chat=CHAT, from_me=False, label_id="5", on=True, at=NOON
    )
    assert await store.commit(fence, on_message) == (True,)
    assert await store.commit(fence, on_message, replace(on_message, message_id=message_id(9))) == (False, False)
    await store.commit(fence, JoinChats(chats={LID: CHAT}))
    assert set((await chat(store)).labels) == {"5", "7"}
    (stored,) = await store.messages.under(SESSION, arrived(1).message_id)
    assert stored.labels == "5"
    assert await store.commit(fence, change(label=("5", False)), label(None)) == (1, True)
    assert [(each["change"], each.get("chat")) for each in await told(store, "label.updated.v1")] == [
        ("created", None),
        ("changed", None),
        ("added", LID),
        ("added", CHAT),
        ("added", CHAT),
        ("removed", CHAT),
        ("deleted", None),
    ]
    assert [(each.label_id, each.name) for each in await store.labels.list(SESSION, 10)] == [("5", None)]
    await store.commit(fence, DropCredentials())
    assert await store.labels.list(SESSION, 10) == []
    assert (await chat(store)).labels == ()
