"""Workers: one live process per id, and a lock that outlives the loss of a connection."""

import asyncio

import pytest

from gateway_worker.store.errors import WorkerIdTaken
from gateway_worker.store.records import WorkerStatus
from gateway_worker.store.store import Store
from schemas.names import WorkerId
from tests.support.private_services import query
from tests.support.stores import KEY, TestClock, opened

ME = WorkerId("worker-1")


async def test_a_second_live_worker_with_the_same_id_is_refused(store: Store, migrated_database_url: str) -> None:
    await store.workers.register(ME, "run-1", "http://a", 50, "1.0")
    async with opened(migrated_database_url, TestClock(), KEY) as second:
        with pytest.raises(WorkerIdTaken, match="worker-1"):
            await second.workers.register(ME, "run-2", "http://b", 50, "1.0")
    record = await store.workers.get(ME)
    assert record is not None
    assert record.incarnation == "run-1"


async def test_a_restarted_worker_takes_its_id_back_at_once(store: Store, migrated_database_url: str) -> None:
    async with opened(migrated_database_url, TestClock(), KEY) as first:
        await first.workers.register(ME, "run-1", "http://a", 50, "1.0")
    await store.workers.register(ME, "run-2", "http://a", 60, "1.1")
    record = await store.workers.get(ME)
    assert record is not None
    assert (record.incarnation, record.max_sessions, record.status) == ("run-2", 60, WorkerStatus.ONLINE)


async def test_a_heartbeat_renews_and_tells(store: Store) -> None:
    await store.workers.register(ME, "run-1", "http://a", 50, "1.0")
    await store.workers.heartbeat(ME, "run-1", WorkerStatus.DRAINING, {"sessionCount": 3})
    (record,) = await store.workers.list()
    assert (record.status, record.metrics) == (WorkerStatus.DRAINING, {"sessionCount": 3})
    assert record.lease_until > record.heartbeat_at
    with pytest.raises(WorkerIdTaken):
        await store.workers.heartbeat(ME, "run-0", WorkerStatus.ONLINE, {})


async def test_a_lost_lock_is_taken_again(store: Store, migrated_database_url: str) -> None:
    await store.workers.register(ME, "run-1", "http://a", 50, "1.0")
    holder = (
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE '%lock' AND datname = current_database()"
        " AND state IS NOT NULL"
    )
    first = await query(migrated_database_url, holder)
    await query(migrated_database_url, f"SELECT pg_terminate_backend({first})")
    async with asyncio.timeout(10):
        while await query(migrated_database_url, holder) in {None, first}:  # noqa: ASYNC110 (another process's doing)
            await asyncio.sleep(0.05)
    async with opened(migrated_database_url, TestClock(), KEY) as second:
        with pytest.raises(WorkerIdTaken):
            await second.workers.register(ME, "run-2", "http://b", 50, "1.0")


async def test_a_worker_whose_id_was_taken_while_it_was_away_ends(store: Store, migrated_database_url: str) -> None:
    await store.workers.register(ME, "run-1", "http://a", 50, "1.0")
    async with opened(migrated_database_url, TestClock(), KEY) as second:
        store.workers.close()
        await second.workers.register(ME, "run-2", "http://b", 50, "1.0")
        with pytest.raises(ExceptionGroup) as raised:
            async with asyncio.timeout(15):
                await store.run()
    assert raised.group_contains(WorkerIdTaken)
