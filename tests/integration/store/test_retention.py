"""Partitions come before they are needed and go when all in them is past its time, whoever else is at work."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import asyncpg
import pytest

from gateway_worker.store.operations.commands import (
    AlreadySettled,
    Conflict,
    Done,
    FinishCommand,
    InProgress,
    RecordCommand,
)
from gateway_worker.store.operations.messages import NewEntry, PutEntries, PutSentPlaintext
from gateway_worker.store.operations.receipts import AdvanceStatus
from gateway_worker.store.records import Fence, NewSession, Status
from gateway_worker.store.store import Store
from schemas.names import MessageId, SessionId, UserId, WorkerId
from tests.support.services.private_services import query
from tests.support.store.stores import KEY, TestClock, advance, arrived, begin, key, message_id, opened

DAY = timedelta(days=1)
KEPT = timedelta(days=30)
PARTITIONS = "SELECT string_agg(inhrelid::regclass::text, ' ') FROM pg_inherits WHERE inhparent = '{}'::regclass"
CHAT = "15550001111@s.whatsapp.net"


@pytest.fixture
def clock() -> TestClock:
    """Starts in the past, since the database's clock has to agree that something is old."""
    clock = TestClock()
    clock.time = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - 100 * DAY
    return clock


@pytest.fixture
async def store(new_database_url: str, clock: TestClock) -> AsyncGenerator[Store]:
    async with opened(new_database_url, clock, KEY, message_retention=KEPT) as started:
        yield started


def entry(number: int = 1, plaintext: bytes = b"plain") -> PutEntries:
    name = f"ABCD{number:018X}"
    return PutEntries(
        entries=[NewEntry(chat=CHAT, sender=CHAT, message_id=name, index=0, plaintext=plaintext, visible=True)]
    )


async def talk(store: Store, fence: Fence, number: int) -> None:
    """A message that is sent, another that arrives: events 2 of this session's."""
    await store.commit(
        fence, begin(number), PutSentPlaintext(plaintexts={message_id(number): b"sent"}), advance(Status.SENT, number)
    )
    await store.commit(fence, entry(number), arrived(number))


async def publish_all(store: Store, fence: Fence) -> None:
    events = await store.outbox.pending(fence.session_id, 0, 1000)
    await store.outbox.mark_published([(each.session_id, each.sequence) for each in events])


async def count(url: str, table: str) -> int:
    return await query(url, f"SELECT count(*) FROM {table}")


async def names(url: str, table: str) -> set[str]:
    return set((await query(url, PARTITIONS.format(table))).split())


async def until_somebody_waits(connection: Any) -> None:
    """Returns when another one wants a lock and has not got it."""
    async with asyncio.timeout(60):
        while not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):  # noqa: ASYNC110 (PostgreSQL tells nobody)
            await asyncio.sleep(0)


async def test_what_is_past_its_time_goes_with_its_partition_and_nothing_younger(
    store: Store, fence: Fence, clock: TestClock, new_database_url: str
) -> None:
    began = clock.time
    for number in range(45):
        await talk(store, fence, number)
        clock.pass_by(DAY)
        await store.prune()
    await publish_all(store, fence)
    await store.prune()
    events = await store.outbox.range(fence.session_id, 1, 1000)
    assert [each.sequence for each in events] == list(range(79, 91))
    assert await query(new_database_url, "SELECT min(sequence) FROM outbox") == 77, "it has younger neighbours"
    kept = [await store.messages.get(fence.session_id, message_id(number)) is not None for number in range(45)]
    assert kept == [began + number * DAY >= clock.time - KEPT for number in range(45)]
    for number in range(45):
        plaintext = await store.messages.plaintext(fence.session_id, message_id(number))
        assert plaintext == b"sent" or began + number * DAY < clock.time - KEPT
    for table in ("outbox", "bodies", "entries"):
        assert await count(new_database_url, f"{table}_default") == 0
        oldest = await query(new_database_url, f"SELECT min(created_at) FROM {table}")
        assert clock.time - KEPT - 3 * DAY < oldest
        assert len(await names(new_database_url, table)) <= 18
    assert await count(new_database_url, "processed_commands") == 7


