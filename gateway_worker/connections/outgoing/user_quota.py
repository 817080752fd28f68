"""What all sessions of one user may send together: counted in PostgreSQL, for whichever worker asks."""

import asyncio
import math
from contextlib import suppress
from typing import Final

from gateway_worker.connections.base.storage import SessionCache, Storage
from gateway_worker.connections.outgoing.limits import DAY, MINUTE
from gateway_worker.store.errors import StoreUnavailable
from gateway_worker.store.records import UserSpan
from gateway_worker.timing.clock import Clock
from schemas.errors import RateLimited
from schemas.names import UserId

_SHOW_SECONDS: Final = 1.0


class UserQuota:
    """One session's part in it."""

    def __init__(self, user_id: UserId, *, cache: SessionCache, clock: Clock, storage: Storage) -> None:
        self._user_id = user_id
        self._cache = cache
        self._clock = clock
        self._storage = storage
        self._shown = 0.0

    async def reserve(self) -> int | None:
        """Count a message that is about to begin; answers its number in the user's day, None without a limit.

        Raises:
            RateLimited: the day's messages are used up.
            StoreUnavailable: they could not be counted.
        """
        limits = await self._storage.user_limits.of(self._user_id)
        if limits is None or limits.per_day is None:
            return None
        taken = await self._storage.user_limits.take(self._user_id, UserSpan.DAY)
        if taken is None:
            return None
        now = self._clock.now()
        if taken.number is None:
            raise RateLimited(max(1, math.ceil((taken.at - now).total_seconds())), "userMessagesPerDay")
        await self._show()
        return taken.number

    async def give_back(self, number: int | None) -> None:
        """It was not begun after all. Where the database is away it stays counted."""
        if number is not None:
            with suppress(StoreUnavailable):
                await self._storage.user_limits.give_back(self._user_id, number)

    async def pace(self) -> None:
        """Wait for this minute's room. Raises StoreUnavailable."""
        limits = await self._storage.user_limits.of(self._user_id)
        if limits is None or limits.per_minute is None:
            return
        taken = await self._storage.user_limits.take(self._user_id, UserSpan.MINUTE)
        if taken is not None:
            await self._show()
            await asyncio.sleep(max(0.0, (taken.at - self._clock.now()).total_seconds()))

    async def _show(self) -> None:
        now = self._clock.monotonic()
        if self._shown and now - self._shown < _SHOW_SECONDS:
            return
        self._shown = now
        rows = self._storage.user_limits
        limits = await rows.of(self._user_id)
        if limits is None:
            return
        fields = dict[str, str]()
        if limits.per_minute is not None:
            used = await rows.used(self._user_id, UserSpan.MINUTE)
            fields |= {"messagesPerMinute": str(limits.per_minute), "thisMinute": str(used)}
        if limits.per_day is not None:
            used = await rows.used(self._user_id, UserSpan.DAY)
            fields |= {"messagesPerDay": str(limits.per_day), "thisDay": str(used)}
        seconds = MINUTE if limits.per_day is None else DAY
        await self._cache.put_rate_limit("user", self._user_id, fields, int(seconds))
