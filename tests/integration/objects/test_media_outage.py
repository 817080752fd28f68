"""S3 dies while a received file goes into the bucket, and comes back: the next try stores it, and only it is left."""

import asyncio
import io
import os
from datetime import UTC, datetime, timedelta

import pytest

from gateway_worker.objects.received import PART, ReceivedObjects
from tests.support.services.private_services import Buckets, PrivateServices
from tests.support.services.s3 import s3_client, versions

KEY = "session-1/received/2026/11/3EB0"


class CutOff:
    """A file of which S3 sees only the beginning."""

    def __init__(self, content: bytes, services: PrivateServices) -> None:
        self._stream = io.BytesIO(content)
        self._services = services
        self._read = 0

    async def read(self, size: int) -> bytes:
        if PART < self._read < 3 * PART:
            await asyncio.to_thread(self._services.seaweedfs.kill)
        self._read += size
        return self._stream.read(size)


class Whole:
    def __init__(self, content: bytes) -> None:
        self._stream = io.BytesIO(content)

    async def read(self, size: int) -> bytes:
        return self._stream.read(size)


@pytest.mark.alone
@pytest.mark.timeout(180)
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # the driver gives aiohttp parts as bytes
async def test_a_bucket_that_dies_amid_a_file_has_it_whole_after_the_next_try(
    services: PrivateServices, buckets: Buckets
) -> None:
    content = os.urandom(4 * PART + 17)
    async with s3_client(services) as client:
        objects = ReceivedObjects(client, buckets.media)
        async with client.calling() as driver:
            await driver.make_bucket(buckets.media)
        try:
            with pytest.raises((ConnectionError, TimeoutError)):
                await objects.put(KEY, CutOff(content, services), lambda _: "text/plain")
            with pytest.raises((ConnectionError, TimeoutError)):
                await objects.exists(KEY)
        finally:
            await asyncio.to_thread(services.seaweedfs.start)
        assert not await objects.exists(KEY)

        assert await objects.put(KEY, Whole(content), lambda _: "text/plain") == "text/plain"
        async with client.calling() as driver, await driver.get_object(buckets.media, KEY) as response:
            assert await response.read() == content
        assert len(await versions(client, buckets.media)) == 1
        assert await objects.abort_older(timedelta(0), datetime.now(UTC) + timedelta(hours=1)) == 0
