"""The fleet's watch over itself: what a dead worker owned becomes nobody's, within seconds, and is taken up again."""

import asyncio
from collections.abc import Callable, Sequence
from random import Random

import structlog

from gateway_worker.connections.base.observer import SessionObserver
from gateway_worker.connections.base.storage import Storage
from gateway_worker.store.errors import StoreUnavailable
from gateway_worker.store.records import OwnerSigns
from gateway_worker.timing.clock import Clock
from schemas.names import WorkerId

_log = structlog.get_logger()

_LOOK_SECONDS = 1.0
_SUSPICIOUS_SECONDS = 0.4  # between looks while somebody is suspected
_JITTER = 0.2  # of it: workers that started together do not look together
_SECOND_LOOK_SECONDS = 2.0  # a server restart, or a cut, frees a living worker's lock for a moment


class Suspicion:
    """Which owners are dead. Pure.

    A lease that ran out is death, by the database's clock. A lock that is free may be in the course of being taken
    again: it must be seen free twice, 2 s apart, and at every look in between.
    """

    def __init__(self) -> None:
        self._since: dict[WorkerId, float] = {}

    def dead(self, signs: Sequence[OwnerSigns], now: float) -> list[WorkerId]:
        """Those who have died, given what is seen of all owners, in seconds that never go back."""
        suspects = [each.worker_id for each in signs if not (each.locked and each.leased)]
        self._since = {each: self._since.get(each, now) for each in suspects}
        over = {each.worker_id for each in signs if not each.leased}
        return [each for each in suspects if each in over or now >= self._since[each] + _SECOND_LOOK_SECONDS]

    @property
    def any(self) -> bool:
        """Whether somebody is suspected."""
        return bool(self._since)

    def vanished(self, signs: Sequence[OwnerSigns]) -> bool:
        """Whether somebody suspected owns nothing any more: another worker was faster. Ask before `dead`."""
        return not self._since.keys() <= {each.worker_id for each in signs}

    def forget(self) -> None:
        """What was seen so far is worth nothing."""
        self._since.clear()


class FailureDetector:
    """A chore of every worker; `freed` is called when there may be sessions to take up."""

    def __init__(
        self,
        freed: Callable[[], None],
        *,
        clock: Clock,
        observer: SessionObserver,
        rng: Random,
        storage: Storage,
        worker_id: WorkerId,
    ) -> None:
        self._clock = clock
        self._observer = observer
        self._rng = rng
        self._storage = storage
        self._worker_id = worker_id
        self._freed = freed
        self._suspicion = Suspicion()

    async def run(self) -> None:
        """For ever."""
        while True:
            seconds = _SUSPICIOUS_SECONDS if self._suspicion.any else _LOOK_SECONDS
            await asyncio.sleep(seconds * self._rng.uniform(1 - _JITTER, 1 + _JITTER))
            try:
                await self.look()
            except StoreUnavailable:
                self._suspicion.forget()

    async def look(self) -> None:
        """One look at all other owners: the sessions of those who have died are set free."""
        owners = self._storage.owners
        signs = await owners.look(self._worker_id)
        if signs is None:
            self._suspicion.forget()
            return
        if self._suspicion.vanished(signs):
            self._freed()
        for worker_id in self._suspicion.dead(signs, self._clock.monotonic()):
            count = await owners.free(worker_id)
            if count:
                _log.warning("worker.died", worker=worker_id, sessions=count)
                self._observer.sessions_freed(count)
                self._freed()
