"""This worker's lease on its sessions: until when it may act for them.

It is renewed every 4 s and lasts 20 s: PostgreSQL may be away for 15 s (a restart, a failover) before anybody is
fenced, and after a partition the sessions wait for 20 s at most. Death is seen without it: see `lock.py`.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

LEASE_SECONDS: Final = 20.0
RENEW_SECONDS: Final = 4.0
_SETTLING_SECONDS: Final = 5.0

Listener = Callable[[], None]


class Lease:
    """Counts from before each renewal was sent, on the monotonic clock: here it is over before it is in the database.

    Args:
        seconds: how long a renewal lasts.
        monotonic: seconds that never go back, and go on while this process is stopped.
    """

    def __init__(self, *, seconds: float = LEASE_SECONDS, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self.now = monotonic
        self._deadline: float | None = None
        self._troubled = False
        self._calm_since = 0.0
        self._running = asyncio.Event()
        self._lapse_listeners: list[Listener] = []
        self._return_listeners: list[Listener] = []

    def on_lapse(self, listener: Listener) -> None:
        """Call `listener` whenever it has run out, before it can run again. It must neither block nor raise."""
        self._lapse_listeners.append(listener)

    def on_return(self, listener: Listener) -> None:
        """Call `listener` when renewing works again after trouble: others may have thought this worker dead."""
        self._return_listeners.append(listener)

    @property
    def permits(self) -> bool:
        """Whether this process may use the database: one that never took a lease (a command line's) always may."""
        return self._deadline is None or self.now() < self._deadline

    @property
    def remaining(self) -> float:
        """Seconds until it runs out unless it is renewed; 0 when it has, or was never taken."""
        return 0.0 if self._deadline is None else max(0.0, self._deadline - self.now())

    @property
    def settled(self) -> bool:
        """Whether the last trouble is some time ago: the other workers had the same, and are back by now too."""
        return self.permits and not self._troubled and self.now() >= self._calm_since

    async def held(self) -> None:
        """Returns when it runs (again)."""
        self.check()
        await self._running.wait()

    def extend(self, sent: float, *, locked: bool = True) -> None:
        """A renewal that was sent at `sent` has been taken. Without the lock the trouble is not over."""
        self.check()
        self._deadline = sent + self.seconds
        self._running.set()
        if self._troubled and locked:
            self._troubled = False
            self._calm_since = self.now() + _SETTLING_SECONDS
            for listener in self._return_listeners:
                listener()

    def trouble(self) -> None:
        """A renewal failed, or the lock was lost."""
        self._troubled = True

    def check(self) -> None:
        """Notice if it has run out."""
        if self._running.is_set() and not self.permits:
            self._running.clear()
            self._troubled = True
            for listener in self._lapse_listeners:
                listener()

    async def watch(self) -> None:
        """Notice it the moment it happens; for ever."""
        while True:
            await self._running.wait()
            await asyncio.sleep(self.remaining)
            self.check()
