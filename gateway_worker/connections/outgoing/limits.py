"""A session's message limits as sliding windows. Pure: times are given, in Unix seconds.

The windows are filled from PostgreSQL when a session is taken over and kept in memory while it is owned (one owner at
a time, so nobody else counts): a restart forgets nothing.
"""

from collections import deque
from collections.abc import Iterable

MINUTE = 60.0
DAY = 86_400.0


class Window:
    """At most `limit` messages within `seconds`."""

    __slots__ = ("_seconds", "_times", "limit")

    def __init__(self, limit: int, seconds: float, times: Iterable[float] = ()) -> None:
        self.limit = limit
        self._seconds = seconds
        self._times: deque[float] = deque(times, maxlen=limit)

    def free_at(self, now: float) -> float:
        """When the next message may go: `now`, or later when the window is full."""
        if len(self._times) < self.limit:
            return now
        return max(now, self._times[0] + self._seconds)

    def used(self, now: float) -> int:
        """How many were taken within the span that ends now."""
        return sum(time > now - self._seconds for time in self._times)

    def take(self, at: float) -> None:
        """Count a message that goes at `at` (not before `free_at`)."""
        self._times.append(at)

    def give_back(self, at: float) -> None:
        """Uncount a message that did not go after all."""
        if at in self._times:
            self._times.remove(at)
