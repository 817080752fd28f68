"""A worker that died: seen in time, not too early, and its sessions are taken up."""

from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway_worker.connections.lifecycle.states import State
from gateway_worker.connections.ownership.failure_detector import FailureDetector, Suspicion
from gateway_worker.connections.ownership.token_bucket import Tokens
from gateway_worker.store.records import NewSession, OwnerSigns
from schemas.names import SessionId, UserId, WorkerId
from tests.support.connections.fake_storage import FakeStorage
from tests.support.connections.virtual_time import VirtualClock, virtual
from tests.support.connections.world import ANNA, World, log_in, text, world

OTHER = WorkerId("worker-2")
ALIVE = OwnerSigns(worker_id=OTHER, locked=True, leased=True)
UNLOCKED = OwnerSigns(worker_id=OTHER, locked=False, leased=True)
OVER = OwnerSigns(worker_id=OTHER, locked=True, leased=False)


def test_a_free_lock_is_death_when_it_is_seen_twice_two_seconds_apart() -> None:
    suspicion = Suspicion()
    assert suspicion.dead([UNLOCKED], 10.0) == []
    assert suspicion.dead([UNLOCKED], 11.9) == []
    assert suspicion.dead([UNLOCKED], 12.0) == [OTHER]


@pytest.mark.parametrize("between", [[ALIVE], []])
def test_a_lock_that_is_taken_again_clears_its_owner(between: list[OwnerSigns]) -> None:
    suspicion = Suspicion()
    suspicion.dead([UNLOCKED], 10.0)
    suspicion.dead(between, 11.0)
    assert suspicion.dead([UNLOCKED], 12.0) == []


def test_a_lease_that_ran_out_is_death_at_once() -> None:
    assert Suspicion().dead([OVER], 10.0) == [OTHER]


def test_a_suspect_that_owns_nothing_any_more_was_somebody_elses_find() -> None:
    suspicion = Suspicion()
    suspicion.dead([UNLOCKED], 10.0)
    assert not suspicion.vanished([UNLOCKED])
    assert suspicion.vanished([])


class Seen:
    """Owners as they are seen, one look after the other, a second apart; of whom it was said that they are dead."""

    def __init__(self, *looks: list[OwnerSigns] | None) -> None:
        self.looks = list(looks)
        self.now = -1.0
        self.dead: list[WorkerId] = []
        self.calls = 0
        self.detector = FailureDetector(
            self.note,
            clock=cast("Any", self),
            observer=cast("Any", self),
            rng=Random(1),
            storage=cast("Any", SimpleNamespace(owners=self)),
            worker_id=WorkerId("worker-1"),
        )

    def note(self) -> None:
        self.calls += 1

    def monotonic(self) -> float:
        return self.now

    def sessions_freed(self, count: int) -> None:
        assert count == 1

    async def look(self, besides: WorkerId) -> list[OwnerSigns] | None:
        assert besides != OTHER
        self.now += 1
        return self.looks.pop(0)

    async def free(self, worker_id: WorkerId) -> int:
        self.dead.append(worker_id)
        return 1

    async def all(self) -> None:
        while self.looks:
            await self.detector.look()


async def test_a_look_at_which_nothing_can_be_said_clears_every_suspicion() -> None:
    seen = Seen([UNLOCKED], None, [UNLOCKED], [UNLOCKED])
    await seen.all()
    assert seen.dead == []
    later = Seen([UNLOCKED], [UNLOCKED], [UNLOCKED])
    await later.all()
    assert (later.dead, later.calls) == ([OTHER], 1)


async def test_where_another_worker_was_faster_there_may_be_sessions_to_take_up() -> None:
    seen = Seen([UNLOCKED], [])
    await seen.all()
    assert (seen.dead, seen.calls) == ([], 1)


def test_after_a_burst_sessions_are_taken_up_at_a_steady_pace() -> None:
    tokens = Tokens(most=50, per_second=10, first=200, now=0.0)
    tokens.take(170)
    assert tokens.available(0.0) == 30
    tokens.take(30)
    assert (tokens.available(0.05), tokens.available(1.0), tokens.available(60.0)) == (0, 10, 50)


async def theirs(storage: FakeStorage, *names: str, incarnation: str = "run-2") -> None:
    """Sessions that were paired at the other worker."""
    for name in names:
        new = NewSession(session_id=SessionId(name), user_id=UserId("user-1"), pairing={"method": "qr"})
        await storage.sessions.create_or_get(new)
        await storage.ownership.claim(SessionId(name), OTHER, incarnation)
        storage.keys.blobs[SessionId(name)] = b"credentials"


async def settled(there: World, seconds: float) -> None:
    """Let so much time pass."""
    clock = VirtualClock()
    end = clock.monotonic() + seconds
    await there.until(lambda: clock.monotonic() >= end, seconds=seconds + 1)


