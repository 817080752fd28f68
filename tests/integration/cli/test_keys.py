"""``gateway-worker keys rotate``: beside a worker that goes on writing, broken off and repeated, and then without the
old key."""

import asyncio
import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from deploy.local.services import PrivateServices
from gateway_worker.cli.doctor.keys import encryption_keys
from gateway_worker.cli.keys.bucket import SnapshotRotation
from gateway_worker.objects.buckets import Buckets
from gateway_worker.objects.snapshots import SnapshotMoment, SnapshotObjects
from gateway_worker.settings.settings import Settings
from gateway_worker.store.operations.identity import DropCredentials, PutCredentials
from gateway_worker.store.operations.sessions import ChangeState
from gateway_worker.store.postgres.encryption import Keyring
from gateway_worker.store.records import Fence, NewSession
from gateway_worker.store.snapshots.format import Moment, unseal
from gateway_worker.store.store import Store
from gateway_worker.timing.clock import SystemClock
from schemas.commands.commands import CommandKey
from schemas.names import SessionId, UserId, WorkerId
from tests.support.services.private_services import query
from tests.support.services.s3 import s3_client
from tests.support.store.stores import KEY as OLD
from tests.support.store.stores import OTHER_KEY as NEW
from tests.support.terminal import Said, typed

ME: Final = WorkerId("worker-1")


def encoded(*keys: bytes) -> str:
    return ",".join(base64.b64encode(key).decode() for key in keys)


@asynccontextmanager
async def opened(url: str, *keys: bytes) -> AsyncGenerator[Store]:
    store = Store(url, encryption_keys=keys, clock=SystemClock())
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


@pytest.fixture
async def bucket(services: PrivateServices, gateway_environment: dict[str, str]) -> AsyncGenerator[SnapshotObjects]:
    name = gateway_environment["GATEWAY_SESSIONS_BUCKET"]
    async with s3_client(services) as client:
        await Buckets(client, (name,)).ensure()
        yield SnapshotObjects(client, name)


class Place:
    """A database and a bucket, and who works on them."""

    def __init__(self, environment: dict[str, str], bucket: SnapshotObjects, folder: Path) -> None:
        self.environment = environment
        self.url = environment["GATEWAY_DATABASE_URL"]
        self.bucket = bucket
        self.folder = folder

    async def rotate(self, *keys: bytes) -> Said:
        environment = {**self.environment, "GATEWAY_ENCRYPTION_KEYS": encoded(*keys), "COLUMNS": "200"}
        return await typed(self.folder, environment, "keys", "rotate")

    async def pair(self, store: Store, name: str) -> Fence:
        """A session with an identity, a reply, and a snapshot in the bucket."""
        session_id = SessionId(name)
        await store.sessions.create_or_get(NewSession(session_id=session_id, user_id=UserId("u"), pairing={"n": name}))
        record = await store.ownership.claim(session_id, ME, "run-1")
        assert record is not None
        await store.commit(
            record.fence,
            PutCredentials(blob=b"of " + name.encode()),
            ChangeState(state="connected", event={"state": "c"}),
        )
        sealed = await store.snapshots.take(record.fence, (), lambda credentials: credentials)
        assert sealed is not None
        await self.bucket.put(session_id, SnapshotMoment(record.fence.epoch, sealed.sequence), sealed.body)
        assert await store.snapshots.keep(sealed)
        command = CommandKey(source="/shop", id=name, subject=name)
        await store.commands.record(command, b"hash", "session.create.v1")
        await store.commands.finish(command, {"of": name})
        return record.fence

    async def reads(self, name: str, *keys: bytes) -> None:
        """All that belongs to a session can be read with these keys."""
        session_id = SessionId(name)
        async with opened(self.url, *keys) as store:
            assert await store.keys.credentials(session_id) == b"of " + name.encode()
            found = await store.commands.find(CommandKey(source="/shop", id=name, subject=name))
            assert found is not None
            assert found.reply == {"of": name}
        newest = await self.bucket.newest(session_id)
        assert newest is not None
        at = Moment(session_id=session_id, epoch=newest[0].epoch, sequence=newest[0].sequence)
        assert unseal(newest[1], at, Keyring(keys)).credentials == b"of " + name.encode()


