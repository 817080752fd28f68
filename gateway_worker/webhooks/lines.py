"""The order of each session's events at one target, whatever holds some of them up.

Each session (and each worker) has a line. While the first of a line is tried again and again and others get through,
those behind it would fill what may be in hand; so beyond `LONGEST` they are *parked*: put into a queue of the line's
own, and acknowledged. The first one stays in hand, unacknowledged, until the parked ones are told: a process that dies
is handed it again, and so knows where to look.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from gateway_worker.webhooks.delivering import LeavingError
from gateway_worker.webhooks.jobs import EventJob

LONGEST: Final = 8  # in hand of one line whose first one is in trouble

Deliver = Callable[[EventJob, Callable[[], None]], Awaitable[None]]
"""Tells the target of an event, or puts it away for good; calls the second whenever that has failed for now."""


class Target(Protocol):
    """Whether all lines wait for the same: then none is parked, and what waits stays in the target's own queue."""

    @property
    def is_away(self) -> bool:
        """It fails whoever calls it."""
        ...

    async def back(self) -> None:
        """Return when it is not. Raises LeavingError."""
        ...


class Parking(Protocol):
    """The queues in which lines wait."""

    async def exists(self, line: str) -> bool:
        """Whether there is one of that line."""
        ...

    async def park(self, line: str, job: EventJob) -> None:
        """Put it at the end; returns when it is safe."""
        ...

    async def first(self, line: str) -> EventJob | None:
        """The next one, once the one before is acknowledged; None: an end, marked by the first call since the last."""
        ...

    async def remove(self, line: str) -> None:
        """Nothing is in it, and it is not needed any more."""
        ...


@dataclass(slots=True)
class _Line:
    waiting: deque[EventJob] = field(default_factory=deque[EventJob])
    to_park: deque[EventJob] = field(default_factory=deque[EventJob])
    is_troubled: bool = False
    is_parked: bool = False
    parker: asyncio.Task[None] | None = None
    moved: asyncio.Event = field(default_factory=asyncio.Event)


class Lines:
    """All lines of one target.

    Args:
        deliver: how an event is delivered.
        target: to whom.
        group: what its tasks belong to: an error of one ends all.
    """

    def __init__(self, deliver: Deliver, target: Target, parking: Parking, group: asyncio.TaskGroup) -> None:
        self._deliver = deliver
        self._target = target
        self._parking = parking
        self._group = group
        self._lines: dict[str, _Line] = {}
        self._looked_at: set[str] = set()

    @property
    def in_hand(self) -> int:
        """Events in hand."""
        return sum(len(line.waiting) + len(line.to_park) for line in self._lines.values())

    @property
    def oldest(self) -> datetime | None:
        """Since when the one is due that waits longest."""
        return min((line.waiting[0].since for line in self._lines.values()), default=None)

    @property
    def parked(self) -> int:
        """Lines that are parked."""
        return sum(line.is_parked for line in self._lines.values())

    def put(self, job: EventJob) -> None:
        """It is told after all that came before it in its line."""
        line = self._lines.get(job.line)
        if line is None:
            line = self._lines[job.line] = _Line()
            line.waiting.append(job)
            self._group.create_task(self._work(job.line, line))
        elif line.is_parked:
            line.to_park.append(job)
            self._start_parker(job.line, line)
        else:
            line.waiting.append(job)
            self._park_if_long(job.line, line)

    async def _work(self, name: str, line: _Line) -> None:
        """Tell all of a line, until nothing waits."""
        try:
            while line.waiting:
                job = line.waiting[0]
                if job.is_repeated and name not in self._looked_at:
                    self._looked_at.add(name)
                    if await self._parking.exists(name):
                        self._park(name, line)
                await self._deliver(job, lambda: self._trouble(name, line))
                if line.is_parked:
                    await self._unpark(name, line)
                await job.ack()
                line.waiting.popleft()
                line.is_troubled = False
        except LeavingError:
            return
        finally:
            del self._lines[name]

    def _trouble(self, name: str, line: _Line) -> None:
        line.is_troubled = True
        self._park_if_long(name, line)

    def _park_if_long(self, name: str, line: _Line) -> None:
        is_long = len(line.waiting) > LONGEST
        if is_long and line.is_troubled and not line.is_parked and not self._target.is_away:
            self._park(name, line)

    def _park(self, name: str, line: _Line) -> None:
        """From now on what comes behind the first one is parked."""
        line.is_parked = True
        while len(line.waiting) > 1:
            line.to_park.appendleft(line.waiting.pop())
        self._start_parker(name, line)

    def _start_parker(self, name: str, line: _Line) -> None:
        if line.parker is None and line.to_park:
            line.parker = self._group.create_task(self._park_all(name, line))

    async def _park_all(self, name: str, line: _Line) -> None:
        try:
            while line.to_park:
                await self._target.back()
                job = line.to_park[0]
                await self._parking.park(name, job)
                await job.ack()
                line.to_park.popleft()
                line.moved.set()
        except LeavingError:
            return
        finally:
            line.parker = None
            line.moved.set()

    async def _unpark(self, name: str, line: _Line) -> None:
        """Tell those that are parked, in order, until nothing is.

        The end may have been marked before the last ones were parked: only an end right behind another one is the end.
        """
        line.is_troubled, was_end = False, False
        while True:
            line.moved.clear()
            job = await self._parking.first(name)
            if job is not None:
                await self._deliver(job, lambda: None)
                await job.ack()
                was_end = False
            elif line.parker is not None:
                await line.moved.wait()
                was_end = False
            elif was_end and not line.moved.is_set():
                break
            else:
                was_end = True
        line.is_parked = False  # before the next `await`: what comes now waits here again
        await self._parking.remove(name)
