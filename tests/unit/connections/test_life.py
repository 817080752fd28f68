"""Sessions are made, paired, lost, found, restarted, logged out and deleted."""

import asyncio
from dataclasses import replace
from typing import cast

import pytest

from gateway_worker.connections.causes import MAX_QUICK_RESTARTS
from gateway_worker.connections.states import State
from gateway_worker.store.errors import StoreUnavailable
from gateway_worker.store.records import Desired
from gateway_worker.whatsapp.errors import StoreRefused
from gateway_worker.whatsapp.facts import Cause, PairingCode, PasskeyRequired, QrCode
from gateway_worker.whatsapp.port import Changes
from schemas.errors import CommandConflict, FleetFull, SessionNotFound, SessionNotPairing
from schemas.events import SessionStatus
from schemas.names import SessionId, WorkerId
from tests.support.connections.fake_engine import FakeConnection
from tests.support.connections.fake_storage import FakeStorage
from tests.support.connections.virtual_time import virtual
from tests.support.connections.world import ANNA, ME, command, log_in, pair_by_qr, show_qr, then, world


@virtual
async def test_a_session_is_paired_by_qr_and_connects_after_the_515() -> None:
    async with world() as w:
        w.engine.script = pair_by_qr
        await w.create()
        await w.state(State.CONNECTED)
        assert w.storage.states(ANNA) == ["connecting", "connecting", "connected"]
        (qr,) = w.announcer.told
        assert isinstance(qr, SessionStatus)
        assert qr.state is State.QR_REQUIRED
        assert qr.qr_string == "2@first"
        assert str(qr.qr_code).startswith("data:image/png;base64,")
        assert w.storage.last_state()["phone"] == ME.phone
        assert w.storage.keys.blobs[ANNA] == b"paired"
        assert w.cache.routes == {ANNA: "worker-1"}
        assert w.cache.qrs == {}


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
        assert w.doors.log[0] == "declare"


@virtual
async def test_each_new_qr_is_told_and_kept_but_changes_the_state_once() -> None:
    async with world() as w:

        async def rotate(connection: FakeConnection) -> None:
            for ref in ("2@a", "2@b", "2@c"):
                await connection.tell(QrCode(text=ref, expires_in=20))
                await asyncio.sleep(20)

        w.engine.script = rotate
        await w.create()
        await w.until(lambda: len(w.announcer.told) == 3)
        assert w.storage.states(ANNA) == ["connecting"]  # qr_required is told without a sequence
        assert (await w.manager.qr(ANNA)).qr_string == "2@c"
        await asyncio.sleep(21)
        with pytest.raises(SessionNotPairing):
            await w.manager.qr(ANNA)


@virtual
async def test_a_session_is_paired_by_code() -> None:
    async with world() as w:

        async def code(connection: FakeConnection) -> None:
            await connection.tell(PairingCode(code="ABCD1234", expires_in=180))

        w.engine.script = code
        await w.create(pairing={"method": "code", "phone": "+15550001111"})
        await w.state(State.CODE_REQUIRED)
        assert w.engine.last.request.pair_with == "15550001111"
        (told,) = w.announcer.told
        assert isinstance(told, SessionStatus)
        assert told.pairing_code == "ABCD1234"
        assert told.expires_at is not None


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
async def test_an_account_gated_by_a_passkey_is_told_at_once_and_the_socket_closed() -> None:
    async with world() as w:

        async def gate(connection: FakeConnection) -> None:
            await show_qr(connection)
            await connection.tell(PasskeyRequired())

        w.engine.script = gate
        await w.create()
        await w.state(State.PASSKEY_REQUIRED)
        assert w.reason == {
            "code": "pairing.passkey_required",
            "message": "WhatsApp asks for a passkey before this account can link a device.",
            "action": "use_passkey",
        }
        await w.until(lambda: w.engine.last.over)
        await asyncio.sleep(3600)
        assert len(w.engine.opened) == 1


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

        async def refuse(connection: FakeConnection) -> None:
            await connection.end(Cause.UNAVAILABLE, 503)

        w.engine.script = refuse
        await w.engine.last.end(Cause.UNAVAILABLE, 503)
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


@virtual
async def test_a_restart_closes_and_opens_with_the_same_credentials() -> None:
    async with world() as w:
        await w.connected()
        await w.restart()
        await w.until(lambda: len(w.engine.opened) == 2)
        await w.state(State.CONNECTED)
        assert w.engine.opened[0].over
        assert w.engine.last.request.credentials == b"credentials"
        assert "disconnected" not in w.storage.states(ANNA)
        row = w.storage.sessions.rows[ANNA]
        assert row.applied_generation == row.generation


@virtual
async def test_an_order_given_at_another_worker_is_carried_out_by_the_owner() -> None:
    async with world() as w:
        await w.connected()
        await w.storage.sessions.desire(ANNA, w.storage.sessions.rows[ANNA].desired, restart=True)
        await w.until(lambda: len(w.engine.opened) == 2)


@virtual
async def test_a_create_of_a_connected_session_changes_nothing() -> None:
    async with world() as w:
        await w.connected()
        before = list(w.storage.events)
        await w.create()
        await asyncio.sleep(5)
        assert w.storage.events == before
        assert len(w.engine.opened) == 1
        assert not w.storage.sessions.rows[ANNA].has_wish


@virtual
async def test_a_logout_unlinks_at_whatsapp_and_destroys_the_credentials() -> None:
    async with world() as w:
        await w.connected()
        await w.logout()
        await w.state(State.LOGGED_OUT)
        assert w.engine.unlinked == [ANNA]
        assert w.storage.keys.blobs == {}
        assert w.reason["code"] == "session.logged_out"
        await asyncio.sleep(3600)
        assert len(w.engine.opened) == 1


