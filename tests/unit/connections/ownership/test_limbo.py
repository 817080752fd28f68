"""No session in limbo: whichever order claims and their answers come in, one session runs, under the row's epoch."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from random import Random

import pytest

from gateway_worker.connections.lifecycle.states import State
from gateway_worker.connections.ownership.ownership import Ownership
from gateway_worker.connections.ownership.reconciliation import Comparison
from gateway_worker.store.records import NewSession, SessionRecord
from schemas.names import SessionId, UserId, WorkerId
from tests.support.connections.fake_sessions import FakeSessions
from tests.support.connections.fake_storage import FakeStorage
from tests.support.connections.virtual_time import virtual
from tests.support.connections.world import ANNA, World, show_qr, world

_who: ContextVar[str | None] = ContextVar("_who", default=None)
ME = WorkerId("worker-1")
NEW = NewSession(session_id=ANNA, user_id=UserId("user-1"), pairing={"method": "qr"})

OPERATIONS: dict[str, Callable[[Ownership], Awaitable[object]]] = {
    "claim": lambda ownership: ownership.claim(ANNA),
    "take": lambda ownership: ownership.take(ANNA),
    "adopt": lambda ownership: ownership.adopt(),
    "return": lambda ownership: ownership.take_back(ANNA),
    "watch": lambda ownership: ownership.see_to(ANNA),
}
STEPS = [(who, step) for who in ("first", "second") for step in ("asks", "is answered")]
ORDERS = [
    order
    for order in itertools.permutations(STEPS)
    if all(order.index((who, "asks")) < order.index((who, "is answered")) for who in ("first", "second"))
]


@dataclass
class InTurn(FakeSessions):
    """The database's step and the arrival of its answer wait for their turn, for those who take part."""

    order: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    waiting: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    playing: set[str] = field(default_factory=set[str])

    async def _turn(self, step: str) -> None:
        mine = (_who.get() or "", step)
        self.waiting.add(mine)
        while mine in self.order and (self.order[0] != mine or mine[0] not in self.playing):  # noqa: ASYNC110 (virtual time)
            await asyncio.sleep(0.01)
        if mine in self.order:
            self.order.remove(mine)

    async def claim(self, session_id: SessionId, worker_id: WorkerId, incarnation: str) -> SessionRecord | None:
        await self._turn("asks")
        record = await super().claim(session_id, worker_id, incarnation)
        await self._turn("is answered")
        return record

    async def take(self, session_id: SessionId, worker_id: WorkerId, incarnation: str) -> SessionRecord | None:
        await self._turn("asks")
        record = await super().take(session_id, worker_id, incarnation)
        await self._turn("is answered")
        return record

    async def claim_own(self, worker_id: WorkerId, incarnation: str, limit: int) -> Sequence[SessionRecord]:
        await self._turn("asks")
        records = await super().claim_own(worker_id, incarnation, limit)
        await self._turn("is answered")
        return records


def in_good_order(there: World, session_id: SessionId = ANNA) -> bool:
    """It runs here under the epoch of its row, waits for its QR to be scanned, and has one connection."""
    row, running = there.storage.sessions.rows[session_id], there.manager.ownership.running().get(session_id)
    live = [each for each in there.engine.opened if each.request.session_id == session_id and not each.over]
    return (
        running is not None
        and (row.owner, row.epoch, row.state) == (ME, running.epoch, State.QR_REQUIRED)
        and len(live) == 1
    )


async def play(there: World, sessions: InTurn, names: tuple[str, str], order: Sequence[tuple[str, str]]) -> None:
    """Two operations meet at a session that nobody owns, and their steps happen in this order."""
    sessions.order, sessions.waiting, sessions.playing = list(order), set(), set()

    async def one(who: str, name: str) -> None:
        _who.set(who)
        await OPERATIONS[name](there.manager.ownership)
        sessions.order = [step for step in sessions.order if step[0] != who]  # what it did without

    async with asyncio.timeout(9), asyncio.TaskGroup() as both:
        for who, name in zip(("first", "second"), names, strict=True):
            both.create_task(one(who, name))
        await there.until(
            lambda: all((who, "asks") in sessions.waiting or (who, "asks") not in sessions.order for who, _ in order)
        )
        await sessions.create_or_get(NEW)
        sessions.playing = {"first", "second"}


@pytest.mark.parametrize("names", [*itertools.combinations_with_replacement(OPERATIONS, 2)], ids="-".join)
@virtual
async def test_two_who_claim_the_same_session_end_with_one_that_runs(names: tuple[str, str]) -> None:
    for order in ORDERS:
        storage = FakeStorage()
        storage.sessions = sessions = InTurn()
        async with world(storage=storage) as there:
            there.engine.script = show_qr
            await play(there, sessions, names, order)
            await there.until(lambda: in_good_order(there), seconds=8)
            assert there.observer.mended == [], order


