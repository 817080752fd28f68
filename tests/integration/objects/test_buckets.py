import asyncio

import pytest

from deploy.local.services import PrivateServices
from gateway_worker.objects.buckets import Buckets
from tests.support.private_services import Buckets as Names


def client(services: PrivateServices, names: Names, *, secret: str | None = None) -> Buckets:
    return Buckets(
        endpoint=services.s3_endpoint,
        access_key=services.s3_access_key,
        secret_key=secret or services.s3_secret_key,
        secure=False,
        names=(names.sessions, names.media),
    )


async def test_missing_buckets_are_made_and_making_them_again_is_harmless(
    services: PrivateServices, buckets: Names
) -> None:
    one, two = client(services, buckets), client(services, buckets)
    assert await one.missing() == [buckets.sessions, buckets.media]
    with pytest.raises(FileNotFoundError):
        await one.check()

    await asyncio.gather(one.ensure(), two.ensure())

    assert await one.missing() == []
    await one.check()
    await one.stop()
    await two.stop()


async def test_a_wrong_secret_is_refused(services: PrivateServices, buckets: Names) -> None:
    stranger = client(services, buckets, secret="wrong")

    with pytest.raises(PermissionError):
        await stranger.check()
    await stranger.stop()