@virtual
async def test_a_logout_of_a_session_that_is_away_connects_to_unlink_it() -> None:
    async with world() as w:
        await w.connected()
        await w.engine.last.end(Cause.REPLACED)
        await w.state(State.FAILED)
        await w.logout()
        await w.state(State.LOGGED_OUT)
        assert w.engine.unlinked == [ANNA]


@virtual
async def test_a_logout_that_whatsapp_never_hears_destroys_the_credentials_and_says_so() -> None:
    async with world() as w:
        await w.connected()
        w.engine.script = None  # connects to nothing from now on
        await w.engine.last.end(Cause.LOST)
        await w.logout()
        await w.state(State.LOGGED_OUT)
        assert w.engine.unlinked == []
        assert w.storage.keys.blobs == {}
        assert w.reason["code"] == "session.unlink_unconfirmed"


@virtual
async def test_a_logged_out_session_restarts_into_a_new_pairing() -> None:
    async with world() as w:
        await w.connected()
        await w.logout()
        await w.state(State.LOGGED_OUT)
        w.engine.script = show_qr
        await w.restart()
        await w.state(State.QR_REQUIRED)


@virtual
async def test_a_delete_leaves_nothing_behind_and_happens_in_order() -> None:
    async with world() as w:
        found: list[bool] = []

        def drained(session_id: SessionId) -> None:
            with pytest.raises(SessionNotFound):
                w.manager.of(session_id)
            found.append(session_id in w.storage.sessions.rows)

        w.doors.drained = drained
        await w.connected()
        await w.delete()
        await w.until(lambda: ANNA not in w.storage.sessions.rows)
        assert w.engine.unlinked == [ANNA]
        assert w.storage.states(ANNA)[-1] == "deleted"
        assert w.doors.log[-2:] == ["pause", "delete"]
        assert w.announcer.log == ["flushed"]
        assert found == [True]  # the row goes last, so that a crash before it resumes
        assert w.cache.routes == {}
        assert w.storage.keys.blobs == {}
        with pytest.raises(SessionNotFound):
            await w.manager.describe(ANNA)


@virtual
async def test_a_delete_that_was_interrupted_after_its_event_is_finished_at_boot() -> None:
    storage = FakeStorage()
    async with world(storage=storage) as w:
        await w.connected()
    row = storage.sessions.rows[ANNA]
    storage.sessions.rows[ANNA] = replace(row, state="deleted")
    await storage.sessions.desire(ANNA, Desired.DELETED)
    async with world(storage=storage) as w:
        await w.until(lambda: ANNA not in storage.sessions.rows)
        assert w.engine.opened == []
        assert w.doors.log[-2:] == ["pause", "delete"]


@virtual
async def test_a_session_deleted_and_made_again_is_another_one() -> None:
    async with world() as w:
        await w.connected()
        epoch = w.storage.sessions.rows[ANNA].epoch
        await w.delete()
        w.engine.script = show_qr
        await w.create()  # waits for the deletion
        await w.state(State.QR_REQUIRED)
        assert w.storage.sessions.rows[ANNA].epoch > epoch


@virtual
@pytest.mark.parametrize("kind", ["restart", "logout", "delete"])
async def test_an_order_for_an_unknown_session_is_refused(kind: str) -> None:
    async with world() as w:
        with pytest.raises(SessionNotFound):
            await getattr(w.manager, kind)(command(f"session.{kind}.v1", ANNA, {}))


@virtual
async def test_a_session_of_another_user_is_not_handed_over() -> None:
    async with world() as w:
        await w.create()
        with pytest.raises(CommandConflict):
            await w.create(userId="somebody-else")


@virtual
async def test_a_full_worker_takes_no_new_session_and_says_when_there_is_room_again() -> None:
    async with world(max_sessions=1) as w:
        await w.connected()
        with pytest.raises(FleetFull):
            await w.create(SessionId("second"))
        assert SessionId("second") not in w.storage.sessions.rows
        await w.delete()
        await w.until(lambda: w.capacity == [True, False, True])
        await w.create(SessionId("second"))


@virtual
async def test_a_session_that_lives_elsewhere_is_left_there_with_the_order() -> None:
    async with world() as w:
        await w.create()
        row = w.storage.sessions.rows[ANNA]
        bert = replace(
            row, session_id=SessionId("bert"), owner=WorkerId("other"), incarnation="run-other", applied_generation=1
        )
        w.storage.sessions.rows[SessionId("bert")] = bert
        await w.create(SessionId("bert"))
        with pytest.raises(SessionNotFound):
            w.manager.of(SessionId("bert"))
        assert w.storage.sessions.rows[SessionId("bert")].has_wish


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
        assert w.doors.log[-1] == "pause"
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


@virtual
async def test_the_door_is_paused_after_a_long_absence_and_open_when_the_session_is_back() -> None:
    async with world() as w:
        await w.connected()

        async def refuse(connection: FakeConnection) -> None:
            await connection.end(Cause.UNAVAILABLE, 503)

        w.engine.script = refuse
        await w.engine.last.end(Cause.UNAVAILABLE, 503)
        await asyncio.sleep(290)
        assert w.doors.log == ["declare", "open"]
        await asyncio.sleep(20)
        assert w.doors.log == ["declare", "open", "pause"]
        w.engine.script = log_in
        await w.state(State.CONNECTED, seconds=61)
        await w.until(lambda: w.doors.log == ["declare", "open", "pause", "open"])


@virtual
async def test_the_door_of_a_session_without_hope_is_open_so_that_commands_are_answered() -> None:
    async with world() as w:
        await w.connected()
        await w.engine.last.end(Cause.BANNED)
        await w.state(State.RESTRICTED)
        await asyncio.sleep(3600)
        assert w.doors.log == ["declare", "open"]


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
