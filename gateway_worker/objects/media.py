"""Files in the media bucket, streamed."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp

from gateway_worker.objects.client import S3Client

_CHUNK: Final = 256 * 1024
_IDLE_SECONDS: Final = 20.0


class MediaObjects:
    """The media bucket. Every call raises as `S3Client` says."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    @asynccontextmanager
    async def reading(self, key: str) -> AsyncGenerator[AsyncIterator[bytes]]:
        """The bytes of an object, piece by piece; each has a deadline of its own."""
        async with self.reading_part(key, 0, 0) as (pieces, _):
            yield pieces

    @asynccontextmanager
    async def reading_part(
        self, key: str, offset: int, length: int
    ) -> AsyncGenerator[tuple[AsyncIterator[bytes], str | None]]:
        """Some of its bytes, `length` 0 for all behind `offset`; and which they are, as ``Content-Range`` says it."""
        async with self._client.calling() as client:
            response = await client.get_object(self._bucket, key, offset=offset, length=length)
        try:
            yield _pieces(response), response.headers.get("Content-Range")
        finally:
            response.close()


async def _pieces(response: Any) -> AsyncIterator[bytes]:
    try:
        while True:
            async with asyncio.timeout(_IDLE_SECONDS):
                piece: bytes = await response.content.read(_CHUNK)
            if not piece:
                return
            yield piece
    except aiohttp.ClientError as error:
        raise ConnectionError(type(error).__name__) from error
