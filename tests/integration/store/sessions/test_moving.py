"""Sessions leave a worker by order, are handed over, and wait when the fleet is full."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from gateway_worker.store.operations.sessions import ChangeState
from gateway_worker.store.records import Desired, Fence, NewSession, SessionRecord
from gateway_worker.store.store import Store
from schemas.names import SessionId, UserId, WorkerId
from tests.support.store.stores import KEY, TestClock, opened

ME, OTHER = WorkerId("worker-1"), WorkerId("worker-2")
ANNA, BERT = SessionId("anna"), SessionId("bert")


async def owned(store: Store, session_id: SessionId = ANNA) -> Fence:
    await made(store, session_id)
    record = await store.ownership.claim(session_id, ME, "run-1")
    assert record is not None
    return record.fence


async def made(store: Store, session_id: SessionId) -> None:
    await store.sessions.create_or_get(
        NewSession(session_id=session_id, user_id=UserId("u1"), pairing={"method": "qr"})
    )


async def row(store: Store, session_id: SessionId = ANNA) -> SessionRecord:
    record = await store.sessions.get(session_id)
    assert record is not None
    return record


@asynccontextmanager
async def another(url: str, *, max_sessions: int) -> AsyncGenerator[Store]:
    async with opened(url, TestClock(), KEY) as store:
        await store.workers.register(OTHER, "run-2", "http://b", max_sessions, "1")
        yield store


async def test_an_order_to_move_wakes_the_owner_until_it_is_carried_out(store: Store) -> None:
    fence = await owned(store)
    await store.commit(fence, ChangeState(state="connected", applied_generation=1))
    ordered = await store.moves.order_move(ANNA)
    assert ordered is not None
    assert ordered.move_wished
    watching = store.ownership.watch()
    assert await anext(watching) == ANNA, "from the first poll"
    await watching.aclose()  # pyright: ignore[reportAttributeAccessIssue] (an async generator)
    await store.moves.stay(ANNA, fence.epoch)
    assert not (await row(store)).move_wished


async def test_moving_what_nobody_owns_or_what_goes_changes_nothing(store: Store) -> None:
    await made(store, ANNA)
    assert await store.moves.order_move(ANNA) == await row(store)
    fence = await owned(store, BERT)
    await store.sessions.desire(BERT, Desired.DELETED)
    ordered = await store.moves.order_move(BERT)
    assert ordered is not None
    assert not ordered.move_wished
    assert fence.epoch == ordered.epoch
    assert await store.moves.order_move(SessionId("none")) is None


async def test_what_is_released_wakes_the_others_at_once(store: Store) -> None:
    fence = await owned(store)
    await store.commit(fence, ChangeState(state="connected", applied_generation=1))
    store.ownership.looks_every = 600
    watching = store.ownership.watch()
    woken = asyncio.ensure_future(anext(watching))
    async with asyncio.timeout(60):
        while not woken.done():
            await asyncio.wait({woken}, timeout=0.2)  # it may be released before the other one listens
            await store.ownership.release(ANNA, fence.epoch)
    assert woken.result() == ANNA
    await watching.aclose()  # pyright: ignore[reportAttributeAccessIssue] (as above)


async def test_who_hands_a_session_over_does_not_get_it_back_before_its_time(store: Store) -> None:
    fence = await owned(store)
    await store.ownership.release(ANNA, fence.epoch, left=ME)
    assert await store.ownership.take(ANNA, ME, "run-1") is None
    assert await store.ownership.claim_own(ME, "run-1", 10) == []
    taken = await store.ownership.take(ANNA, OTHER, "run-2")
    assert taken is not None
    assert (taken.owner, taken.leaving, taken.epoch) == (OTHER, None, fence.epoch + 1)

    store.ownership.stays_away = timedelta(0)
    await store.ownership.release(ANNA, taken.epoch, left=OTHER)
    assert await store.ownership.take(ANNA, OTHER, "run-2") is not None


async def test_a_session_is_taken_by_one_of_those_who_reach_for_it(store: Store) -> None:
    fence = await owned(store)
    await store.ownership.release(ANNA, fence.epoch)
    reached = await asyncio.gather(*(store.ownership.take(ANNA, WorkerId(f"w{n}"), "run") for n in range(6)))
    assert len([record for record in reached if record is not None]) == 1


async def test_an_order_to_move_outlives_a_crash_of_the_owner_but_not_another_owner(store: Store) -> None:
    await owned(store)
    await store.moves.order_move(ANNA)
    (again,) = await store.ownership.claim_own(ME, "run-2", 10)
    assert again.move_wished
    await store.workers.register(ME, "run-2", "http://a", 50, "1")
    await store.workers.stopped(ME, "run-2")
    await store.owners.free(ME)
    elsewhere = await store.ownership.claim(ANNA, OTHER, "run-9")
    assert elsewhere is not None
    assert elsewhere.leaving is None


async def test_room_is_what_other_live_workers_have_free_less_those_that_wait(
    store: Store, migrated_database_url: str
) -> None:
    await store.workers.register(ME, "run-1", "http://a", 50, "1")
    assert (await store.moves.room(ME)).free == 0
    async with another(migrated_database_url, max_sessions=3) as theirs:
        await made(store, ANNA)
        await theirs.ownership.claim(ANNA, OTHER, "run-2")
        await made(store, BERT)
        room = await store.moves.room(ME)
        assert (room.free, room.waiting, room.left) == (2, 1, 1)
        await theirs.workers.draining(OTHER, "run-2")
        assert (await store.moves.room(ME)).left == 0


async def test_a_session_that_is_not_to_be_connected_has_an_owner_too_but_those_that_are_come_first(
    store: Store,
) -> None:
    fence = await owned(store)
    await store.sessions.desire(ANNA, Desired.LOGGED_OUT)
    await store.commit(fence, ChangeState(state="logged_out", applied_generation=2))
    await store.ownership.release(ANNA, fence.epoch)
    await made(store, BERT)
    waves = [await store.ownership.claim_own(OTHER, "run-2", 1) for _ in range(3)]
    assert [[each.session_id for each in wave] for wave in waves] == [[BERT], [ANNA], []]


async def test_a_session_that_waits_for_room_is_claimed_once_to_say_so(store: Store) -> None:
    fence = await owned(store)
    await made(store, BERT)
    await store.commit(fence, ChangeState(state="failed", applied_generation=1))  # a person must act: it does not wait
    await store.ownership.release(ANNA, fence.epoch)
    first, second = await asyncio.gather(
        store.ownership.claim_waiting(ME, "run-1", 10), store.ownership.claim_waiting(OTHER, "run-2", 10)
    )
    (seen,) = [*first, *second]
    assert seen.session_id == BERT
    await store.commit(seen.fence, ChangeState(state="waiting_for_capacity"))
    await store.ownership.release(BERT, seen.epoch)
    assert await store.ownership.claim_waiting(ME, "run-1", 10) == []
    assert await store.ownership.take(BERT, OTHER, "run-2") is not None