async def test_what_is_not_done_outlives_its_partition(
    store: Store, fence: Fence, clock: TestClock, new_database_url: str
) -> None:
    await talk(store, fence, 1)
    await store.commit(fence, begin(2), arrived(3))
    await store.outbox.mark_published([(fence.session_id, 1), (fence.session_id, 2)])
    clock.pass_by(60 * DAY)
    pruned = await store.prune()
    assert pruned["partitions_dropped"] > 0
    assert [each.sequence for each in await store.outbox.pending(fence.session_id, 0, 10)] == [3]
    message = await store.messages.get(fence.session_id, message_id(2))
    assert message is not None
    assert message.content["text"] == "Hello"
    assert await count(new_database_url, "messages") == 1

    assert await store.commit(fence, begin(2), advance(Status.SENT, 2)) == (InProgress(2), True)
    await publish_all(store, fence)
    await store.prune()
    assert await store.messages.get(fence.session_id, message_id(2)) is None
    assert await count(new_database_url, "outbox_default") == 0
    assert await count(new_database_url, "bodies_default") == 0


async def test_what_comes_again_is_recognised_beyond_the_border_of_a_partition(
    store: Store, fence: Fence, clock: TestClock
) -> None:
    control = RecordCommand(key=key(9), body_hash=b"h", type="session.restart.v1")
    await talk(store, fence, 1)
    await store.commit(fence, control, FinishCommand(key=key(9), reply={"n": 1}))
    first = await store.outbox.range(fence.session_id, 1, 10)
    clock.pass_by(6 * DAY)
    await store.prune()
    assert await store.commit(fence, control) == (Done({"n": 1}),)
    assert await store.commands.record(key(9), b"other", "session.restart.v1") == Conflict()
    assert await store.commit(fence, begin(1, body_hash=b"other")) == (Conflict(),)
    clock.pass_by(12 * DAY)
    await store.prune()
    (again,) = await store.commit(fence, begin(1))
    assert isinstance(again, AlreadySettled)
    assert await store.commit(fence, arrived(1), advance(Status.SENT, 1)) == (False, False)
    assert (
        await store.keys.entry(fence.session_id, chat=CHAT, sender=CHAT, message_id=f"ABCD{1:018X}", index=0)
        == b"plain"
    )
    assert await store.outbox.pending(fence.session_id, 0, 10) == first, "not published, so not dropped"
    assert await store.commit(fence, advance(Status.DELIVERED, 1)) == (True,)
    assert [each.sequence for each in await store.outbox.pending(fence.session_id, 0, 10)] == [1, 2, 3]


async def test_an_entry_that_is_written_again_stays_as_it_is(
    store: Store, fence: Fence, clock: TestClock, new_database_url: str
) -> None:
    clock.time = clock.time.replace(hour=23, minute=59, second=59)
    await store.commit(fence, entry())
    clock.pass_by(timedelta(seconds=2))
    await asyncio.gather(store.commit(fence, entry(plaintext=b"a")), store.commit(fence, entry(plaintext=b"b")))
    key = entry().entries[0]
    found = await store.keys.entry(
        fence.session_id, chat=key.chat, sender=key.sender, message_id=key.message_id, index=key.index
    )
    assert found == b"plain"
    assert await count(new_database_url, "entries") == 1


async def test_rows_without_a_partition_are_kept_and_move_into_it_when_it_is_made(
    store: Store, fence: Fence, clock: TestClock, new_database_url: str
) -> None:
    clock.pass_by(20 * DAY)
    await talk(store, fence, 1)
    assert await count(new_database_url, "outbox_default") == 2
    assert await count(new_database_url, "bodies_default") == 3
    assert await store.commit(fence, arrived(1)) == (False,)
    assert (await store.prune())["partitions_made"] > 0
    for table, rows in (("outbox", 2), ("bodies", 3), ("entries", 1)):
        assert await count(new_database_url, f"{table}_default") == 0
        assert await count(new_database_url, table) == rows
    assert [each.sequence for each in await store.outbox.pending(fence.session_id, 0, 10)] == [1, 2]
    assert await store.commit(fence, begin(1), arrived(1)) != (None, True)


