"""Sessions: made, owned, wished upon, forgotten, made again."""

import asyncio
from dataclasses import replace

import pytest

from gateway_worker.store.errors import EventsUnpublished, StaleEpoch
from gateway_worker.store.operations.identity import PutCredentials, PutKeys
from gateway_worker.store.operations.sessions import AppendEvent, ChangeState
from gateway_worker.store.records import CausedBy, Desired, Fence, NewSession, SessionRecord
from gateway_worker.store.store import Store
from schemas.names import SessionId, UserId, WorkerId
from tests.support.services.private_services import query
from tests.support.store.stores import begin, message_id

ME, OTHER = WorkerId("worker-1"), WorkerId("worker-2")


def new(session: str = "s1", user: str = "u1") -> NewSession:
    return NewSession(
        session_id=SessionId(session),
        user_id=UserId(user),
        pairing={"method": "code", "phone": "+1555"},
        options={"proxy": "http://user:password@host"},
    )


async def owned(store: Store, session: str = "s1", user: str = "u1") -> Fence:
    await store.sessions.create_or_get(new(session, user))
    record = await store.ownership.claim(SessionId(session), ME, "run-1")
    assert record is not None
    return record.fence


async def publish_all(store: Store, session_id: SessionId) -> None:
    events = await store.outbox.pending(session_id, 0, 1000)
    await store.outbox.mark_published([(each.session_id, each.sequence) for each in events])


async def test_a_session_comes_back_as_it_was_made_and_its_settings_are_not_legible(
    store: Store, migrated_database_url: str
) -> None:
    made = await store.sessions.create_or_get(new())
    again = await store.sessions.create_or_get(
        NewSession(session_id=SessionId("s1"), user_id=UserId("u2"), pairing={"method": "qr"})
    )
    assert made == again == await store.sessions.get(SessionId("s1"))
    assert made.options == {"proxy": "http://user:password@host"}
    assert (made.epoch, made.sequence, made.owner, made.has_wish) == (0, 0, None, True)
    stored: bytes = await query(migrated_database_url, "SELECT settings FROM sessions")
    assert b"password" not in stored


async def test_sessions_are_listed_by_id_from_a_cursor_and_by_user(store: Store) -> None:
    for session, user in (("b", "u1"), ("a", "u1"), ("c", "u2")):
        await store.sessions.create_or_get(new(session, user))
    listed = await store.sessions.list(SessionId("a"), 10)
    assert [each.session_id for each in listed] == ["b", "c"]
    assert [each.session_id for each in await store.sessions.list(None, 10, UserId("u1"))] == ["a", "b"]
    assert [each.session_id for each in await store.sessions.list(None, 1)] == ["a"]


async def test_options_are_replaced_and_what_is_not_given_stays(store: Store) -> None:
    await store.sessions.create_or_get(new())
    record = await store.sessions.update_options(
        SessionId("s1"), pairing={"method": "qr"}, limits={"messagesPerDay": 9}
    )
    assert record is not None
    assert (record.pairing, record.limits) == ({"method": "qr"}, {"messagesPerDay": 9})
    assert record.options == {"proxy": "http://user:password@host"}
    assert await store.sessions.update_options(SessionId("none"), pairing={}) is None


async def test_concurrent_creates_make_one_session(store: Store) -> None:
    records = await asyncio.gather(*(store.sessions.create_or_get(new()) for _ in range(6)))
    assert all(record == records[0] for record in records)


async def test_another_workers_session_cannot_be_claimed(store: Store) -> None:
    await owned(store)
    assert await store.ownership.claim(SessionId("s1"), OTHER, "run-2") is None
    record = await store.ownership.claim(SessionId("s1"), ME, "run-2")
    assert record is not None
    assert record.epoch == 2


async def test_a_restarted_worker_gets_its_own_and_the_ownerless_in_waves(store: Store) -> None:
    for number in range(5):
        await owned(store, f"mine-{number}")
    await store.sessions.create_or_get(new("nobody"))
    await store.sessions.create_or_get(new("theirs"))
    await store.ownership.claim(SessionId("theirs"), OTHER, "run-1")
    waves = [await store.ownership.claim_own(ME, "run-2", 4) for _ in range(3)]
    assert [len(wave) for wave in waves] == [4, 2, 0]
    assert {each.session_id for wave in waves for each in wave} == {*(f"mine-{n}" for n in range(5)), "nobody"}
    assert {each.epoch for each in waves[0]} == {2}


