"""Writes of sessions that somebody has locked in the database: they wait here, in order, and hold up nobody else."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from gateway_worker.store.errors import StoreUnavailable
from gateway_worker.store.writing.transaction import Writing
from gateway_worker.timing.pauses import Pauses
from schemas.names import SessionId

log = structlog.get_logger(__name__)

PATIENCE_SECONDS: Final = 20.0  # then the callers are told, as if the database were away
LEAVING_SECONDS: Final = 2.0  # once the store stops
_PAUSES: Final = Pauses(first=0.02, longest=0.5)
_REPORTED_AFTER: Final = 1.0  # our own statements lock a row for a moment, which is nothing to tell of


class Waiting:
    """A write and its caller. It occupies its place in the room until it is answered, or waits apart."""

    __slots__ = ("_room", "alone", "answer", "weight", "writing")

    def __init__(self, writing: Writing, weight: int, alone: bool, room: asyncio.Semaphore) -> None:  # noqa: FBT001
        self.writing = writing
        self.weight = weight
        self.alone = alone
        self.answer: asyncio.Future[tuple[Any, ...]] = asyncio.get_running_loop().create_future()
        self._room: asyncio.Semaphore | None = room
        self.answer.add_done_callback(lambda _: self.leave_room())

    @property
    def session_id(self) -> SessionId:
        """Whose it is."""
        return self.writing.fence.session_id

    def leave_room(self) -> None:
        """Others may wait in its place; idempotent."""
        if self._room is not None:
            self._room.release()
            self._room = None

    def succeed(self, answers: tuple[Any, ...]) -> None:
        """It is committed."""
        if not self.answer.done():
            self.answer.set_result(answers)

    def fail(self, error: Exception) -> None:
        """It is not, and will not be."""
        if not self.answer.done():
            self.answer.set_exception(error)


@dataclass(slots=True)
class _Session:
    since: float
    due: float
    failures: int = 0
    is_reported: bool = False
    writes: deque[Waiting] = field(default_factory=deque[Waiting])


class Apart:
    """The sessions that are set apart, each with its writes in the order of the calls.

    A session stays here until nothing of it waits any more: so no write overtakes an earlier one.
    """

    def __init__(self) -> None:
        self._sessions: dict[SessionId, _Session] = {}
        self._event = asyncio.Event()
        self._hurried = False

    def __contains__(self, session_id: SessionId) -> bool:
        return session_id in self._sessions

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def due(self) -> float | None:
        """When the next one is to be tried, on the loop's clock; None while there is none."""
        return min((session.due for session in self._sessions.values()), default=None)

    def put_first(self, session_id: SessionId, writes: Sequence[Waiting]) -> None:
        """Its row is locked: wait for a while, or no longer."""
        now = asyncio.get_running_loop().time()
        session = self._sessions.setdefault(session_id, _Session(since=now, due=now))
        for waiting in writes:
            waiting.leave_room()
        session.writes.extendleft(reversed(writes))
        session.failures += 1
        session.due = now + _PAUSES.after(session.failures)
        if not session.is_reported and now - session.since >= _REPORTED_AFTER:
            session.is_reported = True
            log.warning("store.session_locked", session=session_id, writes=len(session.writes))
        if now - session.since >= (LEAVING_SECONDS if self._hurried else PATIENCE_SECONDS):
            self._give_up(session_id)
        self._event.set()

    def join(self, waiting: Waiting) -> None:
        """Behind what waits for its session."""
        waiting.leave_room()
        self._sessions[waiting.session_id].writes.append(waiting)

    def next_group(self, most: int, heaviest: int) -> tuple[SessionId, Sequence[Waiting]]:
        """The session that has been due for longest, and its first writes: one that stands alone is alone.

        Args:
            most: writes.
            heaviest: rows of them; a single write may have more.
        """
        session_id = min(self._sessions, key=lambda each: self._sessions[each].due)
        writes = self._sessions[session_id].writes
        group = [writes.popleft()]
        total = group[0].weight
        while writes and len(group) < most and not group[0].alone and not writes[0].alone:
            total += writes[0].weight
            if total > heaviest:
                break
            group.append(writes.popleft())
        return session_id, group

    def succeeded(self, session_id: SessionId) -> None:
        """Its row is free: go on with the rest at once, if there is any."""
        session = self._sessions[session_id]
        if not session.writes:
            del self._sessions[session_id]
            return
        session.since = session.due = asyncio.get_running_loop().time()
        session.failures = 0

    async def changed(self, seconds: float | None = None) -> None:
        """Returns when there is another session, after so many seconds, or when the store stops."""
        self._event.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return

    def hurry(self) -> None:
        """The store stops: nobody waits long for a lock any more."""
        self._hurried = True
        self._event.set()

    def _give_up(self, session_id: SessionId) -> None:
        for waiting in self._sessions.pop(session_id).writes:
            waiting.fail(StoreUnavailable("Somebody has locked the session in the database."))
