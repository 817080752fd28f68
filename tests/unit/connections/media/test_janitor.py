"""Who removes old files outlives whatever is away."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from gateway_worker.connections.media.janitor import MediaJanitor
from gateway_worker.store.errors import StoreError, StoreUnavailable
from gateway_worker.store.reading.media import ExpiredMedia, MediaRemoval
from schemas.names import MessageId, SessionId
from tests.support.connections.virtual_time import EPOCH, VirtualClock, virtual

OLD = ExpiredMedia(SessionId("anna"), MessageId("3EB0"), "anna/received/2026/01/3EB0", EPOCH)


@dataclass
class Rows:
    trouble: Exception | None = None
    old: list[ExpiredMedia] = field(default_factory=lambda: [OLD])

    async def expired(self, before: datetime, limit: int) -> Sequence[ExpiredMedia]:
        if self.trouble is not None:
            raise self.trouble
        return [each for each in self.old if each.created_at < before][:limit]

    async def forget(self, expired: Sequence[ExpiredMedia]) -> None:
        self.old = [each for each in self.old if each not in expired]

    async def due_removals(self, limit: int) -> Sequence[MediaRemoval]:  # noqa: ARG002 (the port's)
        return ()

    async def removed(self, removal: MediaRemoval) -> None:
        raise AssertionError(removal)

    async def objects_of(self, session_id: SessionId) -> frozenset[str]:
        raise AssertionError(session_id)


@dataclass
class Objects:
    trouble: Exception | None = None
    removed: list[str] = field(default_factory=list[str])

    async def remove(self, key: str) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.removed.append(key)

    async def of_session(self, session_id: SessionId) -> Sequence[tuple[str, datetime]]:
        raise AssertionError(session_id)

    async def abort_older(self, age: timedelta, now: datetime) -> int:
        return 0 if now > EPOCH + age else -1


@pytest.mark.parametrize("trouble", [StoreUnavailable(), StoreError("unreadable"), ConnectionError("refused")])
def test_what_is_away_only_delays_the_cleaning(trouble: Exception) -> None:
    @virtual
    async def clean() -> None:
        rows, bucket = Rows(), Objects()
        if isinstance(trouble, OSError):
            bucket.trouble = trouble
        else:
            rows.trouble = trouble
        keeps = timedelta(days=-1)  # everything is old
        cleaning = asyncio.create_task(
            MediaJanitor(rows=rows, bucket=bucket, keeps=keeps, now=VirtualClock().now).run()
        )
        await asyncio.sleep(600)
        assert (cleaning.done(), bucket.removed, rows.old) == (False, [], [OLD])
        rows.trouble = bucket.trouble = None
        await asyncio.sleep(61)
        assert (bucket.removed, rows.old) == ([OLD.object], [])
        cleaning.cancel()

    clean()