@virtual
async def test_the_sessions_of_a_worker_that_died_connect_here_within_seconds() -> None:
    storage = FakeStorage()
    await theirs(storage, *(f"theirs-{number}" for number in range(4)))
    storage.owners.signs[OTHER] = UNLOCKED
    async with world(storage=storage) as there:
        there.engine.script = log_in
        for number in range(4):
            await there.state(State.CONNECTED, SessionId(f"theirs-{number}"), seconds=5)


@virtual
async def test_sessions_are_taken_up_at_a_pace_that_lets_others_have_some_but_at_the_start() -> None:
    storage, names = FakeStorage(), [f"theirs-{number}" for number in range(100)]
    await theirs(storage, *names)
    storage.owners.signs[OTHER] = OVER
    async with world(storage=storage, max_sessions=100) as there:
        there.engine.script = log_in
        await there.until(lambda: len(there.manager.session_ids()) == 100, seconds=5)

        storage.owners.signs[OTHER] = ALIVE
        await storage.owners.free(WorkerId("worker-1"))
        await theirs(storage, *names)
        there.manager.recheck_ownership()
        await there.until(lambda: there.manager.session_ids() == [])
        await settled(there, 60)

        storage.owners.signs[OTHER] = OVER
        await there.until(lambda: len(there.manager.session_ids()) > 0)
        await settled(there, 2)
        assert 50 < len(there.manager.session_ids()) < 80
        await there.until(lambda: len(there.manager.session_ids()) == 100, seconds=10)


@virtual
async def test_what_there_is_no_room_for_becomes_nobodys_and_is_left_to_others() -> None:
    storage = FakeStorage()
    await theirs(storage, "one", "two", "three")
    storage.owners.signs[OTHER] = OVER
    async with world(storage=storage, max_sessions=2) as there:
        there.engine.script = log_in
        await there.opened(2)
        await settled(there, 30)
        assert len(there.engine.opened) == 2
        assert [row.owner for row in storage.sessions.rows.values()].count(None) == 1


@virtual
async def test_a_worker_that_restarts_with_less_room_leaves_the_rest_to_others() -> None:
    storage = FakeStorage()
    await theirs(storage, "one", "two", incarnation="run-0")
    async with world(storage=storage, max_sessions=1, number=2) as there:
        there.engine.script = log_in
        await there.opened(1)
        await there.until(lambda: [row.owner for row in storage.sessions.rows.values()] == [OTHER, None])


@virtual
async def test_a_living_worker_keeps_its_sessions() -> None:
    storage = FakeStorage()
    await theirs(storage, "theirs")
    storage.owners.signs[OTHER] = ALIVE
    async with world(storage=storage) as there:
        await settled(there, 60)
        assert storage.owners.freed == []


@virtual
async def test_a_worker_that_has_just_come_back_itself_judges_nobody() -> None:
    storage = FakeStorage()
    await theirs(storage, "theirs")
    storage.owners.signs[OTHER] = OVER
    storage.owners.settled = False
    async with world(storage=storage) as there:
        await settled(there, 60)
        assert storage.owners.freed == []


@virtual
async def test_a_worker_that_was_out_of_sight_lets_go_of_what_others_took() -> None:
    async with world() as there:
        await there.connected()
        await there.storage.owners.free(WorkerId("worker-1"))
        await there.storage.ownership.claim(ANNA, OTHER, "run-2")

        there.manager.recheck_ownership()
        await there.until(lambda: there.engine.last.over)
        await there.until(lambda: there.manager.session_ids() == [])

        assert there.announcer.log == ["let_go"]
        assert there.storage.sessions.rows[ANNA].owner == OTHER


@virtual
async def test_a_worker_that_was_thought_dead_takes_its_session_up_again_under_a_new_epoch() -> None:
    async with world() as there:
        await there.connected()
        epoch = there.storage.sessions.rows[ANNA].epoch
        await there.storage.owners.free(WorkerId("worker-1"))
        await there.opened(2)
        await there.until(lambda: there.storage.sessions.rows[ANNA].epoch > epoch + 1)
        await there.send(text())

        assert [connection.over for connection in there.engine.opened] == [True, False]
        assert there.storage.sessions.rows[ANNA].owner == "worker-1"


@virtual
async def test_a_redis_that_lost_everything_learns_again_where_the_sessions_live() -> None:
    async with world() as there:
        await there.connected()
        there.cache.routes.clear()
        await there.until(lambda: there.cache.routes == {ANNA: "worker-1"})


@virtual
async def test_a_worker_that_kept_its_sessions_goes_on_with_them() -> None:
    async with world() as there:
        await there.connected()
        there.manager.recheck_ownership()
        await there.send(text())
        assert len(there.engine.opened) == 1