async def test_a_worker_that_was_off_for_weeks_finds_its_partitions_made_when_it_starts(
    store: Store, fence: Fence, clock: TestClock, new_database_url: str
) -> None:
    clock.pass_by(40 * DAY)
    async with opened(new_database_url, clock, KEY, message_retention=KEPT) as started:
        await talk(started, fence, 1)
    assert await count(new_database_url, "outbox_default") == 0
    assert await store.messages.get(fence.session_id, message_id(1)) is not None


async def test_workers_prune_side_by_side_while_others_write(
    store: Store, fence: Fence, clock: TestClock, new_database_url: str
) -> None:
    for number in range(10):
        await talk(store, fence, number)
        clock.pass_by(DAY)
        await store.prune()
    await publish_all(store, fence)
    clock.pass_by(50 * DAY)
    before = await names(new_database_url, "outbox")
    async with opened(new_database_url, clock, KEY, message_retention=KEPT) as other:

        async def write() -> None:
            for number in range(100, 200):
                await talk(store, fence, number)

        one, two, _ = await asyncio.gather(store.prune(), other.prune(), write())
    assert one["partitions_dropped"] + two["partitions_dropped"] >= len(before) - 5
    assert before & await names(new_database_url, "outbox") == {"outbox_default"}
    events = await store.outbox.range(fence.session_id, 1, 1000)
    assert [each.sequence for each in events] == list(range(21, 221))


async def test_a_write_that_meets_the_making_of_its_partition_succeeds(
    store: Store, fence: Fence, clock: TestClock, new_database_url: str
) -> None:
    clock.pass_by(20 * DAY)
    since, until = clock.time.date(), (clock.time + DAY).date()
    maker = cast("Any", await asyncpg.connect(new_database_url))
    try:
        async with maker.transaction():
            await maker.execute("LOCK TABLE outbox_default IN ACCESS EXCLUSIVE MODE")
            writing = asyncio.create_task(talk(store, fence, 1))
            await until_somebody_waits(maker)
            await maker.execute(
                "CREATE TABLE outbox_new (LIKE outbox INCLUDING DEFAULTS);"
                f"ALTER TABLE outbox ATTACH PARTITION outbox_new FOR VALUES FROM ('{since} 0:00Z') TO ('{until} 0:00Z')"
            )
        await writing
    finally:
        await maker.close()
    assert await count(new_database_url, "outbox_new") == 2


async def test_who_reads_for_long_keeps_a_partition_and_nobody_waiting(
    store: Store, fence: Fence, clock: TestClock, new_database_url: str
) -> None:
    await talk(store, fence, 1)
    await publish_all(store, fence)
    clock.pass_by(60 * DAY)
    await store.prune()
    reader = cast("Any", await asyncpg.connect(new_database_url))
    try:
        async with reader.transaction():
            await reader.fetch("SELECT FROM outbox")
            clock.pass_by(20 * DAY)
            pruning = asyncio.create_task(store.prune())
            async with asyncio.timeout(60):
                await talk(store, fence, 2)
            assert (await pruning)["partitions_dropped"] >= 0
            assert await names(new_database_url, "outbox")
    finally:
        await reader.close()
    assert (await store.prune())["partitions_dropped"] > 0


async def test_a_clock_that_is_fast_takes_nothing_away(store: Store, fence: Fence, clock: TestClock) -> None:
    clock.time = datetime.now(UTC)
    await talk(store, fence, 1)
    await publish_all(store, fence)
    clock.pass_by(400 * DAY)
    pruned = await store.prune()
    assert (pruned["messages"], pruned["processed_commands"]) == (0, 0)
    clock.pass_by(-400 * DAY)
    assert len(await store.outbox.range(fence.session_id, 1, 10)) == 2
    assert await store.messages.plaintext(fence.session_id, message_id(1)) == b"sent"


