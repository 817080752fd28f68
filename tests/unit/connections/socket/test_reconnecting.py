"""Connections are lost and come back; what a person must mend is told."""

import asyncio
from typing import cast

import pytest

from gateway_worker.connections.lifecycle.states import State
from gateway_worker.whatsapp.facts import Cause
from tests.support.connections.fake_engine import FakeConnection
from tests.support.connections.virtual_time import virtual
from tests.support.connections.world import ANNA, World, log_in, show_qr, then, world


async def _refuse(connection: FakeConnection) -> None:
    await connection.end(Cause.UNAVAILABLE, 503)


async def _go_away(w: World) -> None:
    """WhatsApp answers 503 from now on, on the connection that there is and on every later one."""
    w.engine.script = _refuse
    await _refuse(w.engine.last)


@virtual
@pytest.mark.parametrize("cause", [Cause.LOST, Cause.CLOSED, Cause.UNAVAILABLE, Cause.BRIDGE_DIED, Cause.STORE_FAILED])
async def test_a_lost_connection_comes_back_by_itself(cause: Cause) -> None:
    async with world() as w:
        await w.connected()
        await w.engine.last.end(cause)
        await w.state(State.DISCONNECTED, seconds=0.1)
        assert "retryAt" in w.storage.last_state()
        await w.state(State.CONNECTED, seconds=2)
        assert w.storage.states(ANNA)[-3:] == ["disconnected", "connecting", "connected"]


@virtual
async def test_a_whatsapp_that_is_away_for_long_is_tried_for_ever_with_growing_waits() -> None:
    async with world() as w:
        await w.connected()
        await _go_away(w)
        await asyncio.sleep(3600)
        assert 60 <= len(w.engine.opened) <= 140
        w.engine.script = log_in
        await w.state(State.CONNECTED, seconds=61)


@virtual
async def test_an_engine_without_a_process_is_tried_again() -> None:
    async with world() as w:
        w.engine.refuses = True
        await w.create()
        await w.state(State.DISCONNECTED)
        w.engine.refuses = False
        w.engine.script = show_qr
        await w.state(State.QR_REQUIRED)


@virtual
async def test_a_socket_on_which_whatsapp_says_nothing_is_given_up() -> None:
    async with world() as w:
        w.engine.script = None
        await w.create()
        await w.until(lambda: len(w.engine.opened) == 2, seconds=70)
        reasons = [cast("dict[str, str]", data["reason"]) for _, data in w.storage.events if "reason" in data]
        assert [reason["code"] for reason in reasons] == ["connection.silent"]


@virtual
@pytest.mark.parametrize(
    ("cause", "state", "code", "action"),
    [
        (Cause.REPLACED, State.FAILED, "session.replaced", "contact_support"),
        (Cause.BANNED, State.RESTRICTED, "account.restricted", "contact_support"),
        (Cause.OUTDATED, State.FAILED, "client.outdated", "upgrade"),
        (Cause.UNTRUSTED, State.FAILED, "connection.untrusted", "contact_support"),
        (Cause.LOGGED_OUT, State.LOGGED_OUT, "session.logged_out", "rescan"),
    ],
)
async def test_what_a_person_must_mend_is_told_and_not_fought(
    cause: Cause, state: State, code: str, action: str
) -> None:
    async with world() as w:
        await w.connected()
        await w.engine.last.end(cause)
        await w.state(state)
        assert (w.reason["code"], w.reason["action"]) == (code, action)
        await asyncio.sleep(3600)
        assert len(w.engine.opened) == 1
        assert w.storage.keys.blobs[ANNA] == b"credentials"  # never deleted because of a code


@virtual
async def test_a_replaced_connection_alarms_the_operator_and_a_restart_takes_it_back() -> None:
    async with world() as w:
        await w.connected()
        await w.engine.last.end(Cause.REPLACED, 440)
        await w.state(State.FAILED)
        assert w.observer.codes == ["session.replaced"]
        await w.restart()
        await w.state(State.CONNECTED)
        assert w.engine.last.request.credentials == b"credentials"


@pytest.mark.no_cover  # a day of every chore, which others measure
@virtual
async def test_an_outdated_client_is_tried_again_once_a_day() -> None:
    async with world() as w:
        await w.connected()
        await w.engine.last.end(Cause.OUTDATED, 405)
        await w.state(State.FAILED)
        await w.state(State.CONNECTED, seconds=86_500)


@virtual
async def test_a_bad_session_is_tried_a_few_times_and_then_fails() -> None:
    async with world() as w:
        await w.connected()

        async def refuse(connection: FakeConnection) -> None:
            await connection.end(Cause.BAD_SESSION, 500)

        w.engine.script = refuse
        await w.engine.last.end(Cause.BAD_SESSION, 500)
        await w.state(State.FAILED)
        assert len(w.engine.opened) == 3
        assert w.observer.codes == ["session.bad"]
        assert w.storage.keys.blobs[ANNA] == b"credentials"


@virtual
async def test_the_queue_is_paused_after_a_long_absence_and_open_when_the_session_is_back() -> None:
    async with world() as w:
        await w.connected()
        await _go_away(w)
        await asyncio.sleep(290)
        assert w.queues.log == ["declare", "open"]
        await asyncio.sleep(20)
        assert w.queues.log == ["declare", "open", "pause"]
        w.engine.script = log_in
        await w.state(State.CONNECTED, seconds=61)
        await w.until(lambda: w.queues.log == ["declare", "open", "pause", "open"])


@virtual
async def test_the_queue_of_a_session_without_hope_is_open_so_that_commands_are_answered() -> None:
    async with world() as w:
        await w.connected()
        await w.engine.last.end(Cause.BANNED)
        await w.state(State.RESTRICTED)
        await asyncio.sleep(3600)
        assert w.queues.log == ["declare", "open"]


@virtual
async def test_a_stable_connection_that_falls_comes_back_quickly_each_time() -> None:
    async with world() as w:
        await w.connected()
        w.engine.script = then(Cause.LOST)  # falls after a second, so the waits grow
        await w.engine.last.end(Cause.LOST)
        await w.until(lambda: len(w.engine.opened) == 6, seconds=120)
        w.engine.script = log_in
        await w.until(lambda: len(w.engine.opened) == 7, seconds=70)
        await w.state(State.CONNECTED)
        await asyncio.sleep(40)
        await w.engine.last.end(Cause.LOST)
        await w.state(State.CONNECTED, seconds=1.2)
