"""When a snapshot is stored, when it is removed, and that nothing waits for it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from gateway_worker.connections.lifecycle.states import State
from gateway_worker.connections.snapshots import LATER, SOON, SnapshotKeeper
from gateway_worker.objects.snapshots import SnapshotMoment
from gateway_worker.store.errors import SnapshotInvalid, StoreUnavailable
from gateway_worker.store.records import Fence
from gateway_worker.store.snapshots.snapshots import Removal
from gateway_worker.whatsapp.port import Changes
from schemas.names import SessionId
from tests.support.connections.fake_ports import FakeSnapshots
from tests.support.connections.virtual_time import VirtualClock, virtual
from tests.support.connections.world import ANNA, IDENTITY, Alarms, command, pair_by_qr, world

BERT = SessionId("bert")
FENCE = Fence(session_id=ANNA, epoch=2)
NOW = SnapshotMoment(2, 1)


class Counted(Alarms):
    def __init__(self) -> None:
        super().__init__()
        self.stored = self.failed = 0

    def snapshot_stored(self) -> None:
        self.stored += 1

    def snapshot_failed(self) -> None:
        self.failed += 1


@asynccontextmanager
async def keeping(snapshots: FakeSnapshots, observer: Counted) -> AsyncGenerator[SnapshotKeeper]:
    keeper = SnapshotKeeper(
        records=snapshots,
        bucket=snapshots,
        identity=IDENTITY,
        observer=observer,
        monotonic=VirtualClock().monotonic,
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keeper.run())
        yield keeper
        await keeper.stop()


@virtual
async def test_a_pairing_ends_in_a_snapshot() -> None:
    async with world() as w:
        w.engine.script = pair_by_qr
        w.snapshots.identities[ANNA] = b"sealed"
        await w.create()
        await w.state(State.CONNECTED)
        await asyncio.sleep(SOON + 2)
        assert list(w.snapshots.bucket.values()) == [b"sealed"]


@virtual
async def test_new_settings_make_a_new_snapshot() -> None:
    async with world() as w:
        await w.connected()
        await asyncio.sleep(60)
        w.snapshots.identities[ANNA] = b"with limits"
        await w.manager.create(
            command(
                "session.create.v1",
                ANNA,
                {
                    "sessionId": ANNA,
                    "userId": "user-1",
                    "pairing": {"method": "qr"},
                    "limits": {"messagesPerDay": 5},
                },
            )
        )
        await asyncio.sleep(60)
        assert list(w.snapshots.bucket.values()) == [b"with limits"]


@virtual
async def test_logging_out_and_deleting_have_the_bucket_looked_at_at_once() -> None:
    async with world() as w:
        await w.connected()
        for order, state in ((w.logout, State.LOGGED_OUT), (w.delete, State.DELETED)):
            await asyncio.sleep(1)
            looks = w.snapshots.looks
            await order()
            if state is State.DELETED:
                await w.until(lambda: ANNA not in w.storage.sessions.rows)
            else:
                await w.state(state)
            await asyncio.sleep(0.1)
            assert w.snapshots.looks > looks


@virtual
async def test_many_changes_make_one_snapshot() -> None:
    snapshots, observer = FakeSnapshots(), Counted()
    snapshots.identities[ANNA] = b"sealed"
    async with keeping(snapshots, observer) as keeper:
        for _ in range(20):
            keeper.stored(FENCE, Changes(credentials=b"again"))
            await asyncio.sleep(0.1)
        await asyncio.sleep(SOON)
    assert snapshots.bucket == {(ANNA, NOW): b"sealed"}
    assert observer.stored == 1


@virtual
async def test_ratchets_make_none_and_a_new_contact_waits_a_while() -> None:
    snapshots = FakeSnapshots()
    async with keeping(snapshots, Counted()) as keeper:
        snapshots.identities[ANNA] = b"sealed"
        keeper.stored(FENCE, Changes(keys={("session", "1.0"): b"ratchet", ("pre-key", "1"): None}))
        await asyncio.sleep(2 * LATER)
        assert snapshots.bucket == {}

        keeper.stored(FENCE, Changes(keys={("session", "1.0"): b"ratchet", ("mapping", "1"): b"1@lid"}))
        await asyncio.sleep(LATER - 10)
        assert snapshots.bucket == {}
        await asyncio.sleep(20)
        assert snapshots.bucket == {(ANNA, NOW): b"sealed"}

        snapshots.identities[ANNA] = b"with its key"
        keeper.stored(FENCE, Changes(keys={("mapping", "2"): b"2@lid"}))
        keeper.stored(FENCE, Changes(keys={("app-key", "1"): b"key"}))
        await asyncio.sleep(SOON + 2)
        assert snapshots.bucket == {(ANNA, NOW): b"with its key"}


@virtual
async def test_while_s3_is_away_it_is_tried_again_and_the_delay_shows() -> None:
    snapshots, observer = FakeSnapshots(), Counted()
    snapshots.identities = {ANNA: b"one", BERT: b"two"}
    snapshots.failures = [ConnectionError(), TimeoutError(), PermissionError("AccessDenied"), FileNotFoundError()]
    async with keeping(snapshots, observer) as keeper:
        keeper.changed(FENCE)
        keeper.changed(Fence(session_id=BERT, epoch=1))
        await asyncio.sleep(SOON + 8)
        assert 5 <= keeper.late_seconds <= 10
        await asyncio.sleep(60)
        assert keeper.late_seconds == 0
    assert len(snapshots.bucket) == 2
    assert (observer.failed, observer.stored) == (4, 2)


@virtual
async def test_a_database_that_is_away_is_waited_for_and_what_cannot_be_is_given_up() -> None:
    snapshots, observer = FakeSnapshots(), Counted()
    snapshots.identities[ANNA] = b"sealed"
    snapshots.failures = [SnapshotInvalid("too large")]
    async with keeping(snapshots, observer) as keeper:
        keeper.changed(FENCE)
        await asyncio.sleep(600)
        assert (observer.failed, observer.stored, keeper.late_seconds) == (1, 0, 0)
        snapshots.failures = [StoreUnavailable()] * 3
        keeper.changed(FENCE)
        await asyncio.sleep(60)
        assert (observer.failed, observer.stored) == (4, 1)


@virtual
async def test_a_new_owner_waits_for_no_failure_of_the_last_one() -> None:
    snapshots = FakeSnapshots()
    snapshots.identities[ANNA] = b"sealed"
    snapshots.failures = [ConnectionError() for _ in range(8)]
    async with keeping(snapshots, Counted()) as keeper:
        keeper.changed(FENCE)
        await asyncio.sleep(900)
        snapshots.failures.clear()
        keeper.changed(Fence(session_id=ANNA, epoch=3))
        await asyncio.sleep(SOON + 2)
    assert snapshots.bucket == {(ANNA, SnapshotMoment(3, 1)): b"sealed"}


@virtual
async def test_what_supersedes_removes_what_is_older_and_nothing_that_is_newer() -> None:
    snapshots = FakeSnapshots()
    snapshots.identities[ANNA] = b"sealed"
    snapshots.bucket = {
        (ANNA, SnapshotMoment(1, 1)): b"older",
        (ANNA, SnapshotMoment(3, 1)): b"of the owner, while we were frozen",
        (BERT, SnapshotMoment(1, 1)): b"of another",
    }
    snapshots.is_wanted = False  # it is fenced off, and so takes its own back
    async with keeping(snapshots, Counted()) as keeper:
        keeper.changed(FENCE)
        await asyncio.sleep(SOON + 2)
    assert set(snapshots.bucket) == {(ANNA, SnapshotMoment(3, 1)), (BERT, SnapshotMoment(1, 1))}


@virtual
async def test_a_removal_that_s3_refuses_does_not_hold_up_the_others() -> None:
    snapshots, observer = FakeSnapshots(), Counted()
    snapshots.bucket = {(BERT, SnapshotMoment(1, 4)): b"void", (BERT, SnapshotMoment(1, 9)): b"of the next life"}
    refused, fine = Removal(session_id=ANNA, through=9), Removal(session_id=BERT, through=5)
    async with keeping(snapshots, observer) as keeper:
        await asyncio.sleep(1)
        snapshots.removals = [refused, fine]
        snapshots.failures = [PermissionError("ObjectLocked")]
        keeper.voided()
        await asyncio.sleep(1)
    assert snapshots.done == [fine]
    assert set(snapshots.bucket) == {(BERT, SnapshotMoment(1, 9))}
    assert observer.failed == 1


@virtual
async def test_removals_go_on_after_s3_was_away() -> None:
    snapshots, observer = FakeSnapshots(), Counted()
    removal = Removal(session_id=ANNA, through=9)
    async with keeping(snapshots, observer) as keeper:
        await asyncio.sleep(1)
        snapshots.removals = [removal, removal]
        snapshots.failures = [ConnectionError()]
        keeper.voided()
        await asyncio.sleep(60)
        assert snapshots.done == []  # its minute is not over: the database gives it again
        snapshots.removals = [removal]
        await asyncio.sleep(60)
    assert snapshots.done == [removal]


@virtual
async def test_a_worker_that_starts_looks_at_all_its_sessions_soon() -> None:
    snapshots, observer = FakeSnapshots(), Counted()
    everybody = [SessionId(f"session-{number}") for number in range(500)]
    snapshots.identities = {each: each.encode() for each in everybody}
    async with keeping(snapshots, observer) as keeper:
        for each in everybody:
            keeper.changed(Fence(session_id=each, epoch=1))
        await asyncio.sleep(SOON + 3)
    assert observer.stored == 500
