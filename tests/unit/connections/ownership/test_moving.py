"""Sessions are moved by order, handed over by a worker that is emptied, and wait when the fleet is full."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from gateway_worker.connections.lifecycle.states import State
from gateway_worker.connections.ownership.draining import WAVE
from gateway_worker.store.records import Json
from gateway_worker.whatsapp.facts import Cause
from schemas.errors import FleetFull, SessionNotFound
from schemas.names import SessionId, WorkerId
from tests.support.connections.fake_storage import FakeStorage
from tests.support.connections.virtual_time import virtual
from tests.support.connections.world import ANNA, World, command, log_in, text, world

BERT = SessionId("bert")
ONE, TWO = WorkerId("worker-1"), WorkerId("worker-2")


@asynccontextmanager
async def fleet(*, slots: int = 5, others: int = 5) -> AsyncGenerator[tuple[World, World]]:
    """Two workers that share one database: the first has room for `slots` sessions, the second for `others`."""
    storage = FakeStorage()
    async with (
        world(storage=storage, max_sessions=slots) as first,
        world(storage=storage, max_sessions=others, number=2) as second,
    ):
        second.engine.script = log_in
        yield first, second


async def connected(first: World, *session_ids: SessionId) -> None:
    """These live at the first worker."""
    for session_id in session_ids:
        await first.connected(session_id)
        assert owner(first, session_id) == ONE


def owner(w: World, session_id: SessionId = ANNA) -> WorkerId | None:
    return w.storage.sessions.rows[session_id].owner


def reasons(storage: FakeStorage, session_id: SessionId = ANNA) -> list[tuple[object, object]]:
    """State and reason of each status event of a session."""

    def code(data: Json) -> object:
        reason = cast("Json | None", data.get("reason"))
        return None if reason is None else reason["code"]

    kind = "session.status.v1"
    return [
        (data["state"], code(data))
        for type_, data in storage.events
        if type_ == kind and data["sessionId"] == session_id
    ]


@virtual
async def test_a_session_moves_to_another_worker_at_once() -> None:
    async with fleet() as (first, second):
        await connected(first, ANNA)
        epoch = first.storage.sessions.rows[ANNA].epoch
        await first.migrate()
        await second.state(State.CONNECTED, seconds=1)
        await first.until(lambda: owner(first) == TWO and second.manager.of(ANNA).state is State.CONNECTED, seconds=1)
        assert first.storage.sessions.rows[ANNA].epoch == epoch + 1
        assert first.engine.last.over
        assert second.engine.last.request.credentials == b"credentials"
        assert reasons(first.storage)[-3:] == [
            ("disconnected", "session.moving"),
            ("connecting", None),
            ("connected", None),
        ]
        await asyncio.sleep(3600)
        assert owner(first) == TWO, "it stays there"
        assert first.manager.session_ids() == []


@virtual
async def test_an_order_to_move_is_taken_at_any_worker() -> None:
    async with fleet() as (first, second):
        await connected(first, ANNA)
        await second.migrate()
        await first.until(lambda: owner(first) == TWO, seconds=1)


@virtual
async def test_what_is_under_way_settles_before_the_connection_is_closed() -> None:
    async with fleet() as (first, second):
        await connected(first, ANNA)
        settled = asyncio.Event()

        async def settling(_session_id: SessionId) -> None:
            await first.send(text())
            settled.set()

        first.queues.settling = settling
        await first.migrate()
        await first.until(lambda: owner(first) == TWO)
        assert settled.is_set()
        assert len(first.engine.sent) == 1
        assert second.engine.sent == []


@virtual
async def test_a_session_stays_when_nobody_else_has_room_and_says_so() -> None:
    async with fleet(others=1) as (first, second):
        second.storage.keys.blobs[BERT] = b"credentials"
        await second.create(BERT)
        await connected(first, ANNA)
        before = len(first.engine.opened)
        await first.migrate()
        await first.until(lambda: reasons(first.storage)[-1] == ("connected", "fleet.full"), seconds=1)
        assert owner(first) == ONE
        assert len(first.engine.opened) == before, "without an interruption"
        assert not first.storage.sessions.rows[ANNA].move_wished
        await second.delete(BERT)
        await asyncio.sleep(60)
        assert owner(first) == ONE, "the order was answered; it is not kept"


@virtual
async def test_what_was_handed_over_and_nobody_took_goes_on_where_it_was() -> None:
    async with world() as w:
        await w.connected()
        w.storage.sessions.slots[TWO] = 1  # a worker that has room, and is dying
        await w.migrate()
        await w.until(lambda: owner(w) is None, seconds=1)
        await w.state(State.CONNECTED, seconds=7)
        assert owner(w) == ONE
        assert reasons(w.storage)[-3:] == [
            ("disconnected", "session.moving"),
            ("connecting", "fleet.full"),
            ("connected", None),
        ]
        await asyncio.sleep(60)
        assert len(w.engine.opened) == 2


@virtual
async def test_the_slot_of_a_session_that_may_return_is_kept() -> None:
    async with world(max_sessions=1) as w:
        await w.connected()
        w.storage.sessions.slots[TWO] = 1
        await w.migrate()
        await w.until(lambda: owner(w) is None, seconds=1)
        with pytest.raises(FleetFull):
            await w.create(BERT)
        await w.state(State.CONNECTED, seconds=7)


@virtual
async def test_a_logout_goes_before_a_move() -> None:
    async with fleet() as (first, second):
        await connected(first, ANNA)
        await asyncio.gather(first.logout(), first.migrate())
        await first.state(State.LOGGED_OUT)
        assert first.engine.unlinked == [ANNA]
        assert second.engine.opened == []


@virtual
async def test_a_session_that_waits_for_a_person_moves_without_connecting() -> None:
    async with fleet() as (first, second):
        await connected(first, ANNA)
        await first.engine.last.end(Cause.BANNED)
        await first.state(State.RESTRICTED)
        await first.migrate()
        await first.until(lambda: owner(first) == TWO)
        await asyncio.sleep(3600)
        assert second.engine.opened == []
        assert second.manager.of(ANNA).state is State.RESTRICTED


@virtual
async def test_moving_an_unknown_session_is_refused() -> None:
    async with world() as w:
        with pytest.raises(SessionNotFound):
            await w.manager.migrate(command("session.migrate.v1", ANNA, {}))


@virtual
async def test_a_worker_that_is_emptied_hands_everything_over_and_takes_nothing_new() -> None:
    names = [SessionId(f"s{number:02}") for number in range(2 * WAVE + 1)]
    async with fleet(slots=50, others=50) as (first, second):
        await connected(first, *names)
        first.manager.drain()
        await first.until(lambda: not first.manager.session_ids(), seconds=10)
        assert {owner(first, name) for name in names} == {TWO}
        for name in names:
            await second.state(State.CONNECTED, name, seconds=5)
        assert first.capacity[-1] is False
        with pytest.raises(FleetFull):
            await first.create()
        await second.create()
        await second.until(lambda: owner(second, ANNA) == TWO)


@virtual
async def test_what_nobody_has_room_for_is_served_on_until_somebody_has() -> None:
    async with fleet(others=1) as (first, second):
        await connected(first, ANNA, BERT)
        first.manager.drain()
        await first.until(lambda: len(first.manager.session_ids()) == 1, seconds=5)
        (kept,) = first.manager.session_ids()
        moved = ANNA if kept == BERT else BERT
        await asyncio.sleep(600)
        assert first.manager.of(kept).state is State.CONNECTED
        assert first.storage.states(kept).count("disconnected") == 0
        await second.delete(moved)
        await first.until(lambda: owner(first, kept) == TWO, seconds=10)
        await second.state(State.CONNECTED, kept)


@virtual
async def test_a_worker_that_is_emptied_and_stopped_releases_what_it_kept() -> None:
    storage = FakeStorage()
    async with world(storage=storage) as w:
        await w.connected()
        w.manager.drain()
        await asyncio.sleep(60)
        assert w.manager.of(ANNA).state is State.CONNECTED
    assert storage.sessions.rows[ANNA].owner is None
    assert reasons(storage)[-1] == ("disconnected", "worker.stopped")


@virtual
async def test_the_sessions_of_a_worker_that_stops_live_on_elsewhere_at_once() -> None:
    names = [SessionId(f"s{number}") for number in range(5)]
    async with fleet() as (first, second):
        await connected(first, *names)
        await first.manager.stop()
        for name in names:
            await second.state(State.CONNECTED, name, seconds=1)
            assert owner(second, name) == TWO


@virtual
async def test_a_session_for_which_nobody_has_room_is_told_of_once_and_connects_when_there_is() -> None:
    async with fleet(slots=1, others=1) as (first, second):
        await connected(first, ANNA)
        second.storage.keys.blobs[BERT] = b"credentials"
        await second.create(BERT)
        await second.state(State.CONNECTED, BERT)
        third = SessionId("third")
        async with world(storage=first.storage, number=3) as leaving:
            await leaving.connected(third)
        await first.state(State.WAITING_FOR_CAPACITY, third, seconds=10)
        await asyncio.sleep(600)
        assert first.manager.ownership.unserved == second.manager.ownership.unserved == 1
        assert reasons(first.storage, third)[-2:] == [
            ("disconnected", "worker.stopped"),
            ("waiting_for_capacity", "fleet.full"),
        ]
        assert owner(first, third) is None
        await second.delete(BERT)
        await first.state(State.CONNECTED, third, seconds=2)
        assert owner(first, third) == TWO
        await first.until(lambda: first.manager.ownership.unserved == 0, seconds=4)


@virtual
async def test_a_create_of_a_known_session_is_taken_though_its_worker_is_full() -> None:
    async with fleet(slots=1, others=1) as (first, second):
        await connected(first, ANNA)
        second.storage.keys.blobs[BERT] = b"credentials"
        await second.create(BERT)
        await second.state(State.CONNECTED, BERT)
        third = SessionId("third")
        async with world(storage=first.storage, number=3) as leaving:
            await leaving.connected(third)
            await leaving.engine.last.end(Cause.BANNED)
            await leaving.state(State.RESTRICTED, third)
        await first.create(third)
        await first.state(State.WAITING_FOR_CAPACITY, third, seconds=10)
        await first.delete(ANNA)
        await first.state(State.CONNECTED, third)
