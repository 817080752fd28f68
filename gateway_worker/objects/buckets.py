"""The two buckets: made at start where they are missing, asked for by probes."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import aiohttp
from miniopy_async.api import Minio  # pyright: ignore[reportMissingTypeStubs] (it ships none)
from miniopy_async.error import S3Error

CALL_SECONDS: Final = 10.0
_MADE_BY_ANOTHER: Final = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})


class Buckets:
    """The gateway's buckets on one S3 server.

    Args:
        endpoint: ``host:port``, without a scheme.
        secure: whether to speak TLS.
        names: of the buckets.

    Every call raises `ConnectionError` (not reachable), `PermissionError` (refused), or `TimeoutError`.
    """

    def __init__(self, *, endpoint: str, access_key: str, secret_key: str, secure: bool, names: Sequence[str]) -> None:
        self._connect = lambda: Minio(endpoint, access_key, secret_key, secure=secure)
        self._names = names
        self._client: Any = None

    async def ensure(self) -> None:
        """Make the missing ones. Two workers that do it at once do not disturb each other."""
        for name in await self.missing():
            try:
                await self._ask("make_bucket", name)
            except S3Error as error:
                if error.code not in _MADE_BY_ANOTHER:
                    raise PermissionError(error.code) from error

    async def missing(self) -> list[str]:
        """Names of those that are not there."""
        there = await asyncio.gather(*(self._exists(name) for name in self._names))
        return [name for name, exists in zip(self._names, there, strict=True) if not exists]

    async def check(self) -> None:
        """Raises when S3 does not answer, or a bucket is missing."""
        if missing := await self.missing():
            raise FileNotFoundError(f"missing buckets: {', '.join(missing)}")

    async def stop(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close_session()

    async def _exists(self, name: str) -> bool:
        try:
            return bool(await self._ask("bucket_exists", name))
        except S3Error as error:
            raise PermissionError(error.code) from error

    async def _ask(self, method: str, *arguments: str) -> Any:
        if self._client is None:
            self._client = self._connect()  # opens a session of aiohttp, which wants a running loop
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await getattr(self._client, method)(*arguments)
        except aiohttp.ClientError as error:
            raise ConnectionError(type(error).__name__) from error
