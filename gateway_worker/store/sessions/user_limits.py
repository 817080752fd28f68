"""What all sessions of a user may send together, and what they sent, whichever workers own them.

Each message that is counted has a number, 1, 2, 3 …, and a time. With a limit of n the one before the last n says
whether there is room: two rows are looked at, however many there are. What is older than its span is removed, by
whoever takes its place and by the hourly pruning.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from gateway_worker.store.postgres.database import Database, Wire
from gateway_worker.store.records import Taken, UserLimit, UserSpan
from schemas.names import UserId

SPANS: Final = {UserSpan.MINUTE: timedelta(minutes=1), UserSpan.DAY: timedelta(days=1)}
FRESH_SECONDS: Final = 10.0  # so long after a change other workers may go by the limits before it
_MOST_KNOWN: Final = 20_000

_PUT: Final = """
    INSERT INTO user_limits (user_id, per_minute, per_day) VALUES ($1, $2, $3)
    ON CONFLICT (user_id) DO UPDATE SET per_minute = excluded.per_minute, per_day = excluded.per_day
"""
_OF: Final = "SELECT per_minute, per_day FROM user_limits WHERE user_id = $1"
_NUMBER: Final = """
    UPDATE user_limits SET taken_{span} = taken_{span} + 1
    WHERE user_id = $1 AND per_{span} IS NOT NULL
    RETURNING taken_{span} AS number, per_{span} AS most
"""
_BEFORE: Final = "SELECT at FROM user_messages WHERE user_id = $1 AND span = $2 AND number = $3"
_TAKE: Final = """
    WITH gone AS (DELETE FROM user_messages WHERE user_id = $1 AND span = $2 AND number = $5)
    INSERT INTO user_messages (user_id, span, number, at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (user_id, span, number) DO UPDATE SET at = excluded.at
"""
# The last one takes the place of one that is given back: so there is no hole.
_LAST: Final = """
    UPDATE user_limits SET taken_day = taken_day - 1 WHERE user_id = $1 AND taken_day > 0 RETURNING taken_day + 1
"""
_REMOVE: Final = "DELETE FROM user_messages WHERE user_id = $1 AND span = 'day' AND number = $2"
_MOVE: Final = "UPDATE user_messages SET number = $2 WHERE user_id = $1 AND span = 'day' AND number = $3"
_USED: Final = "SELECT count(*) FROM user_messages WHERE user_id = $1 AND span = $2 AND at > $3"


class _Full(Exception):  # noqa: N818 (reads as the fact it is)
    """There is no room `until` then; nothing is counted."""

    def __init__(self, until: datetime) -> None:
        super().__init__()
        self.until = until


class UserLimits:
    """Limits of users. Every call raises `StoreUnavailable` when the database is away."""

    def __init__(self, database: Database, now: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._database = database
        self._now = now
        self._monotonic = monotonic
        self._known: OrderedDict[UserId, tuple[float, UserLimit | None]] = OrderedDict()

    async def put(self, user_id: UserId, limit: UserLimit) -> None:
        """Replace them."""
        async with self._database.wire() as wire:
            await wire.execute(_PUT, user_id, limit.per_minute, limit.per_day)
        self._known.pop(user_id, None)

    async def of(self, user_id: UserId) -> UserLimit | None:
        """A user's, as they were some seconds ago at the earliest; None: there are none."""
        asked_at, known = self._known.get(user_id, (0.0, None))
        now = self._monotonic()
        if asked_at and now - asked_at < FRESH_SECONDS:
            return known
        async with self._database.wire() as wire:
            row = await wire.fetchrow(_OF, user_id)
        limits = None if row is None else UserLimit(per_minute=row["per_minute"], per_day=row["per_day"])
        self._known[user_id] = (now, limits)
        self._known.move_to_end(user_id)
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        return limits

    async def take(self, user_id: UserId, span: UserSpan) -> Taken | None:
        """Count a message; None where there is no limit. See `Taken` for one that finds no room."""
        try:
            async with self._database.transaction() as wire:
                # The row's lock comes first, in a statement of its own: the next one sees what others took
                row = await wire.fetchrow(_NUMBER.format(span=span.value), user_id)
                return None if row is None else await self._take(wire, user_id, span, row["number"], row["most"])
        except _Full as full:
            return Taken(number=None, at=full.until)

    async def give_back(self, user_id: UserId, number: int) -> None:
        """Of the day: the message did not begin after all."""
        async with self._database.transaction() as wire:
            last: int | None = await wire.fetchval(_LAST, user_id)
            if last is not None:
                place = min(number, last)  # others may have been given back meanwhile
                await wire.execute(_REMOVE, user_id, place)
                await wire.execute(_MOVE, user_id, place, last)

    async def used(self, user_id: UserId, span: UserSpan) -> int:
        """How many were counted within the span that ends now."""
        async with self._database.wire() as wire:
            return await wire.fetchval(_USED, user_id, span.value, self._now() - SPANS[span])

    async def _take(self, wire: Wire, user_id: UserId, span: UserSpan, number: int, most: int) -> Taken:
        now = self._now()
        before: datetime | None = await wire.fetchval(_BEFORE, user_id, span.value, number - most)
        at = now if before is None else max(now, before + SPANS[span])
        if span is UserSpan.DAY and at > now:
            raise _Full(at)
        await wire.execute(_TAKE, user_id, span.value, number, at, number - most)
        return Taken(number=number, at=at)
