from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway_worker.store.errors import RestoreRefused, SchemaMismatch, SnapshotInvalid, Tampered
from gateway_worker.store.operations.identity import DropCredentials, PutCredentials, PutKeys
from gateway_worker.store.operations.sessions import ChangeState
from gateway_worker.store.records import Desired, Fence, NewSession
from gateway_worker.store.snapshots.format import EPOCH_STEP, Moment
from gateway_worker.store.snapshots.snapshots import Removal, SealedSnapshot
from gateway_worker.store.store import Store
from gateway_worker.store.writing.writers.identity import LATE_WRITES
from schemas.names import SessionId, UserId, WorkerId
from tests.integration.store.conftest import SESSION
from tests.support.services.private_services import query
from tests.support.store.stores import KEY, OTHER_KEY, TestClock, arrived, opened

KINDS = frozenset({"lid-mapping"})
WORKER = WorkerId("worker-1")
KEYS: Mapping[tuple[str, str], bytes | None] = {
    ("lid-mapping", "1"): b"1@lid",
    ("session", "1.0"): b"ratchet",
    ("pre-key", "7"): b"prekey",
}


def as_it_is(credentials: bytes) -> bytes:
    return credentials


def revived(credentials: bytes) -> bytes:
    return b"revived " + credentials


async def pair(store: Store, fence: Fence) -> None:
    """Give the session an identity, and an event that tells of it."""
    await store.commit(
        fence,
        PutCredentials(blob=b"credentials"),
        PutKeys(keys=KEYS),
        ChangeState(state="connected", phone="+15550001111", jid="1@s.whatsapp.net", event={"state": "connected"}),
    )


async def take(store: Store, fence: Fence) -> SealedSnapshot | None:
    return await store.snapshots.take(fence, KINDS, as_it_is)


async def taken(store: Store, fence: Fence) -> SealedSnapshot:
    sealed = await take(store, fence)
    assert sealed is not None
    return sealed


def moment(sealed: SealedSnapshot) -> Moment:
    return Moment(session_id=sealed.fence.session_id, epoch=sealed.fence.epoch, sequence=sealed.sequence)


async def restore(store: Store, sealed: SealedSnapshot, **more: Any) -> int:
    return await store.restorer.restore(sealed.body, moment(sealed), revive=revived, worker_id=WORKER, **more)


async def test_a_session_without_an_identity_has_nothing_to_keep(store: Store, fence: Fence) -> None:
    assert await take(store, fence) is None


async def test_the_same_identity_is_taken_once(store: Store, fence: Fence) -> None:
    await pair(store, fence)
    first = await taken(store, fence)
    assert await take(store, fence) is not None  # not stored yet, for all that is known
    assert await store.snapshots.keep(first)

    await store.commit(fence, arrived(), PutKeys(keys={("session", "1.0"): b"moved on"}))
    assert await take(store, fence) is None
    await store.commit(fence, PutKeys(keys={("lid-mapping", "2"): b"2@lid"}))
    assert (await taken(store, fence)).sequence == 2


async def test_another_key_to_seal_with_makes_another_snapshot(
    store: Store, fence: Fence, migrated_database_url: str, clock: TestClock
) -> None:
    await pair(store, fence)
    await store.snapshots.keep(await taken(store, fence))
    async with opened(migrated_database_url, clock, OTHER_KEY, KEY) as rotated:
        assert await take(rotated, fence) is not None


async def test_a_fenced_off_owner_takes_and_keeps_nothing(store: Store, fence: Fence) -> None:
    await pair(store, fence)
    sealed = await taken(store, fence)
    await store.ownership.release(SESSION, fence.epoch)
    assert await store.ownership.claim(SESSION, WorkerId("worker-2"), "run-2") is not None

    assert await take(store, fence) is None
    assert not await store.snapshots.keep(sealed)


async def test_a_void_identity_is_removed_now_and_once_more_when_nobody_can_write_late(
    store: Store, fence: Fence, clock: TestClock
) -> None:
    await pair(store, fence)
    sealed = await taken(store, fence)
    await store.snapshots.keep(sealed)
    assert await store.snapshots.due_removals(10) == []

    await store.commit(fence, DropCredentials(), ChangeState(state="logged_out", event={"state": "logged_out"}))
    due = [Removal(session_id=SESSION, through=sealed.sequence)]
    assert await take(store, fence) is None
    assert not await store.snapshots.keep(sealed)

    assert await store.snapshots.due_removals(10) == due
    assert await store.snapshots.due_removals(10) == []  # somebody is at it
    clock.pass_by(timedelta(minutes=2))
    assert await store.snapshots.due_removals(10) == due  # but failed
    await store.snapshots.removed(due[0])
    clock.pass_by(LATE_WRITES - timedelta(minutes=3))
    assert await store.snapshots.due_removals(10) == []
    clock.pass_by(timedelta(minutes=1))
    assert await store.snapshots.due_removals(10) == due
    await store.snapshots.removed(due[0])
    clock.pass_by(timedelta(days=1))
    assert await store.snapshots.due_removals(10) == []


async def test_a_new_pairing_is_kept_while_the_old_identity_is_removed(store: Store, fence: Fence) -> None:
    await pair(store, fence)
    await store.commit(fence, DropCredentials())
    await pair(store, fence)
    sealed = await taken(store, fence)
    (removal,) = await store.snapshots.due_removals(10)

    assert removal.through < sealed.sequence
    assert await store.snapshots.keep(sealed)


