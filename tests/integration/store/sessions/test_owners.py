"""Death of a worker as the others see it, and what becomes of its sessions."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from gateway_worker.store.errors import StaleEpoch
from gateway_worker.store.operations.sessions import AppendEvent
from gateway_worker.store.postgres.database import connect
from gateway_worker.store.records import Fence, NewSession, OwnerSigns
from gateway_worker.store.store import Store
from schemas.names import SessionId, UserId, WorkerId
from tests.support.services.private_services import query
from tests.support.store.stores import KEY, TestClock, opened

ME, OTHER = WorkerId("worker-1"), WorkerId("worker-2")


async def owned_by(store: Store, worker_id: WorkerId, *names: str) -> list[Fence]:
    fences: list[Fence] = []
    for name in names:
        await store.sessions.create_or_get(NewSession(session_id=SessionId(name), user_id=UserId("u"), pairing={}))
        record = await store.ownership.claim(SessionId(name), worker_id, "run-1")
        assert record is not None
        fences.append(record.fence)
    return fences


@asynccontextmanager
async def another(url: str) -> AsyncGenerator[Store]:
    async with opened(url, TestClock(), KEY) as theirs:
        await theirs.workers.register(OTHER, "run-1", "http://b", 50, "1")
        yield theirs


async def test_a_live_owner_is_locked_and_leased_and_keeps_its_sessions(
    store: Store, migrated_database_url: str
) -> None:
    await store.workers.register(ME, "run-1", "http://a", 50, "1")
    await owned_by(store, ME, "mine")
    async with another(migrated_database_url) as theirs:
        await owned_by(theirs, OTHER, "theirs-1", "theirs-2")
        assert await store.owners.look(ME) == [OwnerSigns(worker_id=OTHER, locked=True, leased=True)]
        assert await store.owners.free(OTHER) == 0


async def test_a_dead_owner_shows_at_once_and_its_sessions_become_nobodys(
    store: Store, migrated_database_url: str
) -> None:
    await store.workers.register(ME, "run-1", "http://a", 50, "1")
    async with another(migrated_database_url) as theirs:
        fences = await owned_by(theirs, OTHER, *(f"theirs-{n}" for n in range(3)))
    assert await store.owners.look(ME) == [OwnerSigns(worker_id=OTHER, locked=False, leased=True)]

    assert await store.owners.free(OTHER) == 3
    assert await store.owners.look(ME) == []
    with pytest.raises(StaleEpoch):
        await store.commit(fences[0], AppendEvent(type="x", data={}))
    assert len(await store.ownership.claim_own(ME, "run-1", 10)) == 3


async def test_an_owner_whose_lease_ran_out_loses_its_sessions_though_it_holds_its_lock(
    store: Store, migrated_database_url: str
) -> None:
    async with another(migrated_database_url) as theirs:
        await owned_by(theirs, OTHER, "theirs")
        await query(migrated_database_url, "UPDATE workers SET lease_until = now()")
        assert await store.owners.look(ME) == [OwnerSigns(worker_id=OTHER, locked=True, leased=False)]
        assert await store.owners.free(OTHER) == 1


async def test_an_owner_that_nobody_knows_is_dead(store: Store) -> None:
    await owned_by(store, OTHER, "theirs")
    assert await store.owners.look(ME) == [OwnerSigns(worker_id=OTHER, locked=False, leased=False)]


async def test_what_a_restarted_worker_has_no_room_for_becomes_nobodys(store: Store) -> None:
    await owned_by(store, ME, "one", "two")
    (kept,) = await store.ownership.claim_own(ME, "run-2", 1)
    await store.owners.free_earlier(ME, "run-2")
    left = await store.sessions.get(SessionId("two"))
    assert left is not None
    assert left.owner is None
    await store.commit(kept.fence, AppendEvent(type="x", data={}))


async def test_a_row_that_a_stopped_worker_holds_is_left_for_the_next_look(
    store: Store, migrated_database_url: str
) -> None:
    (held, _) = await owned_by(store, OTHER, "held", "free")
    stopped = await connect(migrated_database_url)
    async with stopped.transaction():
        await stopped.execute("SELECT FROM sessions WHERE id = $1 FOR NO KEY UPDATE", held.session_id)
        assert await store.owners.free(OTHER) == 1
    assert await store.owners.free(OTHER) == 1
    await stopped.close()


async def test_a_worker_that_has_just_lost_its_lock_judges_nobody(store: Store) -> None:
    await store.workers.register(ME, "run-1", "http://a", 50, "1")
    assert await store.owners.look(ME) == []
    store.workers.close()
    assert await store.owners.look(ME) is None
