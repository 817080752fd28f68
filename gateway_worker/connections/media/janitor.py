"""Removes what the media bucket holds of messages for too long, or of sessions that were purged.

Several workers may do it side by side: removing twice is removing once. First the object goes, then its row, so that
nothing stays in the bucket that nobody knows of.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from gateway_worker.store.errors import StoreError, StoreUnavailable
from gateway_worker.store.reading.media import ExpiredMedia, MediaRemoval
from schemas.names import SessionId

_log = structlog.get_logger()

_FIRST: Final = 20.0
_EVERY: Final = 60.0
_BITE: Final = 200
_UNFINISHED: Final = timedelta(days=1)
_UPLOADS: Final = "uploads"  # where backends put what any session may send (contract, section 3)


class Rows(Protocol):
    """Files as `store` knows them; see `store.media.MediaRows`."""

    async def expired(self, before: datetime, limit: int) -> Sequence[ExpiredMedia]:
        """Files whose time is over."""
        ...

    async def forget(self, expired: Sequence[ExpiredMedia]) -> None:
        """They are gone."""
        ...

    async def due_removals(self, limit: int) -> Sequence[MediaRemoval]:
        """Purged sessions whose objects are to go now."""
        ...

    async def removed(self, removal: MediaRemoval) -> None:
        """That is done."""
        ...

    async def objects_of(self, session_id: SessionId) -> frozenset[str]:
        """The keys that rows of a session name."""
        ...


class Objects(Protocol):
    """The media bucket. Every call raises an `OSError` when S3 is away or refuses."""

    async def remove(self, key: str) -> None:
        """Remove an object."""
        ...

    async def of_session(self, session_id: SessionId) -> Sequence[tuple[str, datetime]]:
        """The keys under a session's name, and when each was stored."""
        ...

    async def abort_older(self, age: timedelta, now: datetime) -> int:
        """Forget uploads that were never completed."""
        ...


class MediaJanitor:
    """The service: `run` it until it is cancelled."""

    def __init__(self, *, rows: Rows, bucket: Objects, keeps: timedelta, now: Callable[[], datetime]) -> None:
        self._rows = rows
        self._bucket = bucket
        self._keeps = keeps
        self._now = now

    async def run(self) -> None:
        """Clean, every minute. What is away only delays."""
        await asyncio.sleep(_FIRST)
        while True:
            try:
                await self.clean()
            except (StoreUnavailable, StoreError, OSError) as error:
                _log.warning("media.cleaning_failed", error=type(error).__name__)
            await asyncio.sleep(_EVERY)

    async def clean(self) -> int:
        """Remove what is due now; answers how many objects."""
        gone = await self._purge()
        before = self._now() - self._keeps
        while expired := await self._rows.expired(before, _BITE):
            for each in expired:
                await self._bucket.remove(each.object)
            await self._rows.forget(expired)
            gone += len(expired)
        await self._bucket.abort_older(_UNFINISHED, self._now())
        if gone:
            _log.info("media.removed", objects=gone)
        return gone

    async def _purge(self) -> int:
        gone = 0
        for removal in await self._rows.due_removals(_BITE):
            session_id = removal.session_id
            kept = await self._rows.objects_of(session_id)
            for key, stored_at in await self._bucket.of_session(session_id):
                if key not in kept and _is_doomed(key, stored_at, removal):
                    await self._bucket.remove(key)
                    gone += 1
            await self._rows.removed(removal)
        return gone


def _is_doomed(key: str, stored_at: datetime, removal: MediaRemoval) -> bool:
    """What we received goes however late it came; of what backends put there, what was there at the purge."""
    if key.startswith(f"{removal.session_id}/received/"):
        return True
    return removal.session_id != _UPLOADS and stored_at < removal.before
