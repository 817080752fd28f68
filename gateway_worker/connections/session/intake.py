"""When a session's queue is consumed: always, except while a connection is awaited for long."""

import asyncio
from collections.abc import Callable

from gateway_worker.connections.base.context import Timeouts
from gateway_worker.connections.base.ports import SessionQueues
from gateway_worker.connections.base.signals import Signal
from gateway_worker.timing.clock import Clock
from schemas.names import SessionId


class IntakeController:
    """Opens and pauses the queue of one session.

    What arrives while the session is away is held, so that a short absence costs nothing; after a long one it goes back
    to the queue, in order, and it opens again when the session is back, or when there is nothing to wait for.
    """

    def __init__(
        self,
        session_id: SessionId,
        awaited: Callable[[], bool],
        changed: Signal,
        *,
        clock: Clock,
        queues: SessionQueues,
        timeouts: Timeouts,
    ) -> None:
        self._session_id = session_id
        self._awaited = awaited
        self._changed = changed
        self._clock = clock
        self._queues = queues
        self._timeouts = timeouts
        self._away_since: float | None = None

    async def run(self) -> None:
        """Runs as long as the session is owned."""
        is_open = False
        while True:
            seconds = self._seconds_to_pause()
            wanted = seconds is None or seconds > 0
            if wanted != is_open:
                turn = self._queues.open if wanted else self._queues.pause
                await turn(self._session_id)
                is_open = wanted
            else:
                await self._rest(seconds if wanted else None)

    def _seconds_to_pause(self) -> float | None:
        """None while nobody waits for the connection."""
        if not self._awaited():
            self._away_since = None
            return None
        now = self._clock.monotonic()
        if self._away_since is None:
            self._away_since = now
        return self._away_since + self._timeouts.offline - now

    async def _rest(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.next()
        except TimeoutError:
            return
