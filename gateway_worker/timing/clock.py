"""Where time comes from: the port that everything is given, and the clock of a running worker."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Waiting is `asyncio`'s business: tests run on a loop with virtual time."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


class SystemClock:
    """Time as the machine tells it."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()
