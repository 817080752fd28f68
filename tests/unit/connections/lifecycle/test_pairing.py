"""Sessions are made and paired."""

import asyncio

import pytest

from gateway_worker.connections.lifecycle.causes import MAX_QUICK_RESTARTS
from gateway_worker.connections.lifecycle.states import State
from gateway_worker.store.errors import StoreUnavailable
from gateway_worker.whatsapp.facts import Cause, Named, PairingCode, QrCode
from gateway_worker.whatsapp.port import Changes
from schemas.errors import SessionNotPairing
from schemas.events.sessions import SessionStatus
from tests.support.connections.fake_engine import FakeConnection
from tests.support.connections.virtual_time import virtual
from tests.support.connections.world import ANNA, ME, command, pair_by_qr, show_qr, world


@virtual
async def test_a_session_is_paired_by_qr_and_connects_after_the_515() -> None:
    async with world() as w:
        w.engine.script = pair_by_qr
        await w.create()
        await w.state(State.CONNECTED)
        assert w.storage.states(ANNA) == ["connecting", "connecting", "connected"]
        (qr,) = w.announcer.announced
        assert isinstance(qr, SessionStatus)
        assert qr.state is State.QR_REQUIRED
        assert qr.qr_string == "2@first"
        assert str(qr.qr_code).startswith("data:image/png;base64,")
        assert w.storage.last_state()["phone"] == ME.phone
        assert w.storage.keys.blobs[ANNA] == b"paired"
        assert w.cache.routes == {ANNA: "worker-1"}
        assert w.cache.qrs == {}


@virtual
async def test_a_name_that_the_phone_tells_later_is_told_once_and_stored() -> None:
    async with world() as w:
        w.engine.script = pair_by_qr
        await w.create()
        await w.state(State.CONNECTED)
        for name in (ME.push_name, "Anna Maria", "Anna Maria"):
            await w.engine.last.notify(Named(push_name=str(name)))
        seen = [data for kind, data in w.storage.events if kind == "profile.updated.v1"]
        assert [(data["pushName"], data["changed"]) for data in seen] == [("Anna Maria", ["pushName"])]
        assert w.storage.sessions.rows[ANNA].push_name == "Anna Maria"
        assert w.storage.states(ANNA)[-1] == "connected"


@virtual
async def test_a_515_is_neither_waited_for_nor_told_as_a_disconnection() -> None:
    async with world() as w:
        w.engine.script = pair_by_qr
        await w.create()
        await w.state(State.CONNECTED, seconds=0.2)
        assert "disconnected" not in w.storage.states(ANNA)


@virtual
async def test_a_server_that_only_ever_says_515_is_backed_off_from() -> None:
    async with world() as w:

        async def restart_again(connection: FakeConnection) -> None:
            await connection.end(Cause.RESTART_REQUIRED, 515)

        w.engine.script = restart_again
        w.storage.keys.blobs[ANNA] = b"credentials"
        await w.create()
        await w.until(lambda: "disconnected" in w.storage.states(ANNA))
        assert len(w.engine.opened) == MAX_QUICK_RESTARTS + 1


@virtual
async def test_the_queue_exists_when_create_returns() -> None:
    async with world() as w:
        await w.create()
        assert w.queues.log[0] == "declare"


@virtual
async def test_each_new_qr_is_told_and_kept_but_changes_the_state_once() -> None:
    async with world() as w:

        async def rotate(connection: FakeConnection) -> None:
            for ref in ("2@a", "2@b", "2@c"):
                await connection.notify(QrCode(text=ref, expires_in=20))
                await asyncio.sleep(20)

        w.engine.script = rotate
        await w.create()
        await w.until(lambda: len(w.announcer.announced) == 3)
        assert w.storage.states(ANNA) == ["connecting"]  # qr_required is told without a sequence
        assert (await w.manager.queries.qr(command("session.qr.v1", ANNA, {}))).qr_string == "2@c"
        await asyncio.sleep(21)
        with pytest.raises(SessionNotPairing):
            await w.manager.queries.qr(command("session.qr.v1", ANNA, {}))