async def test_workers_that_start_side_by_side_share_the_ownerless(store: Store) -> None:
    for number in range(20):
        await store.sessions.create_or_get(new(f"s{number}"))
    first, second = await asyncio.gather(
        store.ownership.claim_own(ME, "run-1", 15), store.ownership.claim_own(OTHER, "run-1", 15)
    )
    assert not {each.session_id for each in first} & {each.session_id for each in second}


async def test_a_release_under_an_old_epoch_does_nothing(store: Store) -> None:
    fence = await owned(store)
    await store.ownership.release(fence.session_id, fence.epoch - 1)
    record = await store.sessions.get(fence.session_id)
    assert record is not None
    assert record.owner == ME
    await store.ownership.release(fence.session_id, fence.epoch)
    record = await store.sessions.get(fence.session_id)
    assert record is not None
    assert record.owner is None


async def test_a_wish_wakes_the_watcher_and_deleting_is_final(store: Store) -> None:
    fence = await owned(store)
    store.ownership.looks_every = 600  # it is woken
    watching = store.ownership.watch()
    assert await anext(watching) == fence.session_id, "the wish to connect, from the first poll"
    wished = await store.sessions.desire(fence.session_id, Desired.CONNECTED, restart=True)
    assert wished is not None
    assert wished.restart_wished
    async with asyncio.timeout(60):
        assert await anext(watching) == fence.session_id
    await watching.aclose()  # pyright: ignore[reportAttributeAccessIssue] (an async generator, typed as what callers need)
    deleted = await store.sessions.desire(fence.session_id, Desired.DELETED, purge=True)
    after = await store.sessions.desire(fence.session_id, Desired.CONNECTED)
    assert deleted == after
    assert await store.sessions.desire(SessionId("none"), Desired.CONNECTED) is None


async def test_the_command_of_an_order_is_known_until_that_is_fulfilled_and_a_newer_ones_stays(store: Store) -> None:
    first, second = (CausedBy(command_id=name, correlation_id=None, carried={"tenant": 7}) for name in ("c1", "c2"))
    made = await store.sessions.create_or_get(replace(new(), caused_by=first))
    claimed = await store.ownership.claim(made.session_id, ME, "run-1")
    assert claimed is not None
    assert claimed.caused_by == first

    async def after(change: ChangeState) -> CausedBy | None:
        await store.commit(claimed.fence, change)
        record = await store.sessions.get(made.session_id)
        assert record is not None
        return record.caused_by

    assert await after(ChangeState(state="connecting", applied_generation=1)) == first
    assert await after(ChangeState(state="connected", fulfilled=True)) is None
    await store.sessions.desire(made.session_id, Desired.CONNECTED, restart=True, caused_by=second)
    assert await after(ChangeState(state="connected", fulfilled=True)) == second, "that was the order before"
    assert await after(ChangeState(state="connected", applied_generation=2, fulfilled=True)) is None
    await store.moves.order_move(made.session_id, first)
    assert await after(ChangeState(state="connected", fulfilled=True)) == first, "it is still to leave"


async def test_the_watcher_survives_the_loss_of_its_connection(store: Store, migrated_database_url: str) -> None:
    await owned(store)
    watching = store.ownership.watch()
    await anext(watching)
    await query(
        migrated_database_url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%orders'"
        " AND datname = current_database()",
    )
    async with asyncio.timeout(60):
        assert await anext(watching) == "s1"
    await watching.aclose()  # pyright: ignore[reportAttributeAccessIssue] (as above)


async def filled(store: Store) -> Fence:
    fence = await owned(store)
    await store.commit(fence, PutCredentials(blob=b"c"), PutKeys(keys={("session", "a"): b"k"}))
    await store.commit(fence, begin(), AppendEvent(type="session.status.v1", data={"state": "deleted"}))
    return fence


