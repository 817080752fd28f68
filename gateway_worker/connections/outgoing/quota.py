"""A session's message limits at work: per day rejects, per minute paces."""

import asyncio
import math
from datetime import timedelta

from gateway_worker.connections.base.context import SessionContext
from gateway_worker.connections.outgoing.limits import DAY, MINUTE, Window
from gateway_worker.store.records import SessionRecord
from schemas.commands.session_settings import SessionLimits
from schemas.errors import RateLimited
from schemas.names import SessionId


class Quota:
    """Counts the outgoing messages of one owned session, from what PostgreSQL knows at the first of them."""

    def __init__(self, record: SessionRecord, context: SessionContext) -> None:
        self._session_id: SessionId = record.session_id
        self._context = context
        self._limits = SessionLimits.model_validate(record.limits)
        self._minute: Window | None = None
        self._day: Window | None = None
        self._loading = asyncio.Lock()
        self._loaded = False

    async def reserve(self) -> float | None:
        """Count a message that is about to begin; returns what `give_back` takes, None without a daily limit.

        Raises:
            RateLimited: the day's messages are used up.
            StoreUnavailable: they could not be counted.
        """
        if self._limits.messages_per_day is None and self._limits.messages_per_minute is None:
            return None
        await self._load()
        if self._day is None:
            return None
        now = self._now()
        free_at = self._day.free_at(now)
        if free_at > now:
            raise RateLimited(math.ceil(free_at - now))
        self._day.take(now)
        return now

    def give_back(self, reserved: float | None) -> None:
        """The message was not begun after all, or had been before."""
        if reserved is not None and self._day is not None:
            self._day.give_back(reserved)

    async def pace(self) -> None:
        """Wait for this minute's room."""
        if self._limits.messages_per_minute is None:
            return
        await self._load()
        if self._minute is not None:
            now = self._now()
            at = self._minute.free_at(now)
            self._minute.take(at)
            await asyncio.sleep(at - now)

    async def _load(self) -> None:
        async with self._loading:
            if not self._loaded:
                self._day = await self._window(self._limits.messages_per_day, DAY)
                self._minute = await self._window(self._limits.messages_per_minute, MINUTE)
                self._loaded = True

    async def _window(self, limit: int | None, seconds: float) -> Window | None:
        if limit is None:
            return None
        since = self._context.clock.now() - timedelta(seconds=seconds)
        times = await self._context.storage.messages.begun_since(self._session_id, since, limit)
        return Window(limit, seconds, (time.timestamp() for time in times))

    def _now(self) -> float:
        return self._context.clock.now().timestamp()
