import asyncio

import pytest

from deploy.local.services import PrivateServices
from gateway_worker.objects.buckets import Buckets
from tests.support.services.private_services import Buckets as Names
from tests.support.services.s3 import s3_client


async def test_missing_buckets_are_made_and_making_them_again_is_harmless(
    services: PrivateServices, buckets: Names
) -> None:
    async with s3_client(services) as client:
        one, two = (Buckets(client, (buckets.sessions, buckets.media)) for _ in range(2))
        assert await one.missing() == [buckets.sessions, buckets.media]
        with pytest.raises(FileNotFoundError):
            await one.check()

        await asyncio.gather(one.ensure(), two.ensure())

        assert await one.missing() == []
        await one.check()


async def test_a_wrong_secret_is_refused(services: PrivateServices, buckets: Names) -> None:
    async with s3_client(services, secret="wrong") as stranger:
        with pytest.raises(PermissionError):
            await Buckets(stranger, (buckets.sessions,)).check()