async def test_a_purge_reaches_every_partition_and_no_other_session(
    store: Store, fence: Fence, clock: TestClock, new_database_url: str
) -> None:
    other = SessionId("other")
    await store.sessions.create_or_get(NewSession(session_id=other, user_id=UserId("u"), pairing={}))
    theirs = await store.ownership.claim(other, WorkerId("worker-1"), "run-1")
    assert theirs is not None
    for number in range(6):
        await talk(store, fence, number)
        await talk(store, theirs.fence, 100 + number)
        clock.pass_by(DAY)
        await store.prune()
    await publish_all(store, fence)
    await query(new_database_url, "ANALYZE")
    await store.sessions.forget(fence.session_id, fence.epoch, purge=True)
    await store.stop()
    read = "SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname ~ '^(messages|bodies|entries)'"
    assert await query(new_database_url, read) == 0, "it reads nothing of the others"
    for table, rows in (("messages", 12), ("bodies", 18), ("entries", 6), ("outbox", 12)):
        mine = await query(new_database_url, f"SELECT count(*) FROM {table} WHERE session_id = '{fence.session_id}'")
        assert (table, mine, await count(new_database_url, table)) == (table, 0, rows)


async def test_what_has_disappeared_is_read_by_nobody_and_its_content_goes(
    store: Store, fence: Fence, clock: TestClock, new_database_url: str
) -> None:
    now = datetime.now(UTC)
    clock.time = now - timedelta(minutes=1)
    gone, soon = now - timedelta(seconds=5), now + DAY
    sent, kept = replace(begin(1), expires_at=gone), replace(begin(2), expires_at=soon)
    came = replace(arrived(1), expires_at=gone, entry=(CHAT, CHAT))
    edited = replace(arrived(2), about=MessageId("ABCD000000000000000001"), kind="edited")
    await store.commit(fence, sent, PutSentPlaintext(plaintexts={message_id(1): b"sent"}), advance(Status.SENT, 1))
    await store.commit(fence, kept, advance(Status.SENT, 2), entry(1), came)
    await store.commit(fence, edited)
    assert await store.messages.get(fence.session_id, message_id(1)) is None
    assert not await store.messages.under(fence.session_id, came.message_id)
    still = await store.messages.get(fence.session_id, message_id(2))
    assert still is not None
    assert still.expires_at == soon

    assert (await store.prune())["disappeared"] == 0, "by this clock it is not yet time"
    clock.time = now
    assert (await store.prune())["disappeared"] == 2
    assert await count(new_database_url, "bodies") == 1, "the one that is still to be seen"
    assert await count(new_database_url, "entries") == 0
    assert (await store.commit(fence, came)) == (False,), "it is known when it comes again"


async def test_what_somebody_keeps_stays_until_it_is_kept_no_longer(
    store: Store, fence: Fence, clock: TestClock
) -> None:
    clock.time = now = datetime.now(UTC)
    came = replace(arrived(1), expires_at=now - timedelta(seconds=5))
    keeping = [
        replace(arrived(number), about=came.message_id, kind="kept", content={"kind": "kept", "kept": kept})
        for number, kept in ((2, True), (3, False))
    ]
    await store.commit(fence, came)
    await store.commit(fence, keeping[0])
    assert (await store.prune())["disappeared"] == 0
    assert [each.message_id for each in await store.messages.under(fence.session_id, came.message_id)] == [
        came.message_id
    ]
    await store.commit(fence, keeping[1])
    assert not await store.messages.under(fence.session_id, came.message_id)
    assert (await store.prune())["disappeared"] == 1


async def test_what_has_not_left_has_not_disappeared_and_its_time_begins_when_it_leaves(
    store: Store, fence: Fence, clock: TestClock
) -> None:
    """A session may be offline for longer than its chat's timer runs."""
    now = datetime.now(UTC)
    clock.time = now - 2 * DAY
    await store.commit(fence, replace(begin(1), expires_at=now - DAY))
    clock.time = now
    assert (await store.prune())["disappeared"] == 0
    waiting = await store.messages.get(fence.session_id, message_id(1))
    assert waiting is not None, "whoever sends it looks whether it was deleted meanwhile"
    left = AdvanceStatus(message_id=message_id(1), status=Status.SENT, at=now)
    await store.commit(fence, left)
    sent = await store.messages.get(fence.session_id, message_id(1))
    assert sent is not None
    assert sent.expires_at is not None
    assert abs(sent.expires_at - (now + DAY)) < timedelta(seconds=1)
