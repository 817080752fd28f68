"""The two buckets: made at start where they are missing, asked for by probes."""

import asyncio
from collections.abc import Sequence
from typing import Final

from gateway_worker.objects.client import S3Client
from gateway_worker.objects.errors import S3RefusedError

_MADE_BY_ANOTHER: Final = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})


class Buckets:
    """The gateway's buckets on one S3 server. Every call raises as `S3Client` says."""

    def __init__(self, client: S3Client, names: Sequence[str]) -> None:
        self._client = client
        self._names = names

    async def ensure(self) -> list[str]:
        """Make the missing ones; answers which those were. Two workers that do it at once do not disturb each other."""
        missing = await self.missing()
        for name in missing:
            try:
                async with self._client.calling() as client:
                    await client.make_bucket(name)
            except S3RefusedError as refused:
                if refused.code not in _MADE_BY_ANOTHER:
                    raise
        return missing

    async def missing(self) -> list[str]:
        """Names of those that are not there."""
        there = await asyncio.gather(*(self._exists(name) for name in self._names))
        return [name for name, exists in zip(self._names, there, strict=True) if not exists]

    async def check(self) -> None:
        """Raises when S3 does not answer, or a bucket is missing."""
        if missing := await self.missing():
            raise FileNotFoundError(f"missing buckets: {', '.join(missing)}")

    async def _exists(self, name: str) -> bool:
        async with self._client.calling() as client:
            return bool(await client.bucket_exists(name))