@virtual
async def test_a_record_that_arrives_late_does_not_outdo_a_newer_one() -> None:
    storage = FakeStorage()
    storage.sessions = sessions = InTurn()
    async with world(storage=storage) as there:
        there.engine.script = show_qr
        order = [("first", "asks"), ("second", "asks"), ("second", "is answered"), ("first", "is answered")]
        await play(there, sessions, ("adopt", "claim"), order)
        await there.until(lambda: in_good_order(there), seconds=1)
        assert len(there.engine.opened) == 1


@pytest.mark.no_cover  # 200 times the same
@virtual
async def test_many_creates_beside_a_sweep_without_pause_all_get_their_qr() -> None:
    count, rng = 200, Random(8)
    names = [SessionId(f"s{number:05}") for number in range(count)]

    class Slow(FakeSessions):
        """Each answer takes its time, and each another."""

        async def claim(self, session_id: SessionId, worker_id: WorkerId, incarnation: str) -> SessionRecord | None:
            await asyncio.sleep(rng.uniform(0, 0.01))
            record = await super().claim(session_id, worker_id, incarnation)
            await asyncio.sleep(rng.uniform(0, 0.01))
            return record

        async def claim_own(self, worker_id: WorkerId, incarnation: str, limit: int) -> Sequence[SessionRecord]:
            records = await super().claim_own(worker_id, incarnation, limit)
            await asyncio.sleep(rng.uniform(0, 0.01))
            return records

    storage = FakeStorage()
    storage.sessions = Slow()
    async with world(storage=storage, max_sessions=count) as there:
        there.engine.script = show_qr
        waiting = list(reversed(names))

        async def backend() -> None:
            while waiting:
                await there.create(waiting.pop())

        async def sweep() -> None:
            while True:
                await there.manager.ownership.adopt()
                await asyncio.sleep(0.005)

        sweeping = asyncio.create_task(sweep())
        async with asyncio.TaskGroup() as backends:
            for _ in range(8):
                backends.create_task(backend())
        await there.until(lambda: all(in_qr(there, each) for each in names), seconds=120)
        sweeping.cancel()
        assert there.observer.mended == []


def in_qr(there: World, session_id: SessionId) -> bool:
    row, running = there.storage.sessions.rows[session_id], there.manager.ownership.get(session_id)
    return running is not None and (row.epoch, row.state) == (running.epoch, State.QR_REQUIRED)


# --- the net below ---


def test_only_what_differs_twice_in_the_same_way_is_amiss() -> None:
    comparison = Comparison()
    assert comparison.look(owned={ANNA: 1}, running={}) == ({}, {})
    assert comparison.look(owned={ANNA: 2}, running={}) == ({}, {})
    assert comparison.look(owned={ANNA: 2}, running={}) == ({ANNA: 2}, {})
    assert comparison.look(owned={ANNA: 2}, running={ANNA: 1}) == ({}, {})
    assert comparison.look(owned={}, running={ANNA: 1}) == ({}, {ANNA: 1})
    assert comparison.look(owned={ANNA: 1}, running={ANNA: 1}) == ({}, {})


@virtual
async def test_a_session_that_is_owned_and_not_run_starts_within_seconds() -> None:
    async with world() as there:
        there.engine.script = show_qr
        await there.storage.sessions.create_or_get(NEW)
        row = await there.storage.ownership.claim(ANNA, ME, "run-1")  # and nobody ever hears of it
        assert row is not None
        there.storage.sessions.rows[ANNA] = replace(row, applied_generation=row.generation)  # nor is there an order
        await there.until(lambda: there.manager.session_ids() == [ANNA], seconds=6)
        assert there.observer.mended == ["not_run"]


@virtual
async def test_a_session_that_is_owned_and_not_run_goes_to_others_where_there_is_no_room() -> None:
    async with world(max_sessions=0) as there:
        await there.storage.sessions.create_or_get(NEW)
        await there.storage.ownership.claim(ANNA, ME, "run-1")
        await there.until(lambda: there.storage.sessions.rows[ANNA].owner is None, seconds=6)


@virtual
async def test_a_session_that_runs_and_is_not_owned_ends_within_seconds() -> None:
    async with world() as there:
        await there.connected()
        row = there.storage.sessions.rows[ANNA]
        there.storage.sessions.rows[ANNA] = replace(row, owner=WorkerId("worker-2"), epoch=row.epoch + 1)
        await there.until(lambda: there.engine.last.over and not there.manager.session_ids(), seconds=6)
        assert there.observer.mended == ["not_owned"]


@virtual
async def test_a_fenced_session_that_something_holds_up_ends_all_the_same_and_its_heir_starts() -> None:
    async with world() as there:
        await there.connected()
        there.cache.takes_seconds = 10**6  # somewhere on its way out it waits for what never comes
        await there.storage.owners.free(ME)
        await there.until(lambda: there.engine.last.over)
        there.cache.takes_seconds = 0
        await there.opened(2, seconds=60)
        assert there.observer.mended[-1] == "not_ending"
