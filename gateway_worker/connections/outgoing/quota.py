"""A session's message limits at work: per day rejects, per minute paces; its own, and its user's.

Own ones are counted in memory, from what PostgreSQL knows at the first message: nobody else owns the session. A user's
are counted in PostgreSQL, since sessions of one user live at many workers. What is used up of both stands in Redis.
"""

import asyncio
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from gateway_worker.connections.base.brake import ProxyBrakes
from gateway_worker.connections.base.signals import until_stored
from gateway_worker.connections.base.storage import SessionCache, Storage
from gateway_worker.connections.base.writer import Writer
from gateway_worker.connections.outgoing.limits import DAY, MINUTE, Window
from gateway_worker.connections.outgoing.user_quota import UserQuota
from gateway_worker.connections.outgoing.warm_up import messages_of_day
from gateway_worker.store.operations.sessions import AppendEvent
from gateway_worker.store.records import SessionRecord
from gateway_worker.timing.clock import Clock
from schemas.commands.session_settings import SessionLimits
from schemas.errors import MessageRejectedByWhatsApp, RateLimited
from schemas.events.events import SESSION_THROTTLED
from schemas.events.throttling import SessionThrottled, ThrottleCause
from schemas.names import SessionId

_SHOW_SECONDS: Final = 1.0  # between two writes of one session's figures to Redis


@dataclass(frozen=True, slots=True)
class Reserved:
    """What a message that is about to begin has taken: of the session's day, and of its user's."""

    at: float | None
    number: int | None


class Quota:
    """Counts the outgoing messages of one owned session."""

    def __init__(
        self,
        record: SessionRecord,
        writer: Writer,
        *,
        brakes: ProxyBrakes,
        cache: SessionCache,
        clock: Clock,
        rng: Random,
        storage: Storage,
    ) -> None:
        self._session_id: SessionId = record.session_id
        self._created_at = record.created_at
        self._brakes = brakes
        self._cache = cache
        self._clock = clock
        self._rng = rng
        self._storage = storage
        self._writer = writer
        self._limits = SessionLimits.model_validate(record.limits)
        self._user = UserQuota(record.user_id, cache=cache, clock=clock, storage=storage)
        proxy = record.options.get("proxy")
        self._proxy = proxy if isinstance(proxy, str) else None
        self._minute: Window | None = None
        self._day: Window | None = None
        self._day_limit: int | None = None
        self._loading = asyncio.Lock()
        self._next_stranger = self._shown = 0.0
        self._announced: dict[ThrottleCause, float] = {}

    async def reserve(self) -> Reserved:
        """Count a message that is about to begin; `give_back` takes what this returns.

        Raises:
            RateLimited: the day's messages are used up.
            StoreUnavailable: they could not be counted.
        """
        at = await self._reserve_own()
        try:
            number = await self._user.reserve()
        except BaseException:
            self._give_back_own(at)
            raise
        return Reserved(at, number)

    async def give_back(self, reserved: Reserved | None) -> None:
        """The message was not begun after all, or had been before."""
        if reserved is not None:
            self._give_back_own(reserved.at)
            await self._user.give_back(reserved.number)

    async def pace(self, chat: str) -> None:
        """Wait until a message to `chat` may leave: for a pause before strangers, this minute's room, a brake."""
        await self._pause_before_strangers(chat)
        await self._pace_minute()
        await until_stored(self._user.pace)
        await self._wait_for_brake()
        await self._show()

    async def refused(self, error: MessageRejectedByWhatsApp) -> None:
        """WhatsApp has refused a message: who sends through the same proxy takes a rest."""
        if self._proxy is not None:
            await self._brakes.pull(self._proxy, error.whatsapp_code)

    async def _reserve_own(self) -> float | None:
        moment = self._clock.now()
        limit, is_warm_up = messages_of_day(self._limits, self._created_at, moment)
        if limit is None:
            return None
        window = await self._day_window(limit)
        now = self._now()
        free_at = window.free_at(now)
        if free_at > now:
            if is_warm_up:
                await self._announce(ThrottleCause.WARM_UP, free_at)
            raise RateLimited(math.ceil(free_at - now), "warmUp" if is_warm_up else "messagesPerDay")
        window.take(now)
        return now

    def _give_back_own(self, at: float | None) -> None:
        if at is not None and self._day is not None:
            self._day.give_back(at)

    async def _pause_before_strangers(self, chat: str) -> None:
        pause, messages = self._limits.stranger_pause, self._storage.messages
        if pause is None or await until_stored(lambda: messages.has_talked(self._session_id, chat)):
            return
        now = self._now()
        at = max(now, self._next_stranger)
        self._next_stranger = at + self._rng.uniform(pause.least_seconds, pause.most_seconds)
        if at > now:
            await self._announce(ThrottleCause.STRANGER_PAUSE, at)
            await asyncio.sleep(at - now)

    async def _pace_minute(self) -> None:
        if self._limits.messages_per_minute is None:
            return
        window = await self._minute_window(self._limits.messages_per_minute)
        now = self._now()
        at = window.free_at(now)
        window.take(at)
        await asyncio.sleep(at - now)

    async def _wait_for_brake(self) -> None:
        if self._proxy is None:
            return
        while (brake := await self._brakes.of(self._proxy)) is not None:
            await self._announce(ThrottleCause.PROXY_BRAKE, brake.until, brake.code)
            await asyncio.sleep(max(0.0, brake.until - self._now()))

    async def _announce(self, cause: ThrottleCause, until: float, code: str | None = None) -> None:
        """Once for each hindrance: a later message meets the same one."""
        now = self._now()
        if self._announced.get(cause, 0.0) >= (until if cause is ThrottleCause.PROXY_BRAKE else now):
            return
        self._announced[cause] = until
        event = SessionThrottled(
            session_id=self._session_id,
            cause=cause,
            until=datetime.fromtimestamp(until, UTC),
            whatsapp_code=code,
            timestamp=self._clock.now(),
        )
        await self._writer.write_surely(AppendEvent(type=SESSION_THROTTLED.type, data=event.to_data()))

    async def _show(self) -> None:
        """What is used up, in Redis: for a while nobody else knows better."""
        now = self._now()
        windows = {"Minute": (self._minute, MINUTE), "Day": (self._day, DAY)}
        shown = {name: window for name, (window, _) in windows.items() if window is not None}
        if not shown or now - self._shown < _SHOW_SECONDS:
            return
        self._shown = now
        fields = {f"messagesPer{name}": str(window.limit) for name, window in shown.items()}
        fields |= {f"this{name}": str(window.used(now)) for name, window in shown.items()}
        seconds = max(seconds for window, seconds in windows.values() if window is not None)
        await self._cache.put_rate_limit("session", self._session_id, fields, int(seconds))

    async def _day_window(self, limit: int) -> Window:
        async with self._loading:
            if self._day is None or self._day_limit != limit:
                self._day, self._day_limit = await self._window(limit, DAY), limit
            return self._day

    async def _minute_window(self, limit: int) -> Window:
        async with self._loading:
            if self._minute is None:
                self._minute = await until_stored(lambda: self._window(limit, MINUTE))
            return self._minute

    async def _window(self, limit: int, seconds: float) -> Window:
        since = self._clock.now() - timedelta(seconds=seconds)
        times = await self._storage.messages.begun_since(self._session_id, since, limit)
        return Window(limit, seconds, (time.timestamp() for time in times))

    def _now(self) -> float:
        return self._clock.now().timestamp()
