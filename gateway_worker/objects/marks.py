"""The mark in the sessions bucket: one object, replaced."""

import io
from typing import Final

from gateway_worker.objects.client import S3Client

MAX_BYTES: Final = 64 * 1024


class MarkObject:
    """One place for marks. Every call raises as `S3Client` says."""

    def __init__(self, client: S3Client, bucket: str, namespace: str) -> None:
        self._client = client
        self._bucket = bucket
        self._name = f"marks/{namespace}"

    async def read(self) -> bytes | None:
        """The mark, if there is one."""
        try:
            async with (
                self._client.calling() as client,
                await client.get_object(self._bucket, self._name, length=MAX_BYTES) as response,
            ):
                return await response.read()
        except FileNotFoundError:
            return None

    async def write(self, body: bytes) -> None:
        """Replace it."""
        async with self._client.calling() as client:
            await client.put_object(self._bucket, self._name, io.BytesIO(body), len(body))
