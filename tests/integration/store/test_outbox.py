"""What the relay reads and marks."""

from datetime import timedelta

from gateway_worker.store.operations.sessions import AppendEvent
from gateway_worker.store.records import Extent, Fence, NewSession
from gateway_worker.store.store import Store
from schemas.names import SessionId, UserId, WorkerId
from tests.support.store.stores import KEY, TestClock, opened


async def write(store: Store, fence: Fence, count: int) -> None:
    await store.commit(fence, *(AppendEvent(type="session.status.v1", data={"n": n}) for n in range(count)))


async def pending(store: Store, session_id: SessionId | None, after: int = 0, limit: int = 100) -> list[int]:
    return [each.sequence for each in await store.outbox.pending(session_id, after, limit)]


async def test_marks_close_gaps_before_they_move(store: Store, fence: Fence) -> None:
    await write(store, fence, 6)
    session = fence.session_id
    await store.outbox.mark_published([(session, 2), (session, 3), (session, 5)])
    assert await pending(store, session) == [1, 2, 3, 4, 5, 6]
    await store.outbox.mark_published([(session, 1)])
    assert await pending(store, session) == [4, 5, 6]
    await store.outbox.mark_published([(session, 4), (session, 4), (session, 1)])
    assert await pending(store, session) == [6]
    assert await pending(store, session, after=6) == []


async def test_pending_of_all_are_those_of_this_worker_and_of_nobody(store: Store, fence: Fence) -> None:
    other = SessionId("other")
    await store.sessions.create_or_get(NewSession(session_id=other, user_id=UserId("u"), pairing={}))
    theirs = await store.ownership.claim(other, WorkerId("worker-2"), "run-1")
    assert theirs is not None
    await write(store, theirs.fence, 2)
    await write(store, fence, 3)
    assert len(await pending(store, None)) == 5, "without a worker id: all"
    await store.workers.register(WorkerId("worker-1"), "run-1", "http://a", 50, "1")
    assert await pending(store, None) == [1, 2, 3]
    assert await pending(store, None, limit=2) == [1, 2]
    await store.ownership.release(other, theirs.epoch)
    assert len(await pending(store, None)) == 5


async def test_what_is_nobodys_is_for_one_live_worker_to_publish(
    store: Store, fence: Fence, migrated_database_url: str
) -> None:
    await write(store, fence, 3)
    await store.ownership.release(fence.session_id, fence.epoch)
    await store.workers.register(WorkerId("worker-1"), "run-1", "http://a", 50, "1")
    async with opened(migrated_database_url, TestClock(), KEY) as second:
        await second.workers.register(WorkerId("worker-2"), "run-1", "http://b", 50, "1")
        assert (len(await pending(store, None)), len(await pending(second, None))) == (3, 0)
        await store.workers.stopped(WorkerId("worker-1"), "run-1")
        assert len(await pending(second, None)) == 3


async def test_another_workers_events_are_not_read(store: Store, fence: Fence, migrated_database_url: str) -> None:
    await write(store, fence, 3)
    async with opened(migrated_database_url, TestClock(), KEY) as second:
        await second.workers.register(WorkerId("worker-2"), "run-1", "http://b", 50, "1")
        assert await pending(second, fence.session_id) == []
    assert await pending(store, fence.session_id) == [1, 2, 3]


async def test_a_range_is_replayed_with_the_same_ids(store: Store, fence: Fence) -> None:
    await write(store, fence, 5)
    first = await store.outbox.pending(fence.session_id, 0, 10)
    await store.outbox.mark_published([(each.session_id, each.sequence) for each in first])
    assert await store.outbox.range(fence.session_id, 3, 2) == first[2:4]


async def test_what_may_be_replayed_is_of_the_last_seven_days(store: Store, fence: Fence, clock: TestClock) -> None:
    await write(store, fence, 3)
    clock.pass_by(timedelta(days=6, hours=23))
    await write(store, fence, 2)
    assert await store.outbox.extent(fence.session_id) == Extent(oldest=1, newest=5)
    clock.pass_by(timedelta(hours=2))
    assert await store.outbox.extent(fence.session_id) == Extent(oldest=4, newest=5), "pruned or not"
    assert [each.sequence for each in await store.outbox.range(fence.session_id, 1, 10)] == [4, 5]
    clock.pass_by(timedelta(days=8))
    assert await store.outbox.extent(fence.session_id) == Extent(oldest=None, newest=5)
    assert await store.outbox.extent(SessionId("nobody")) is None


async def test_of_a_deleted_session_nothing_is_replayed(store: Store, fence: Fence) -> None:
    await write(store, fence, 3)
    await store.outbox.mark_published([(fence.session_id, 1), (fence.session_id, 2), (fence.session_id, 3)])
    await store.sessions.forget(fence.session_id, fence.epoch, purge=False)
    assert await store.outbox.extent(fence.session_id) is None
