"""Files of messages that came in, in the media bucket: streamed into it, and removed when their time is over.

A large one is uploaded in parts. Until all of them are there, and the file has shown itself sound, there is no object;
parts that a crash left behind go before the next try, and those of files nobody tries any more, after a day.
"""

import asyncio
import io
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from gateway_worker.objects.client import S3Client
from schemas.names import SessionId

PART: Final = 5 * 1024 * 1024  # the smallest that S3 takes
_STALL_SECONDS: Final = 60.0
_HEAD: Final = 64
_PAGE: Final = 1_000
_PROBE: Final = ".probe/file"  # no session can be called so


class Source(Protocol):
    """A file to be stored."""

    async def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end; raises when it is not sound."""
        ...


class ReceivedObjects:
    """The media bucket as received files see it. Calls raise as `S3Client` says, `put` also what its source raises."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    async def put(self, key: str, source: Source, content_type: Callable[[bytes], str]) -> str:
        """Store a file under `key`, the whole of it or nothing; answers its content type, by its first bytes."""
        first = await source.read(PART)
        kind = content_type(first[:_HEAD])
        second = await source.read(1)
        if not second:
            async with self._client.calling(_STALL_SECONDS) as client:
                await client.put_object(self._bucket, key, io.BytesIO(first), len(first), content_type=kind)
            return kind
        await self._abort(key)
        parts = _Parts(first, second, source)
        del first
        try:
            async with self._client.calling(None) as client, asyncio.timeout(_STALL_SECONDS) as patience:
                parts.patience = patience
                await client.put_object(
                    self._bucket, key, parts, -1, content_type=kind, part_size=PART, num_parallel_uploads=1
                )
        except BaseException:
            with suppress(OSError):  # it is done before the next try, or by the janitor
                await self._abort(key)
            raise
        return kind

    async def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        try:
            async with self._client.calling() as client:
                await client.stat_object(self._bucket, key)
        except FileNotFoundError:
            return False
        return True

    async def remove(self, key: str) -> None:
        """Remove an object, every version of it; none is no error."""
        async with self._client.calling(_STALL_SECONDS) as client:
            found = client.list_objects(self._bucket, prefix=key, recursive=True, include_version=True)
            for each in [each async for each in found if each.object_name == key]:
                await client.remove_object(self._bucket, key, version_id=each.version_id)

    async def of_session(self, session_id: SessionId) -> list[tuple[str, datetime]]:
        """The keys under a session's name, and when each was stored."""
        async with self._client.calling(_STALL_SECONDS) as client:
            found = client.list_objects(self._bucket, prefix=f"{session_id}/", recursive=True)
            return [(each.object_name, each.last_modified) async for each in found if not each.is_dir]

    async def abort_older(self, age: timedelta, now: datetime) -> int:
        """Forget uploads that were begun so long ago and never completed; answers how many."""
        return await self._abort("", before=now - age)

    async def probe(self) -> None:
        """Store, find, read and remove something, whole and in parts, as files are: raises when a right is missing."""
        async with self._client.calling() as client:
            await client.put_object(self._bucket, _PROBE, io.BytesIO(b"probe"), 5)
            (await client.get_object(self._bucket, _PROBE)).close()
        await self.exists(_PROBE)
        await self.of_session(SessionId(".probe"))
        await self.remove(_PROBE)
        async with self._client.calling() as client:
            await client._create_multipart_upload(self._bucket, _PROBE, {})  # noqa: SLF001 (the driver has no public one)
        await self._abort(_PROBE)

    async def _abort(self, prefix: str, before: datetime | None = None) -> int:
        gone = 0
        async with self._client.calling(_STALL_SECONDS) as client:
            listed: Any = await client._list_multipart_uploads(self._bucket, prefix=prefix, max_uploads=_PAGE)  # noqa: SLF001 (the driver has no public one)
            for each in listed.uploads:
                if before is None or each.initiated_time < before:
                    await client._abort_multipart_upload(self._bucket, each.object_name, each.upload_id)  # noqa: SLF001
                    gone += 1
        return gone


class _Parts:
    """A file from its beginning, of which a bit more than the first part was read already."""

    def __init__(self, first: bytes, second: bytes, source: Source) -> None:
        self._begun = [first, second]
        self._source = source
        self.patience: asyncio.Timeout | None = None

    async def read(self, size: int) -> bytes:
        """The next bytes, up to `size`. Each time somebody asks, what was asked before has arrived."""
        if self.patience is not None:
            self.patience.reschedule(asyncio.get_running_loop().time() + _STALL_SECONDS)
        if self._begun:
            return self._begun.pop(0)
        return await self._source.read(size)
