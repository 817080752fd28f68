"""Sessions are restarted, logged out and deleted, wherever the order was given."""

import asyncio
from dataclasses import replace

import pytest

from gateway_worker.connections.lifecycle.states import State
from gateway_worker.store.records import Desired
from gateway_worker.whatsapp.facts import Cause
from schemas.errors import CommandConflict, FleetFull, SessionNotFound
from schemas.names import SessionId, WorkerId
from tests.support.connections.fake_storage import FakeStorage
from tests.support.connections.virtual_time import virtual
from tests.support.connections.world import ANNA, World, command, log_in, show_qr, world


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

        w.queues.drained = drained
        await w.connected()
        await w.delete()
        await w.until(lambda: ANNA not in w.storage.sessions.rows)
        assert w.engine.unlinked == [ANNA]
        assert w.storage.states(ANNA)[-1] == "deleted"
        assert w.queues.log[-2:] == ["pause", "delete"]
        assert w.announcer.log == ["flushed"]
        assert found == [True]  # the row goes last, so that a crash before it resumes
        assert w.cache.routes == {}
        assert w.storage.keys.blobs == {}
        with pytest.raises(SessionNotFound):
            await w.manager.queries.describe(command("session.describe.v1", ANNA, {}))


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
        assert w.queues.log[-2:] == ["pause", "delete"]


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


def told(w: World) -> list[tuple[str, str | None]]:
    """Each told state, with what the command of that order is known by at the backend."""
    return [(state, None if cause is None else cause.correlation_id) for state, cause in w.storage.causes]


@virtual
async def test_what_an_order_leads_to_names_its_command_and_what_happens_by_itself_names_none() -> None:
    async with world() as w:
        w.engine.script = log_in
        w.storage.keys.blobs[ANNA] = b"credentials"
        data = {"sessionId": ANNA, "userId": "user-1", "pairing": {"method": "qr"}}
        created = command("session.create.v1", ANNA, data, correlationid="signup-7", tenant="acme")
        await w.manager.create(created)
        await w.state(State.CONNECTED)
        assert told(w) == [("connecting", "signup-7"), ("connected", "signup-7")]
        assert {cause and (cause.command_id, cause.carried["tenant"]) for _, cause in w.storage.causes} == {
            (created.id, "acme")
        }
        w.storage.causes.clear()

        await w.engine.last.end(Cause.LOST)
        await w.until(lambda: len(w.engine.opened) == 2)
        await w.state(State.CONNECTED)
        assert told(w) == [("disconnected", None), ("connecting", None), ("connected", None)]
        w.storage.causes.clear()

        await w.manager.restart(command("session.restart.v1", ANNA, {}, correlationid="again-8"))
        await w.until(lambda: len(w.engine.opened) == 3)
        await w.state(State.CONNECTED)
        await w.manager.logout(command("session.logout.v1", ANNA, {}, correlationid="leave-9"))
        await w.state(State.LOGGED_OUT)
        assert told(w)[-3:] == [("connecting", "again-8"), ("connected", "again-8"), ("logged_out", "leave-9")]


@virtual
async def test_a_create_that_changes_nothing_is_not_named_by_what_comes_later() -> None:
    async with world() as w:
        await w.connected()
        await w.create()
        await w.until(lambda: not w.storage.sessions.rows[ANNA].has_wish)
        w.storage.causes.clear()
        await w.engine.last.end(Cause.LOST)
        await w.until(lambda: len(w.engine.opened) == 2)
        assert {cause for _, cause in w.storage.causes} == {None}
