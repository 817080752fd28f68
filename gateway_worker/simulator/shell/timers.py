"""What the core wants done later, on the event loop's clock; what has not rung yet can be kept and taken up again."""

import asyncio
import time
from collections.abc import Callable

from gateway_worker.simulator.world.turn import Turn

Act = Callable[[Turn], None]


class Timers:
    """Calls `ring` with each act when its time has come."""

    def __init__(self, ring: Callable[[Act], None]) -> None:
        self._ring = ring
        self._pending: dict[asyncio.TimerHandle, tuple[float, Act]] = {}
        self._stopped: list[tuple[float, Act]] = []

    def schedule(self, delay: float, act: Act) -> None:
        """Rings in `delay` seconds."""

        def ring() -> None:
            del self._pending[timer]
            self._ring(act)

        timer = asyncio.get_running_loop().call_later(delay, ring)
        self._pending[timer] = (time.time() + delay, act)

    def stop(self) -> None:
        """Nothing rings any more."""
        for timer in self._pending:
            timer.cancel()
        self._stopped = self.pending()
        self._pending.clear()

    def pending(self) -> list[tuple[float, Act]]:
        """What has not rung: when it would (s since the epoch), and what."""
        return sorted([*self._pending.values(), *self._stopped], key=lambda entry: entry[0])

    def resume(self, pending: list[tuple[float, Act]]) -> None:
        """Takes up what an earlier run has left; what is overdue rings at once."""
        now = time.time()
        for due, act in pending:
            self.schedule(max(0.0, due - now), act)