@virtual
async def test_a_session_is_paired_by_code() -> None:
    async with world() as w:

        async def code(connection: FakeConnection) -> None:
            await connection.notify(PairingCode(code="ABCD1234", expires_in=180))

        w.engine.script = code
        await w.create(pairing={"method": "code", "phone": "+15550001111"})
        await w.state(State.CODE_REQUIRED)
        assert w.engine.last.request.pair_with == "15550001111"
        (fact,) = w.announcer.announced
        assert isinstance(fact, SessionStatus)
        assert fact.pairing_code == "ABCD1234"
        assert fact.expires_at is not None


@virtual
async def test_a_pairing_nobody_completes_ends_and_a_new_create_begins_again() -> None:
    async with world() as w:

        async def time_out(connection: FakeConnection) -> None:
            await show_qr(connection)
            await asyncio.sleep(160)
            await connection.end(Cause.PAIRING_TIMEOUT, 408)

        w.engine.script = time_out
        await w.create()
        await w.state(State.QR_REQUIRED)
        await w.state(State.DISCONNECTED, seconds=200)
        assert w.reason["code"] == "pairing.timeout"
        assert w.reason["action"] == "rescan"
        assert "retryAt" not in w.storage.last_state()
        await asyncio.sleep(3600)
        assert len(w.engine.opened) == 1
        await w.create()
        await w.state(State.QR_REQUIRED)
        assert len(w.engine.opened) == 2


@virtual
async def test_keys_of_a_pairing_under_way_are_not_stored() -> None:
    async with world() as w:

        async def half(connection: FakeConnection) -> None:
            await show_qr(connection)
            await connection.commit(Changes(keys={("pre-key", "1"): b"k"}))

        w.engine.script = half
        await w.create()
        await w.state(State.QR_REQUIRED)
        await asyncio.sleep(1)
        assert not w.storage.keys.keys[ANNA]
        assert await w.engine.last.owner.load_keys("pre-key", ["1", "2"]) == {"1": b"k"}


@virtual
async def test_a_session_unlinked_from_the_phone_pairs_afresh_when_it_is_created_again() -> None:
    async with world() as w:
        await w.connected()
        await w.engine.last.end(Cause.LOGGED_OUT, 401)
        await w.state(State.LOGGED_OUT)
        w.engine.script = pair_by_qr
        await w.create()
        await w.state(State.CONNECTED)
        assert w.engine.opened[1].request.credentials is None
        assert w.storage.keys.blobs[ANNA] == b"paired"


@virtual
async def test_a_pairing_replaces_the_keys_of_the_old_identity() -> None:
    async with world() as w:
        await w.connected()
        await w.engine.last.commit(Changes(keys={("session", "old"): b"ratchet"}))
        await w.engine.last.end(Cause.LOGGED_OUT, 401)
        await w.state(State.LOGGED_OUT)
        w.engine.script = pair_by_qr
        await w.create()
        await w.state(State.CONNECTED)
        assert dict(w.storage.keys.keys[ANNA]) == {("pre-key", "1"): b"k"}


@virtual
async def test_a_pairing_that_cannot_be_stored_is_refused_before_whatsapp_completes_it() -> None:
    async with world() as w:
        w.engine.script = show_qr
        await w.create()
        await w.state(State.QR_REQUIRED)
        await w.engine.last.commit(Changes(keys={("pre-key", "1"): b"k"}))
        w.storage.away = True
        with pytest.raises(StoreUnavailable):
            await w.engine.last.commit(Changes(credentials=b"paired"))
        w.storage.away = False
        assert w.storage.keys.blobs == {}
        await w.engine.last.commit(Changes(credentials=b"paired"))
        assert w.storage.keys.blobs[ANNA] == b"paired"
        assert w.storage.keys.keys[ANNA] == {("pre-key", "1"): b"k"}
        await w.engine.last.commit(Changes(credentials=b"whole"))
        assert w.storage.keys.blobs[ANNA] == b"whole"
