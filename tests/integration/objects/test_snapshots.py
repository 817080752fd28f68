from collections.abc import AsyncGenerator

import pytest

from deploy.local.services import PrivateServices
from gateway_worker.objects.buckets import Buckets
from gateway_worker.objects.client import S3Client
from gateway_worker.objects.snapshots import MAX_BYTES, SnapshotMoment, SnapshotObjects
from schemas.names import SessionId
from tests.support.services.private_services import Buckets as Names
from tests.support.services.s3 import keep_versions, s3_client, versions

ANA, ANABEL = SessionId("ana"), SessionId("ana-bel")


@pytest.fixture
async def client(services: PrivateServices, buckets: Names) -> AsyncGenerator[S3Client]:
    async with s3_client(services) as made:
        await Buckets(made, (buckets.sessions,)).ensure()
        yield made


@pytest.fixture(params=["plain", "versioned"])
async def snapshots(client: S3Client, buckets: Names, request: pytest.FixtureRequest) -> SnapshotObjects:
    if request.param == "versioned":
        await keep_versions(client, buckets.sessions)
    return SnapshotObjects(client, buckets.sessions)


async def test_the_newest_is_found_whoever_wrote_last(snapshots: SnapshotObjects) -> None:
    assert await snapshots.newest(ANA) is None
    await snapshots.put(ANA, SnapshotMoment(10, 700), b"of the owner")
    await snapshots.put(ANABEL, SnapshotMoment(99, 999), b"of another session")

    await snapshots.put(ANA, SnapshotMoment(9, 700), b"of a worker that was frozen")

    assert await snapshots.newest(ANA) == ((10, 700), b"of the owner")


async def test_only_what_is_superseded_goes(snapshots: SnapshotObjects, client: S3Client, buckets: Names) -> None:
    for moment in ((1, 5), (2, 5), (2, 6), (2, 6), (3, 6)):
        await snapshots.put(ANA, SnapshotMoment(*moment), f"{moment}".encode())

    await snapshots.remove_older(ANA, SnapshotMoment(2, 6))

    left = await versions(client, buckets.sessions)
    assert [each.object_name[-3:] + each.is_latest for each in left] == ["006true", "006true"]
    await snapshots.remove(ANA, SnapshotMoment(3, 6))
    assert await snapshots.newest(ANA) == ((2, 6), b"(2, 6)")


async def test_removal_leaves_no_version_and_no_delete_marker(
    snapshots: SnapshotObjects, client: S3Client, buckets: Names
) -> None:
    for body in (b"one", b"two"):
        await snapshots.put(ANA, SnapshotMoment(1, 8), body)
    async with client.calling() as driver:  # somebody deletes it as one does, which hides it or removes it
        await driver.remove_object(buckets.sessions, (await versions(client, buckets.sessions))[0].object_name)
    await snapshots.put(ANA, SnapshotMoment(1, 9), b"three")
    await snapshots.put(ANA, SnapshotMoment(2, 10), b"of the next life")
    await snapshots.put(ANABEL, SnapshotMoment(1, 1), b"of another session")

    await snapshots.remove_through(ANA, 9)
    await snapshots.remove_through(ANA, 9)

    assert [each.object_name for each in await versions(client, buckets.sessions, "snapshots/ana/")] == [
        f"snapshots/ana/{2:019d}-{10:019d}"
    ]
    assert await snapshots.newest(ANABEL) is not None


async def test_what_is_too_large_is_not_stored(snapshots: SnapshotObjects) -> None:
    with pytest.raises(ValueError, match="too large"):
        await snapshots.put(ANA, SnapshotMoment(1, 1), bytes(MAX_BYTES + 1))


async def test_a_missing_bucket_and_a_wrong_secret_are_told_apart(services: PrivateServices, buckets: Names) -> None:
    async with s3_client(services) as client, s3_client(services, secret="wrong") as stranger:
        with pytest.raises(FileNotFoundError):
            await SnapshotObjects(client, buckets.sessions).newest(ANA)
        with pytest.raises(PermissionError):
            await SnapshotObjects(stranger, buckets.sessions).newest(ANA)


async def test_the_doctor_leaves_nothing_behind(snapshots: SnapshotObjects, client: S3Client, buckets: Names) -> None:
    await snapshots.probe()
    assert await versions(client, buckets.sessions) == []
