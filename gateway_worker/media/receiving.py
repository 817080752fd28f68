"""Bytes from a source into a file of the spool: counted, bounded, never whole in memory."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from gateway_worker.media.errors import SpoolFull, too_large, unsupported
from gateway_worker.media.spool import SpoolFolder

_FLUSH: Final = 1024 * 1024
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


async def receive(pieces: AsyncIterator[bytes], job: SpoolFolder, name: str, limit: int) -> Path:
    """Write all pieces to a file of the job; its path.

    Raises:
        MediaTooLarge: there are more than `limit` bytes.
        MediaUnsupported: there is none.
        SpoolFull: no room.
    """
    path = job.path(name)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    total, waiting = 0, bytearray()
    try:
        async for piece in pieces:
            total += len(piece)
            if total > limit:
                raise too_large("bytes", limit)
            job.take(len(piece))
            waiting += piece
            if len(waiting) >= _FLUSH:
                await asyncio.to_thread(_write, descriptor, waiting)
                waiting = bytearray()
        await asyncio.to_thread(_write, descriptor, waiting)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise SpoolFull from error
        raise
    finally:
        os.close(descriptor)
    if total == 0:
        raise unsupported("empty")
    return path


def _write(descriptor: int, data: bytearray) -> None:
    with memoryview(data) as rest:
        written = 0
        while written < len(data):
            written += os.write(descriptor, rest[written:])
