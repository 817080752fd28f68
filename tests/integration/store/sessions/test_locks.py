"""One session's rows locked in PostgreSQL hold up that session alone."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
import pytest

from gateway_worker.store.errors import StaleEpoch, StoreError, StoreUnavailable
from gateway_worker.store.operations.commands import RecordCommand
from gateway_worker.store.operations.sessions import AppendEvent
from gateway_worker.store.records import Fence, NewSession, Status
from gateway_worker.store.store import Store
from schemas.names import SessionId, UserId, WorkerId
from tests.support.store.stores import OutboxListener, advance, begin, key

NEIGHBOURS = 12
WRITES = 20
ROW = "SELECT FROM sessions WHERE id = $1 FOR UPDATE"
MESSAGE = "SELECT FROM messages WHERE session_id = $1 FOR UPDATE"


@asynccontextmanager
async def locked(url: str, statement: str, *arguments: Any) -> AsyncGenerator[Any]:
    """An operator's transaction that holds it."""
    connection = cast("Any", await asyncpg.connect(url))  # with no limits of ours
    try:
        async with connection.transaction():
            await connection.fetch(statement, *arguments)
            yield connection
    finally:
        await connection.close()


def event(number: int) -> AppendEvent:
    return AppendEvent(type="message.received.v1", data={"number": number})


async def owned(store: Store, name: str) -> Fence:
    new = NewSession(session_id=SessionId(name), user_id=UserId("user1"), pairing={"method": "qr"})
    await store.sessions.create_or_get(new)
    record = await store.ownership.claim(new.session_id, WorkerId("worker-1"), "run-1")
    assert record is not None
    return record.fence


async def busy(store: Store, fences: Sequence[Fence]) -> None:
    """Every neighbour writes, one write after the other."""

    async def one(fence: Fence) -> None:
        for number in range(WRITES):
            await store.commit(fence, event(number))

    async with asyncio.TaskGroup() as tasks:
        for fence in fences:
            tasks.create_task(one(fence))


@pytest.mark.parametrize("statement", [ROW, MESSAGE], ids=["its own row", "a row of a message"])
async def test_a_lock_holds_up_its_session_alone_and_what_waited_is_written_in_order(
    store: Store, fence: Fence, migrated_database_url: str, statement: str
) -> None:
    heard = OutboxListener(store)
    neighbours = [await owned(store, f"neighbour-{number}") for number in range(NEIGHBOURS)]
    await store.commit(fence, begin(1))
    async with asyncio.TaskGroup() as tasks, locked(migrated_database_url, statement, fence.session_id):
        held = tasks.create_task(store.commit(fence, advance(Status.SENT), event(0)))
        others = tasks.create_task(busy(store, neighbours))
        later = [tasks.create_task(store.commit(fence, event(number))) for number in range(1, 30)]
        await others  # all of them, while the lock is held
        later += [tasks.create_task(store.commit(fence, event(number))) for number in range(30, 40)]
        await asyncio.wait({held}, timeout=0.5)
        assert not held.done()
        assert not any(each.done() for each in later), "no write overtakes an earlier one"
    numbers = [
        each.data["number"] for each in heard.events if each.session_id == fence.session_id and "number" in each.data
    ]
    assert numbers == list(range(40))


async def test_a_session_that_was_claimed_under_the_lock_is_stale(
    store: Store, fence: Fence, migrated_database_url: str
) -> None:
    async with locked(migrated_database_url, ROW, fence.session_id) as operator:
        held = asyncio.create_task(store.commit(fence, event(0)))
        await asyncio.wait({held}, timeout=0.2)
        assert not held.done()
        await operator.execute("UPDATE sessions SET epoch = epoch + 1 WHERE id = $1", fence.session_id)
    with pytest.raises(StaleEpoch):
        await held


async def test_a_store_that_stops_does_not_wait_for_a_lock(
    store: Store, fence: Fence, migrated_database_url: str
) -> None:
    async with locked(migrated_database_url, ROW, fence.session_id):
        held = asyncio.create_task(store.commit(fence, event(0)))
        await asyncio.wait({held}, timeout=0.1)
        async with asyncio.timeout(60):
            await store.stop()
        with pytest.raises(StoreUnavailable):
            await held


async def test_one_bad_write_among_many_is_found_in_few_transactions(store: Store, fence: Fence) -> None:
    bad = RecordCommand(key=key(1), body_hash=b"x", type="a\0b")
    answers = await asyncio.gather(
        *(store.commit(fence, bad if number == 77 else event(number)) for number in range(200)), return_exceptions=True
    )
    assert [number for number, answer in enumerate(answers) if isinstance(answer, StoreError)] == [77]
    assert store.transactions < 30
