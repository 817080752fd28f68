"""S3 for tests: our client, and a bucket that keeps versions."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from miniopy_async.commonconfig import ENABLED
from miniopy_async.versioningconfig import VersioningConfig

from deploy.local.services import PrivateServices
from gateway_worker.objects.client import S3Client


@asynccontextmanager
async def s3_client(services: PrivateServices, *, secret: str | None = None) -> AsyncGenerator[S3Client]:
    """A client of the private S3, with a wrong secret if one is given."""
    client = S3Client(
        endpoint=services.s3_endpoint,
        access_key=services.s3_access_key,
        secret_key=secret or services.s3_secret_key,
        secure=False,
    )
    try:
        yield client
    finally:
        await client.stop()


async def keep_versions(client: S3Client, bucket: str) -> None:
    """Make the bucket if need be, and switch its versioning on."""
    async with client.calling() as driver:
        if not await driver.bucket_exists(bucket):
            await driver.make_bucket(bucket)
        await driver.set_bucket_versioning(bucket, VersioningConfig(ENABLED))


async def versions(client: S3Client, bucket: str, prefix: str = "") -> list[Any]:
    """Every version and delete marker, as the driver describes them."""
    async with client.calling() as driver:
        found = driver.list_objects(bucket, prefix=prefix, recursive=True, include_version=True)
        return [each async for each in found]
