"""A worker leaves, or was killed, or lost its sessions to another one."""

import asyncio
from dataclasses import replace

import pytest

from gateway_worker.connections.lifecycle.states import State
from gateway_worker.whatsapp.errors import StoreRefused
from gateway_worker.whatsapp.facts import Cause
from gateway_worker.whatsapp.port import Changes
from schemas.names import SessionId, WorkerId
from tests.support.connections.fake_storage import FakeStorage
from tests.support.connections.virtual_time import virtual
from tests.support.connections.world import ANNA, log_in, world


@virtual
async def test_leaving_closes_tells_and_releases_and_the_next_run_brings_all_back() -> None:
    storage = FakeStorage()
    names = [SessionId(f"s{number}") for number in range(5)]
    async with world(storage=storage) as w:
        for name in names:
            await w.connected(name)
    assert {row.owner for row in storage.sessions.rows.values()} == {None}
    assert storage.last_state()["state"] == "disconnected"
    assert storage.last_state()["reason"] == {
        "code": "worker.stopped",
        "message": "The worker stopped; the session connects again elsewhere.",
        "action": "none",
    }
    async with world(storage=storage) as w:
        w.engine.script = log_in
        for name in names:
            await w.state(State.CONNECTED, name, seconds=1)


@virtual
async def test_what_a_killed_worker_held_comes_back_at_its_next_start() -> None:
    storage = FakeStorage()
    async with world(storage=storage) as w:
        await w.connected()
        row = storage.sessions.rows[ANNA]
    storage.sessions.rows[ANNA] = replace(row, incarnation="run-0")  # as if it had never left
    async with world(storage=storage) as w:
        w.engine.script = log_in
        await w.opened(1, seconds=1)
        await w.state(State.CONNECTED, seconds=1)
        assert storage.sessions.rows[ANNA].epoch == row.epoch + 1


@virtual
async def test_a_session_that_waits_for_a_person_is_not_connected_by_a_restart_of_the_worker() -> None:
    storage = FakeStorage()
    async with world(storage=storage) as w:
        await w.connected()
        await w.engine.last.end(Cause.BANNED)
        await w.state(State.RESTRICTED)
    async with world(storage=storage) as w:
        await asyncio.sleep(3600)
        assert w.engine.opened == []
        assert w.manager.of(ANNA).state is State.RESTRICTED


@virtual
async def test_a_session_taken_over_elsewhere_stops_here_and_writes_nothing() -> None:
    async with world() as w:
        await w.connected()
        rows = w.storage.sessions.rows
        rows[ANNA] = replace(rows[ANNA], epoch=rows[ANNA].epoch + 1, owner=WorkerId("other"), incarnation="run-other")
        before = list(w.storage.events)
        await w.engine.last.end(Cause.LOST)
        await w.until(lambda: not w.manager.session_ids())
        assert w.storage.events == before
        assert w.queues.log[-1] == "pause"
        assert rows[ANNA].owner == "other"


@virtual
async def test_a_connection_that_is_over_writes_no_keys_any_more() -> None:
    async with world() as w:
        await w.connected()
        first = w.engine.last
        await first.end(Cause.LOST)
        await w.opened(2)
        await w.state(State.CONNECTED)
        with pytest.raises(StoreRefused):
            await first.commit(Changes(keys={("session", "x"): b"stale"}))
        assert w.storage.keys.keys[ANNA] == {}


@virtual
async def test_a_change_of_state_waits_for_the_database() -> None:
    async with world() as w:
        await w.connected()
        w.storage.away = True
        await w.engine.last.end(Cause.LOST)
        await asyncio.sleep(30)
        w.storage.away = False
        await w.opened(2)
        await w.state(State.CONNECTED)
        assert w.storage.states(ANNA)[-3:] == ["disconnected", "connecting", "connected"]
