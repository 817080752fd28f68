"""Group commit: many callers' writes share one transaction.

While a transaction is under way, writes pile up; the next transaction takes as many of them as its bounds allow. There
is no timer: alone a caller waits for nobody, in a crowd it waits for one transaction.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from gateway_worker.store.database import Database, is_away, translate
from gateway_worker.store.errors import StaleEpoch, StoreError, StoreUnavailable
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.plan import stands_alone, weight
from gateway_worker.store.records import Fence, OutboxEvent
from gateway_worker.store.transaction import GroupWriter, Outcome, Writing

log = structlog.get_logger(__name__)

MAX_WAITING: Final = 2_000  # writes; the next caller waits for room
MAX_GROUP: Final = 256  # writes in one transaction
MAX_WEIGHT: Final = 4_000  # rows in one transaction
_PAUSES: Final = (0.0, 0.1, 0.3, 1.0, 2.0, 4.0, 6.0)  # seconds before each try of a group
_TRIES_IF_CERTAIN: Final = 2  # when nothing was committed for certain, the caller may as well decide

Listener = Callable[[Sequence[OutboxEvent]], None]


class _CommitUnanswered(Exception):  # noqa: N818 (reads as the fact it is)
    """The connection broke while the commit was under way."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__("the commit was not answered")
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class _Waiting:
    writing: Writing
    weight: int
    alone: bool
    answer: asyncio.Future[tuple[Any, ...]]


class Committer:
    """Commits one write after the other, in groups. A service: `run` until `stop`.

    Args:
        database: where to.
        writer: writes a group.
        listeners: hear of the events of a group right after its commit, before its callers do. They must not raise.
        now: the wall clock.
    """

    def __init__(
        self, *, database: Database, writer: GroupWriter, listeners: Sequence[Listener], now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._writer = writer
        self._listeners = listeners
        self._now = now
        self._waiting: deque[_Waiting] = deque()
        self._room = asyncio.Semaphore(MAX_WAITING)
        self._wakeup = asyncio.Event()
        self._stopping = False
        self.transactions = 0

    async def commit(self, fence: Fence, operations: Sequence[Operation[Any]]) -> tuple[Any, ...]:
        """Commit operations under a fence; answers in their order.

        A caller that is cancelled while it waits for room has written nothing. Later its operations are committed all
        the same: as a whole, without it.

        Raises:
            StaleEpoch, StoreUnavailable, StoreError: nothing was written.
        """
        await self._room.acquire()
        answer: asyncio.Future[tuple[Any, ...]] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda _: self._room.release())
        if self._stopping:
            answer.set_exception(StoreUnavailable("The store is stopping."))
        else:
            writing = Writing(fence, operations)
            self._waiting.append(_Waiting(writing, weight(operations), stands_alone(operations), answer))
            self._wakeup.set()
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            answer.add_done_callback(_log_if_failed)
            raise

    async def run(self) -> None:
        """Commit until stopped and nothing is waiting."""
        while self._waiting or not self._stopping:
            if not self._waiting:
                self._wakeup.clear()
                await self._wakeup.wait()
                await asyncio.sleep(0)  # whoever else is ready in this turn of the loop joins the group
                continue
            await self._settle(self._next_group())

    def stop(self) -> None:
        """Take nothing more; `run` returns when all that waits is committed."""
        self._stopping = True
        self._wakeup.set()

    def _next_group(self) -> Sequence[_Waiting]:
        group = [self._waiting.popleft()]
        total = group[0].weight
        while self._waiting and len(group) < MAX_GROUP and not group[0].alone:
            following = self._waiting[0]
            total += following.weight
            if total > MAX_WEIGHT or following.alone:
                break
            group.append(self._waiting.popleft())
        return group

    async def _settle(self, group: Sequence[_Waiting]) -> None:
        """Commit a group and answer its callers. One whose write is refused does not harm the others."""
        try:
            outcome = await self._commit(group)
        except StoreUnavailable as error:
            for waiting in group:
                failure = StoreUnavailable(error.message)
                failure.__cause__ = error
                _fail(waiting, failure)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is its caller's, who gets it)
            if len(group) == 1:
                _fail(group[0], error)
                return
            for waiting in group:
                await self._settle([waiting])
        else:
            self._tell(outcome)
            for waiting, answers in zip(group, outcome.answers, strict=True):
                if answers is None:
                    _fail(waiting, StaleEpoch("The session is owned elsewhere by now, or gone."))
                elif not waiting.answer.done():
                    waiting.answer.set_result(answers)

    async def _commit(self, group: Sequence[_Waiting]) -> Outcome:
        """Commit a group, again if the connection broke. Never twice: see `GroupWriter.write` on `earlier`."""
        writings = [waiting.writing for waiting in group]
        earlier: Outcome | None = None
        failure: StoreUnavailable | StoreError | None = None
        for number, pause in enumerate(_PAUSES):
            if earlier is None and number >= _TRIES_IF_CERTAIN:
                break
            await asyncio.sleep(pause)
            try:
                return await self._transact(writings, earlier)
            except _CommitUnanswered as unanswered:
                earlier = unanswered.outcome
                failure = StoreUnavailable("The database did not answer a commit.")
            except (StoreError, StoreUnavailable):
                raise
            except Exception as error:
                failure = translate(error)
                if not is_away(error):
                    raise failure from error
        assert failure is not None
        raise failure

    async def _transact(self, group: Sequence[Writing], earlier: Outcome | None) -> Outcome:
        async with self._database.raw_wire() as wire:
            transaction = wire.transaction()
            await transaction.start()
            try:
                outcome = await self._writer.write(wire, group, self._now(), earlier)
            except BaseException:
                if not wire.is_closed():
                    await transaction.rollback()
                raise
            try:
                await transaction.commit()
            except Exception as error:
                if is_away(error):
                    raise _CommitUnanswered(outcome) from error
                raise
            self.transactions += 1
            return outcome

    def _tell(self, outcome: Outcome) -> None:
        if outcome.events:
            for listener in self._listeners:
                listener(outcome.events)


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)


def _log_if_failed(answer: asyncio.Future[tuple[Any, ...]]) -> None:
    error = None if answer.cancelled() else answer.exception()
    if error is not None:
        log.warning("store.write_without_caller_failed", error=type(error).__name__)
