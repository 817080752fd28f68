"""Emptying a worker: its sessions are handed over in waves, as the rest of the fleet has room for them."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from gateway_worker.connections.base.signals import Signal, until_stored
from gateway_worker.connections.base.storage import Storage
from gateway_worker.connections.lifecycle.reasons import WORKER_DRAINING
from gateway_worker.connections.session.session import LiveSession
from gateway_worker.timing.clock import Clock
from schemas.names import WorkerId

_log = structlog.get_logger()

WAVE: Final = 10  # sessions without a connection at a time
LOOK_SECONDS: Final = 2.0  # between looks for room
REST_SECONDS: Final = 30.0  # a session that nobody took is left in peace for so long


class Drain:
    """A chore: hands over what it can, for ever. What nobody has room for is served on here meanwhile.

    Args:
        held: the sessions that are still here.
        changed: fired when one is gone.
    """

    def __init__(
        self,
        held: Callable[[], Sequence[LiveSession]],
        changed: Signal,
        *,
        clock: Clock,
        storage: Storage,
        worker_id: WorkerId,
    ) -> None:
        self._clock = clock
        self._storage = storage
        self._worker_id = worker_id
        self._held = held
        self._changed = changed

    async def run(self) -> None:
        """Until cancelled."""
        _log.info("worker.draining", count=len(self._held()))
        while True:
            wave = await self._next_wave()
            for session in wave:
                session.move(WORKER_DRAINING)
            while not set(wave).isdisjoint(self._held()):
                await self._changed.next()
            if wave:
                _log.info("sessions.handed_over", count=len(wave), left=len(self._held()))
            else:
                await asyncio.sleep(LOOK_SECONDS)

    async def _next_wave(self) -> Sequence[LiveSession]:
        rested = self._clock.monotonic() - REST_SECONDS
        ready = [each for each in self._held() if each.returned_at is None or each.returned_at <= rested]
        if not ready:
            return []
        moves = self._storage.moves
        room = await until_stored(lambda: moves.room(self._worker_id))
        return ready[: min(WAVE, room.left)]
