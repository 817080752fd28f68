"""Workers: one live process per id, and a lock that outlives the loss of a connection."""

import asyncio

import pytest

from deploy.local.services import PrivateServices
from gateway_worker.store.errors import StoreUnavailable, WorkerIdTaken
from gateway_worker.store.operations.sessions import AppendEvent
from gateway_worker.store.postgres.lease import LEASE_SECONDS
from gateway_worker.store.records import Desired, Fence, NewSession, WorkerPhase
from gateway_worker.store.store import Store
from schemas.names import SessionId, UserId, WorkerId
from tests.support.services.private_services import query
from tests.support.store.stores import KEY, TestClock, opened

ME = WorkerId("worker-1")
SESSION = SessionId("theirs")


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
    assert (record.incarnation, record.max_sessions, record.status) == ("run-2", 60, WorkerPhase.ONLINE)


async def test_a_worker_that_drains_says_so_under_its_own_incarnation(store: Store) -> None:
    await store.workers.register(ME, "run-1", "http://a", 50, "1.0")
    await store.workers.draining(ME, "run-1")
    (record,) = await store.workers.list()
    assert record.status is WorkerPhase.DRAINING
    assert record.lease_until > record.heartbeat_at
    with pytest.raises(WorkerIdTaken):
        await store.workers.draining(ME, "run-0")


async def test_a_lost_lock_is_taken_again(store: Store, migrated_database_url: str) -> None:
    await store.workers.register(ME, "run-1", "http://a", 50, "1.0")
    holder = (
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE '%lock' AND datname = current_database()"
        " AND state IS NOT NULL"
    )
    first = await query(migrated_database_url, holder)
    await query(migrated_database_url, f"SELECT pg_terminate_backend({first})")
    async with asyncio.timeout(60):
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
            async with asyncio.timeout(60):
                await store.run()
    assert raised.group_contains(WorkerIdTaken)


async def test_past_its_lease_a_worker_does_not_touch_the_database_until_it_is_renewed(
    store: Store, fence: Fence
) -> None:
    seen: list[str] = []
    store.lease.on_lapse(lambda: seen.append("lapse"))
    store.lease.on_return(lambda: seen.append("return"))
    await store.workers.register(ME, "run-1", "http://a", 50, "1.0")

    store.lease.extend(store.lease.now() - LEASE_SECONDS)  # as if nothing had been renewed for so long
    with pytest.raises(StoreUnavailable, match="lease"):
        await store.commit(fence, AppendEvent(type="x", data={}))
    with pytest.raises(StoreUnavailable, match="lease"):
        await store.sessions.desire(fence.session_id, Desired.LOGGED_OUT)
    store.lease.check()
    async with asyncio.timeout(60):
        await store.lease.held()

    await store.commit(fence, AppendEvent(type="x", data={}))
    assert seen == ["lapse", "return"]
    assert await store.owners.look(ME) is None, "it judges nobody for a while"


@pytest.mark.alone
async def test_a_restart_of_the_database_costs_nobody_a_session(
    services: PrivateServices, store: Store, migrated_database_url: str
) -> None:
    lapses: list[WorkerId] = []
    other = WorkerId("worker-2")
    async with opened(migrated_database_url, TestClock(), KEY) as theirs:
        for each, worker_id in ((store, ME), (theirs, other)):
            await each.workers.register(worker_id, "run-1", "http://a", 50, "1.0")
            each.lease.on_lapse(lambda worker_id=worker_id: lapses.append(worker_id))
        back = [asyncio.Event(), asyncio.Event()]
        store.lease.on_return(back[0].set)
        theirs.lease.on_return(back[1].set)
        await theirs.sessions.create_or_get(NewSession(session_id=SESSION, user_id=UserId("u"), pairing={}))
        await theirs.ownership.claim(SESSION, other, "run-1")

        await asyncio.to_thread(services.postgresql.kill)
        await asyncio.to_thread(services.postgresql.start)
        async with asyncio.timeout(60):
            for each in back:
                await each.wait()

        assert lapses == []
        assert await store.owners.look(ME) is None
        assert await theirs.owners.free(ME) == 0
        assert await store.owners.free(other) == 0
