"""Received files go from the bucket when their time is over, or their session is purged; nothing else does."""

import io
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deploy.local.services import PrivateServices
from gateway_worker.connections.media.janitor import MediaJanitor
from gateway_worker.objects.client import S3Client
from gateway_worker.objects.received import PART, ReceivedObjects
from gateway_worker.store.operations.media import NewMedia, SettleMedia
from gateway_worker.store.records import Fence, MediaState, NewSession
from gateway_worker.store.store import Store
from schemas.names import SessionId, UserId, WorkerId
from tests.support.services.private_services import Buckets
from tests.support.services.s3 import keep_versions, s3_client, versions
from tests.support.store.stores import KEY, TestClock, arrived, opened

KEPT = timedelta(days=30)
SESSION = SessionId("session-1")


class Bytes:
    """A file that is sound, or says at its end that it is not."""

    def __init__(self, content: bytes, *, sound: bool = True) -> None:
        self._stream = io.BytesIO(content)
        self._sound = sound

    async def read(self, size: int) -> bytes:
        piece = self._stream.read(size)
        if not piece and not self._sound:
            raise ValueError("damaged")
        return piece


def plain(_: bytes) -> str:
    return "text/plain"


@pytest.fixture
def clock() -> TestClock:
    clock = TestClock()
    clock.time = datetime.now(UTC) - timedelta(days=100)
    return clock


@pytest.fixture
async def store(migrated_database_url: str, clock: TestClock) -> AsyncGenerator[Store]:
    async with opened(migrated_database_url, clock, KEY) as started:
        yield started


@pytest.fixture
async def client(services: PrivateServices) -> AsyncGenerator[S3Client]:
    async with s3_client(services) as made:
        yield made


@pytest.fixture
async def bucket(client: S3Client) -> str:
    name = Buckets.unique().media
    await keep_versions(client, name)
    return name


async def session(store: Store) -> Fence:
    new = NewSession(session_id=SESSION, user_id=UserId("u"), pairing={"method": "qr"}, options={}, limits={})
    await store.sessions.create_or_get(new)
    await store.workers.register(WorkerId("w"), "i", endpoint="http://w", max_sessions=1, version="0")
    record = await store.ownership.claim(SESSION, WorkerId("w"), "i")
    assert record is not None
    return record.fence


async def received(store: Store, fence: Fence, objects: ReceivedObjects, number: int) -> str:
    """A message whose file is in the bucket; its key."""
    key = f"{SESSION}/received/2026/11/M{number}"
    value = {"media": {"size": 5}}
    message = replace(arrived(number), media=NewMedia(state=MediaState.PENDING, object=key, value=value))
    await store.commit(fence, message)
    await objects.put(key, Bytes(b"a file"), plain)
    settled = SettleMedia(
        message_id=message.message_id,
        number=1,
        state=MediaState.READY,
        value=value,
        event_type="media.ready.v1",
        event={},
    )
    assert await store.commit(fence, settled) == (True,)
    assert await store.commit(fence, settled) == (False,)
    return key


def janitor(store: Store, objects: ReceivedObjects, now: Callable[[], datetime]) -> MediaJanitor:
    return MediaJanitor(rows=store.media, bucket=objects, keeps=KEPT, now=now)


async def test_what_is_old_goes_and_what_is_young_stays(
    store: Store, client: S3Client, bucket: str, clock: TestClock
) -> None:
    objects, fence = ReceivedObjects(client, bucket), await session(store)
    old = await received(store, fence, objects, 1)
    clock.pass_by(KEPT - timedelta(hours=1))
    young = await received(store, fence, objects, 2)
    assert await janitor(store, objects, clock.now).clean() == 0
    clock.pass_by(timedelta(hours=2))
    assert await janitor(store, objects, clock.now).clean() == 1
    assert {each.object_name for each in await versions(client, bucket)} == {young}
    gone, kept = [(arrived(number).message_id, 1) for number in (1, 2)]
    assert list(await store.media.of(SESSION, [gone, kept])) == [kept]
    assert old != young


async def test_a_purged_session_leaves_no_object_and_a_new_one_of_that_name_keeps_its_own(
    store: Store, client: S3Client, bucket: str, clock: TestClock
) -> None:
    objects, fence = ReceivedObjects(client, bucket), await session(store)
    await received(store, fence, objects, 1)
    await objects.put(f"{SESSION}/brochure", Bytes(b"put there by a backend"), plain)
    await objects.put("session-10/received/2026/11/M", Bytes(b"of another session"), plain)
    clock.time = datetime.now(UTC) + timedelta(minutes=1)
    await store.outbox.mark_published([(SESSION, 1), (SESSION, 2)])
    await store.sessions.forget(SESSION, fence.epoch, purge=True)
    again = await session(store)
    kept = await received(store, again, objects, 2)
    await janitor(store, objects, clock.now).clean()
    there = {each.object_name for each in await versions(client, bucket)}
    assert there == {kept, "session-10/received/2026/11/M"}


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # the driver gives aiohttp parts as bytes
@pytest.mark.parametrize("size", [10, PART, PART + 1, 2 * PART + 7])
async def test_a_file_is_stored_whole_or_not_at_all(client: S3Client, bucket: str, size: int) -> None:
    objects = ReceivedObjects(client, bucket)
    content = bytes(range(256)) * (size // 256 + 1)
    with pytest.raises(ValueError, match="damaged"):
        await objects.put("s/received/bad", Bytes(content[:size], sound=False), plain)
    assert await versions(client, bucket) == []
    assert await objects.abort_older(timedelta(0), datetime.now(UTC) + timedelta(hours=1)) == 0

    assert await objects.put("s/received/good", Bytes(content[:size]), plain) == "text/plain"
    assert await objects.exists("s/received/good")
    (found,) = await versions(client, bucket)
    assert found.size == size
    await objects.remove("s/received/good")
    assert not await objects.exists("s/received/good")