async def test_a_forgotten_session_leaves_its_tombstone_and_messages(store: Store, migrated_database_url: str) -> None:
    fence = await filled(store)
    await store.sessions.forget(fence.session_id, fence.epoch, purge=False)
    assert await store.sessions.get(fence.session_id) is None
    with pytest.raises(StaleEpoch):
        await store.commit(fence, AppendEvent(type="x", data={}))
    left = "SELECT (SELECT count(*) FROM credentials) + (SELECT count(*) FROM keys) + (SELECT count(*) FROM entries)"
    assert await query(migrated_database_url, left) == 0
    assert len(await store.outbox.pending(fence.session_id, 0, 10)) == 1, "what is not published can still be published"
    await store.sessions.forget(fence.session_id, fence.epoch, purge=False)

    record = await store.sessions.create_or_get(new())
    assert (record.epoch, record.sequence) == (fence.epoch + 1, 1)
    assert await store.messages.get(fence.session_id, message_id()) is not None, "kept, and legible to the same user"


async def test_a_session_made_again_by_another_user_shows_nothing_of_the_first(store: Store) -> None:
    fence = await filled(store)
    await publish_all(store, fence.session_id)
    await store.sessions.forget(fence.session_id, fence.epoch, purge=False)
    await store.sessions.create_or_get(new(user="u2"))
    assert await store.messages.get(fence.session_id, message_id()) is None
    assert await store.outbox.range(fence.session_id, 1, 10) == []


async def test_a_purge_waits_for_the_events_and_then_leaves_only_the_tombstone(
    store: Store, migrated_database_url: str
) -> None:
    fence = await filled(store)
    with pytest.raises(EventsUnpublished):
        await store.sessions.forget(fence.session_id, fence.epoch, purge=True)
    await publish_all(store, fence.session_id)
    await store.sessions.forget(fence.session_id, fence.epoch, purge=True)
    await store.sessions.forget(fence.session_id, fence.epoch, purge=True)
    for table in ("messages", "bodies", "receipts", "credentials", "keys", "outbox", "outbox_marks"):
        assert await query(migrated_database_url, f"SELECT count(*) FROM {table}") == 0, table
    erased = "SELECT identity_key IS NULL AND content_key IS NULL AND settings IS NULL AND phone IS NULL FROM sessions"
    assert await query(migrated_database_url, erased)


async def test_the_events_of_a_session_made_again_go_on_where_they_ended(store: Store) -> None:
    fence = await filled(store)
    await publish_all(store, fence.session_id)
    await store.sessions.forget(fence.session_id, fence.epoch, purge=True)
    again = await owned(store)
    await store.commit(again, AppendEvent(type="session.status.v1", data={}))
    assert [each.sequence for each in await store.outbox.pending(again.session_id, 0, 10)] == [2]
    await publish_all(store, again.session_id)
    assert await store.outbox.pending(None, 0, 10) == []


async def test_only_the_owner_forgets(store: Store) -> None:
    fence = await owned(store)
    with pytest.raises(StaleEpoch):
        await store.sessions.forget(fence.session_id, fence.epoch - 1, purge=False)


async def test_many_creates_beside_a_sweep_without_pause_are_all_handed_out_under_the_epoch_of_their_row(
    store: Store,
) -> None:
    names = [f"s{number:05}" for number in range(500)]
    handed_out: dict[SessionId, int] = {}
    waiting, twice = list(names), 0

    def note(record: SessionRecord) -> None:
        nonlocal twice
        twice += record.session_id in handed_out
        handed_out[record.session_id] = max(record.epoch, handed_out.get(record.session_id, 0))

    async def backend() -> None:
        while waiting:
            session_id = SessionId(waiting.pop())
            await store.sessions.create_or_get(new(session_id))
            record = await store.ownership.claim(session_id, ME, "run-1")
            assert record is not None, "nobody else is there"
            note(record)

    async def sweep() -> None:
        while len(handed_out) < len(names):
            for record in await store.ownership.claim_own(ME, "run-1", 50):
                note(record)

    async with asyncio.TaskGroup() as group:
        group.create_task(sweep())
        for _ in range(8):
            group.create_task(backend())
    assert await store.ownership.owned(ME, "run-1") == handed_out
    assert twice > 0, "they met"