@pytest.fixture
def place(gateway_environment: dict[str, str], bucket: SnapshotObjects, tmp_path: Path) -> Place:
    return Place(gateway_environment, bucket, tmp_path)


async def test_beside_a_worker_that_goes_on_writing_and_then_the_old_key_may_go(place: Place) -> None:
    async with opened(place.url, OLD) as before:
        names = ["ana", "ben", "zoe"]
        fences = [await place.pair(before, name) for name in names]
    async with opened(place.url, NEW, OLD) as worker:
        await worker.workers.register(ME, "run-2", "http://a", 50, "1")
        over = asyncio.Event()

        async def go_on() -> int:
            count = 0
            while not over.is_set():
                count += 1
                await worker.commit(fences[0], PutCredentials(blob=b"of ana"))
            return count

        writing = asyncio.create_task(go_on())
        done = await place.rotate(NEW, OLD)
        over.set()
        assert await writing > 1
        await place.pair(worker, "new")
    assert done.code == 0, done
    assert "may go: start each worker again with the first key alone" in " ".join(done.out.split())
    for name in (*names, "new"):
        await place.reads(name, NEW)
    again = await place.rotate(NEW)
    assert again.code == 0
    assert "may go" not in again.out


async def test_a_worker_that_does_not_seal_with_the_new_key_is_named_and_nothing_is_changed(place: Place) -> None:
    async with opened(place.url, OLD, NEW) as worker:
        await worker.workers.register(ME, "run-1", "http://a", 50, "1")
        await place.pair(worker, "ana")
        refused = await place.rotate(NEW, OLD)
        assert refused.code == 1
        assert f"{ME} runs, and has it behind another one" in refused.error
    await place.reads("ana", OLD)


async def test_what_was_broken_off_is_taken_up_where_it_was(place: Place) -> None:
    async with opened(place.url, OLD) as before:
        for name in ("ana", "ben"):
            await place.pair(before, name)
    async with opened(place.url, NEW, OLD) as store:
        await anext(store.rotation.sessions())  # and no more: a kill
        steps = SnapshotRotation(store.rotation, place.bucket).reseal()
        await anext(steps)
        assert {use.key for use in await store.rotation.uses()} == set(Keyring([NEW, OLD]).names)
    assert (await place.rotate(NEW, OLD)).code == 0
    for name in ("ana", "ben"):
        await place.reads(name, NEW)


async def test_without_the_key_that_is_needed_doctor_and_rotate_name_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(place.url, OLD) as before:
        await place.pair(before, "ana")
    (old,) = Keyring([OLD]).names
    for name, value in {**place.environment, "GATEWAY_ENCRYPTION_KEYS": encoded(NEW)}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Exception, match=f"sealed with {old} .* cannot be read: add that key"):
        await encryption_keys(Settings())
    refused = await place.rotate(NEW)
    assert refused.code == 1
    assert f"the key {old} is still needed" in refused.error
    monkeypatch.setenv("GATEWAY_ENCRYPTION_KEYS", encoded(NEW, OLD))
    assert f"{old} is needed for 4 values" in await encryption_keys(Settings())


async def test_an_identity_that_becomes_void_meanwhile_does_not_come_back_to_the_bucket(
    place: Place, services: PrivateServices
) -> None:
    async with opened(place.url, OLD) as before:
        fence = await place.pair(before, "ana")
    async with opened(place.url, NEW, OLD) as store, s3_client(services) as client:

        class Slow(SnapshotObjects):
            """Before it writes the session is logged out, so long ago that nobody looks for late writers any more."""

            async def put(self, session_id: SessionId, moment: SnapshotMoment, body: bytes) -> None:
                await store.commit(fence, DropCredentials())
                await self.remove_through(session_id, moment.sequence)
                await query(place.url, "DELETE FROM snapshot_removals")
                await super().put(session_id, moment, body)

        slow = Slow(client, place.environment["GATEWAY_SESSIONS_BUCKET"])
        assert [step.done async for step in SnapshotRotation(store.rotation, slow).reseal()] == [0]
    assert await place.bucket.newest(SessionId("ana")) is None
