"""What becomes of sessions when their database went back in time."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import asyncpg
import pytest

from gateway_worker.store.errors import StoreUnavailable
from gateway_worker.store.operations.identity import PutCredentials, PutKeys
from gateway_worker.store.operations.sessions import ChangeState
from gateway_worker.store.postgres.guard import Guard, look
from gateway_worker.store.postgres.lineage import EPOCH_STEP, SEQUENCE_STEP, LineagePosition
from gateway_worker.store.records import Desired, Fence, NewSession
from gateway_worker.store.store import Store
from schemas.names import SessionId, UserId, WorkerId
from tests.integration.store.conftest import SESSION
from tests.support.services.private_services import query

WORKER = WorkerId("worker-1")
KEYS: Mapping[tuple[str, str], bytes | None] = {("lid-mapping", "1"): b"1@lid", ("session", "1.0"): b"ratchet"}
KEPT = frozenset({"lid-mapping"})


def later(credentials: bytes, lives: int) -> bytes:
    return credentials + b" later" * lives


async def pair(store: Store, fence: Fence) -> None:
    await store.commit(
        fence,
        PutCredentials(blob=b"credentials"),
        PutKeys(keys=KEYS),
        ChangeState(state="connected", event={"state": "connected"}),
    )


async def renew(store: Store, position: LineagePosition) -> int:
    return await store.renewal.renew(position, rejuvenate=later, kept=KEPT, worker_id=WORKER)


async def went_back(store: Store, mark: LineagePosition | None = None) -> LineagePosition:
    now = await store.renewal.position(highest=True)
    await store.renewal.begin(now, mark or now)
    return await store.renewal.position(highest=True)


async def test_a_session_goes_on_beyond_everybody_without_ratchets_and_says_so_once(store: Store, fence: Fence) -> None:
    await pair(store, fence)
    now = await store.renewal.position(highest=True)
    position = await went_back(store, replace(now, sequence=3 * SEQUENCE_STEP + 7, epoch=9))
    assert await store.ownership.claim(SESSION, WORKER, "run-1") is None, "nobody's until it is renewed"

    assert await renew(store, position) == 1
    assert await renew(store, position) == 0

    found = await store.sessions.get(SESSION)
    assert found is not None
    assert (found.sequence, found.epoch) == (5 * SEQUENCE_STEP + 1, 2 * EPOCH_STEP)
    assert (found.state, found.owner, found.desired) == ("disconnected", None, Desired.CONNECTED)
    assert await store.keys.credentials(SESSION) == b"credentials later"
    assert await store.keys.load(SESSION, "session", ["1.0"]) == {}
    assert await store.keys.load(SESSION, "lid-mapping", ["1"]) == {"1": b"1@lid"}
    shown = [event.sequence for event in await store.outbox.pending(SESSION, 0, 10) if "reason" in event.data]
    assert (shown, found.reason and found.reason["code"]) == ([found.sequence], "session.restored")
    assert await store.ownership.claim(SESSION, WORKER, "run-1") is not None


async def test_one_that_cannot_be_read_stays_behind_and_holds_up_no_other(store: Store, fence: Fence) -> None:
    await pair(store, fence)
    for number in range(3):
        name = SessionId(f"other-{number}")
        await store.sessions.create_or_get(NewSession(session_id=name, user_id=UserId("u"), pairing={"method": "qr"}))
    position = await went_back(store)

    def unreadable(credentials: bytes, _lives: int) -> bytes:
        raise ValueError(f"{len(credentials)} bytes that are none of ours")

    renewal = store.renewal
    assert await renewal.renew(position, rejuvenate=unreadable, kept=KEPT, worker_id=WORKER) == 3
    assert await renewal.behind(position) == 1
    assert await store.ownership.claim(SESSION, WORKER, "run-1") is None
    assert await renew(store, position) == 1


async def test_the_mark_of_the_outbox_passes_over_the_jump_and_over_nothing_else(store: Store, fence: Fence) -> None:
    await pair(store, fence)
    await renew(store, await went_back(store))
    before, after = await store.outbox.pending(SESSION, 0, 10)
    await store.outbox.mark_published([(SESSION, after.sequence)])
    assert await store.outbox.pending(SESSION, 0, 10) == [before, after], "what came before is not published yet"
    await store.outbox.mark_published([(SESSION, before.sequence)])
    assert await store.outbox.pending(SESSION, 0, 10) == []


async def test_one_that_nobody_knows_any_more_begins_beyond_what_it_may_have_told(store: Store) -> None:
    now = await store.renewal.position(highest=True)
    position = await went_back(store, replace(now, sequence=40, epoch=3))
    made = await store.sessions.create_or_get(
        NewSession(session_id=SessionId("lost"), user_id=UserId("u"), pairing={"method": "qr"})
    )
    assert (made.sequence, made.epoch) == (2 * SEQUENCE_STEP, 2 * EPOCH_STEP) == (position.sequence, position.epoch)
    assert await store.renewal.behind(position) == 0


async def test_data_that_came_beside_the_row_of_a_schema_made_anew_are_worked_with(
    store: Store, fence: Fence, migrated_database_url: str
) -> None:
    """As ``pg_restore --data-only`` leaves it."""
    await pair(store, fence)
    await query(
        migrated_database_url,
        "INSERT INTO lineage (number, sequence, epoch, since) VALUES (2, 500, 7, now()) RETURNING 1",
    )
    assert (await store.renewal.position(highest=False)).number == 2
    await store.renewal.tidy()
    await store.renewal.tidy()
    assert await query(migrated_database_url, "SELECT sum(number) || ' ' || count(*) FROM lineage") == "2 1"
    assert await store.ownership.claim(SESSION, WORKER, "run-1") is None, "of number 0: behind"


async def test_only_one_at_a_time_looks(store: Store) -> None:
    async with store.renewal.alone():
        with pytest.raises(StoreUnavailable):
            async with store.renewal.alone():
                pass
    async with store.renewal.alone():
        pass


async def test_a_connection_to_a_database_that_went_back_is_refused_and_everything_with_it(
    store: Store, fence: Fence, migrated_database_url: str
) -> None:
    heard: list[str] = []
    store.guard.on_refusal(heard.append)
    store.guard.begin(await store.renewal.position(highest=True))
    await pair(store, fence)
    await query(migrated_database_url, "UPDATE lineage SET since = now() RETURNING 1")  # written anew, as by a restore
    with pytest.raises(StoreUnavailable):
        async with store.renewal.alone():  # opens a connection
            pass
    assert heard == ["another row"]
    with pytest.raises(StoreUnavailable):
        await store.sessions.get(SESSION)


async def test_a_thousand_sessions_are_renewed_in_seconds(
    store: Store, fence: Fence, migrated_database_url: str
) -> None:
    await pair(store, fence)
    await query(
        migrated_database_url,
        "INSERT INTO sessions SELECT (jsonb_populate_record(s, jsonb_build_object('id', s.id || n))).*"
        f" FROM sessions AS s, generate_series(1, 1000) AS n WHERE s.id = '{SESSION}' RETURNING 1",
    )
    await query(
        migrated_database_url,
        f"INSERT INTO outbox_marks SELECT id, sequence FROM sessions WHERE id <> '{SESSION}' RETURNING 1",
    )
    position, began = await went_back(store), time.monotonic()
    assert await renew(store, position) == 1001
    assert time.monotonic() - began < 30


async def test_maintenance_is_no_restore(store: Store, migrated_database_url: str) -> None:
    begun = await store.renewal.position(highest=True)
    for work in ("VACUUM (FREEZE) lineage", "VACUUM FULL lineage", "REINDEX TABLE lineage", "ANALYZE", "CHECKPOINT"):
        await query(migrated_database_url, work)
    assert (await store.renewal.position(highest=True)).parted(begun) is None


async def test_a_server_that_hides_its_identifier_still_says_where_its_log_is(migrated_database_url: str) -> None:
    for hidden, seen in (("pg_control_system()", True), ("pg_walfile_name(pg_lsn)", False)):
        role = f"hidden_{'log' if not seen else 'id'}_{uuid.uuid4().hex}"
        connection = cast("Any", await asyncpg.connect(migrated_database_url))  # it ships no types
        try:
            for statement in (
                f"REVOKE EXECUTE ON FUNCTION {hidden} FROM PUBLIC",
                f"CREATE ROLE {role}",
                f"GRANT SELECT ON lineage, sessions TO {role}",
                f"SET ROLE {role}",
            ):
                await connection.execute(statement)
            found = await look(connection)
            await connection.execute("RESET ROLE")
            await connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
        finally:
            await connection.close()
        assert "system" not in found.identity
        assert ("timeline" in found.identity, found.position is not None) == (seen, seen)


def test_answers_that_overtake_each_other_are_no_restore() -> None:
    guard = Guard()
    begun = LineagePosition(number=3, sequence=0, epoch=0, position=100)
    guard.begin(begun)
    for position in (300, 200):  # asked for side by side, and the later one answered first
        guard.compare(replace(begun, position=position), begun)
    assert guard.refusal is None
    assert guard.since == replace(begun, position=300)
    with pytest.raises(StoreUnavailable):
        guard.compare(replace(begun, position=250), replace(begun, position=300))
