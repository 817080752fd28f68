"""What this worker owns, as the database says, against what it runs: no session stays in limbo.

Nothing that is known makes the two differ for long: records are taken by their epoch (`Ownership`), and a cancellation
does not get lost (`cancelling`). This is the net below that: whatever the cause, it is noticed within seconds, mended,
counted and logged.
"""

import asyncio
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from random import Random
from typing import Final, NamedTuple, Protocol

import structlog

from gateway_worker.connections.base.observer import SessionObserver
from gateway_worker.connections.base.storage import Storage
from gateway_worker.connections.session.session import LiveSession
from gateway_worker.store.errors import StoreUnavailable
from gateway_worker.timing.clock import Clock
from schemas.names import SessionId, WorkerId

_log = structlog.get_logger()

LOOK_SECONDS: Final = 2.0
ENDING_SECONDS: Final = 20.0  # for a fenced session, to close its connection and its queue
_JITTER: Final = 0.2  # of a look: workers that started together do not look together

Epochs = Mapping[SessionId, int]


class Limbo(NamedTuple):
    """Sessions that differ, with the epoch of the row (`not_run`) or of the one that runs (`not_owned`)."""

    not_run: Epochs
    not_owned: Epochs


class Comparison:
    """Compares one look with the one before: what differs in the same way in both is no transition. Pure."""

    def __init__(self) -> None:
        self._last = Limbo({}, {})

    def look(self, *, owned: Epochs, running: Epochs) -> Limbo:
        """What is amiss, given which sessions are owned and which run, with their epochs."""
        seen = Limbo(
            {each: epoch for each, epoch in owned.items() if each not in running},
            {each: epoch for each, epoch in running.items() if owned.get(each) != epoch},
        )
        last, self._last = self._last, seen
        return Limbo(
            dict(seen.not_run.items() & last.not_run.items()),
            dict(seen.not_owned.items() & last.not_owned.items()),
        )

    def forget(self) -> None:
        """What was seen so far is worth nothing."""
        self._last = Limbo({}, {})


class RunningSessions(Protocol):
    """Who runs the sessions: `Ownership`."""

    def running(self) -> Mapping[SessionId, LiveSession]:
        """The sessions that run here at this moment."""
        ...

    def claiming(self) -> AbstractSet[SessionId]:
        """The sessions that are being claimed at this moment."""
        ...

    async def recover(self, session_id: SessionId, epoch: int) -> None:
        """It is this worker's, and does not run."""
        ...

    def cut_short(self, session_id: SessionId) -> None:
        """It is fenced, and does not end."""
        ...


class Reconciliation:
    """A chore of every worker."""

    def __init__(
        self,
        sessions: RunningSessions,
        incarnation: str,
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
        self._sessions = sessions
        self._incarnation = incarnation
        self._comparison = Comparison()
        self._cut_at: dict[SessionId, float] = {}

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS * self._rng.uniform(1 - _JITTER, 1 + _JITTER))
            self._end_the_overdue()
            try:
                await self._look()
            except StoreUnavailable:
                self._comparison.forget()

    async def _look(self) -> None:
        before, claiming = self._sessions.running(), self._sessions.claiming()
        owned = await self._storage.ownership.owned(self._worker_id, self._incarnation)
        after = self._sessions.running()
        here = {each: session.epoch for each, session in {**before, **after}.items()}
        claiming |= self._sessions.claiming()
        settled = {each: epoch for each, epoch in owned.items() if each not in claiming}
        limbo = self._comparison.look(owned=settled, running=here)
        for session_id, epoch in limbo.not_run.items():
            self._count("not_run", session_id)
            await self._sessions.recover(session_id, epoch)
        for session_id, epoch in limbo.not_owned.items():
            session = after.get(session_id)
            if session is not None and session.epoch == epoch and session.fenced_since is None:
                self._count("not_owned", session_id)
                session.fence_off()

    def _end_the_overdue(self) -> None:
        """A fenced session ends within a bound; one that is cut short has as long again, and is then cut once more."""
        now, running = self._clock.monotonic(), self._sessions.running()
        since = {each: session.fenced_since for each, session in running.items()}
        self._cut_at = {each: at for each, at in self._cut_at.items() if since.get(each) is not None}
        for session_id, fenced in since.items():
            if fenced is not None and now >= max(fenced, self._cut_at.get(session_id, 0.0)) + ENDING_SECONDS:
                self._cut_at[session_id] = now
                self._count("not_ending", session_id)
                self._sessions.cut_short(session_id)

    def _count(self, kind: str, session_id: SessionId) -> None:
        _log.error("session.in_limbo", session=session_id, kind=kind)
        self._observer.session_mended(kind)