async def test_a_deleted_session_leaves_a_removal_and_does_not_come_back(store: Store, fence: Fence) -> None:
    await pair(store, fence)
    sealed = await taken(store, fence)
    await store.snapshots.keep(sealed)
    await store.commit(fence, DropCredentials())
    await store.sessions.forget(SESSION, fence.epoch, purge=False)

    assert await store.snapshots.due_removals(10) == [Removal(session_id=SESSION, through=1)]
    with pytest.raises(RestoreRefused, match="was deleted"):
        await restore(store, sealed)


async def test_an_empty_database_gets_the_session_back(store: Store, fence: Fence, empty_store: Store) -> None:
    await pair(store, fence)
    sealed = await taken(store, fence)
    was = await store.sessions.get(SESSION)

    sequence = await restore(empty_store, sealed)

    found = await empty_store.sessions.get(SESSION)
    assert was is not None
    assert found is not None
    assert sequence == found.sequence == 2_000_000_001
    assert found.epoch == 2 * EPOCH_STEP
    assert [found.user_id, *found.settings, found.phone, found.jid] == [was.user_id, *was.settings, was.phone, was.jid]
    assert (found.state, found.desired, found.owner, found.has_wish) == (
        "disconnected",
        Desired.CONNECTED,
        None,
        True,
    )
    assert await empty_store.keys.credentials(SESSION) == b"revived credentials"
    secret = await store.messages.secret(SESSION)
    assert secret is not None
    assert await empty_store.messages.secret(SESSION) == secret, "a repeated command is the message that had left"
    assert await empty_store.keys.load(SESSION, "lid-mapping", ["1"]) == {"1": b"1@lid"}
    assert await empty_store.keys.load(SESSION, "session", ["1.0"]) == {}
    assert await empty_store.keys.load(SESSION, "pre-key", ["7"]) == {}
    (event,) = await empty_store.outbox.pending(None, 0, 10)
    assert (event.sequence, event.data["reason"]) == (sequence, found.reason)
    assert found.reason is not None
    assert found.reason["code"] == "session.restored"
    assert await empty_store.ownership.claim(SESSION, WORKER, "run-1") is not None


async def test_an_identity_that_is_there_is_replaced_by_force_only(store: Store, fence: Fence) -> None:
    await pair(store, fence)
    sealed = await taken(store, fence)
    await store.commit(fence, arrived(), PutKeys(keys={("session", "2.0"): b"ratchet"}))
    await store.outbox.mark_published([(SESSION, 1), (SESSION, 2)])

    with pytest.raises(RestoreRefused, match="--force"):
        await restore(store, sealed)
    assert await store.keys.credentials(SESSION) == b"credentials"

    assert await restore(store, sealed, replace_identity=True) == 3  # this database knows what came last
    found = await store.sessions.get(SESSION)
    assert found is not None
    assert (found.epoch, found.owner) == (fence.epoch + 1, None)
    assert await store.keys.credentials(SESSION) == b"revived credentials"
    assert await store.keys.load(SESSION, "session", ["2.0"]) == {}
    assert len(await store.messages.under(SESSION, arrived().message_id)) == 1
    assert await take(store, fence) is None


async def test_a_session_that_was_made_anew_meanwhile_gets_its_old_identity(
    store: Store, fence: Fence, empty_store: Store
) -> None:
    for _ in range(3):
        await pair(store, fence)
    sealed = await taken(store, fence)
    await empty_store.sessions.create_or_get(
        NewSession(session_id=SESSION, user_id=UserId("user1"), pairing={"method": "qr"})
    )
    mine = await empty_store.ownership.claim(SESSION, WORKER, "run-1")
    assert mine is not None
    await empty_store.commit(mine.fence, ChangeState(state="connecting", event={"state": "connecting"}))
    with pytest.raises(RestoreRefused, match="events to publish"):
        await restore(empty_store, sealed)
    await empty_store.outbox.mark_published([(SESSION, 1)])

    assert await restore(empty_store, sealed) == 2_000_000_001
    (event,) = await empty_store.outbox.pending(None, 0, 10)
    await empty_store.outbox.mark_published([(SESSION, event.sequence)])
    assert await empty_store.outbox.pending(None, 0, 10) == []


async def test_another_users_session_is_not_touched(store: Store, fence: Fence, empty_store: Store) -> None:
    await pair(store, fence)
    sealed = await taken(store, fence)
    await empty_store.sessions.create_or_get(
        NewSession(session_id=SESSION, user_id=UserId("somebody else"), pairing={"method": "qr"})
    )
    with pytest.raises(RestoreRefused, match="another user"):
        await restore(empty_store, sealed, replace_identity=True)


async def test_what_cannot_be_read_writes_nothing(store: Store, fence: Fence, empty_store: Store) -> None:
    await pair(store, fence)
    sealed = await taken(store, fence)
    for body, error in ((b"<html>", SnapshotInvalid), (sealed.body[:-1], Tampered)):
        with pytest.raises(error):
            await restore(empty_store, replace(sealed, body=body))
    with pytest.raises(Tampered):
        await restore(empty_store, replace(sealed, fence=Fence(session_id=SessionId("bert"), epoch=1)))
    assert await empty_store.sessions.list(None, 10) == []


async def test_a_database_without_a_schema_says_what_to_do(database_url: str, clock: TestClock) -> None:
    with pytest.raises(SchemaMismatch, match="gateway-worker migrate"):
        async with opened(database_url, clock, KEY):
            pass
    assert await query(database_url, "SELECT count(*) FROM pg_tables WHERE tablename = 'sessions'") == 0
