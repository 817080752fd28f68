"""Time as the machine tells it."""

import time
from datetime import UTC, datetime


class SystemClock:
    """The clock of a running worker."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()
