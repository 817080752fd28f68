"""Group commit: many callers' writes share one transaction.

While a transaction is under way, writes pile up; the next transaction takes as many of them as its bounds allow. There
is no timer: alone a caller waits for nobody, in a crowd it waits for one transaction.

One session holds up itself alone: a transaction waits for no row that somebody has locked. What needs such a row is set
apart, with all that follows of its session, and tried again by itself (`apart.py`).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import structlog

from gateway_worker.store.errors import StaleEpoch, StoreError, StoreUnavailable
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.postgres.database import KeptWire
from gateway_worker.store.postgres.driver_errors import is_away, is_locked, translate
from gateway_worker.store.records import Fence, OutboxEvent
from gateway_worker.store.writing.apart import Apart, Waiting
from gateway_worker.store.writing.transaction import GroupOutcome, GroupWriter, Writing

log = structlog.get_logger(__name__)

MAX_WAITING: Final = 2_000  # writes; the next caller waits for room
MAX_GROUP: Final = 256  # writes in one transaction
MAX_WEIGHT: Final = 4_000  # rows in one transaction
LOCK_SECONDS: Final = 0.2  # for a row of a message, a key …; for a session's own row none at all
_PAUSES: Final = (0.0, 0.1, 0.3, 1.0, 2.0, 4.0, 6.0)  # seconds before each try of a group
_TRIES_IF_CERTAIN: Final = 2  # when nothing was committed for certain, the caller may as well decide

Listener = Callable[[Sequence[OutboxEvent]], None]


class _CommitUnanswered(Exception):  # noqa: N818 (reads as the fact it is)
    """The connection broke while the commit was under way."""

    def __init__(self, outcome: GroupOutcome) -> None:
        super().__init__("the commit was not answered")
        self.outcome = outcome


class _Locked(Exception):  # noqa: N818 (reads as the fact it is)
    """Somebody has locked a row that a write of the group needs."""


class Committer:
    """Commits one write after the other, in groups. A service: `run` until `stop`.

    Args:
        wire: where to; a connection that is its own.
        writer: writes a group.
        listeners: hear of the events of a group right after its commit, before its callers do. They must not raise.
        now: the wall clock.
    """

    def __init__(
        self, *, wire: KeptWire, writer: GroupWriter, listeners: Sequence[Listener], now: Callable[[], datetime]
    ) -> None:
        self._wire = wire
        self._writer = writer
        self._listeners = listeners
        self._now = now
        self._waiting: deque[Waiting] = deque()
        self._apart = Apart()
        self._room = asyncio.Semaphore(MAX_WAITING)
        self._wakeup = asyncio.Event()
        self._stopping = False
        self._ended = False  # nothing is set apart any more
        self.transactions = 0

    async def commit(self, fence: Fence, operations: Sequence[Operation[Any]]) -> tuple[Any, ...]:
        """Commit operations under a fence; answers in their order.

        A caller that is cancelled while it waits for room has written nothing. Later its operations are committed all
        the same: as a whole, without it.

        Raises:
            StaleEpoch, StoreUnavailable, StoreError: nothing was written.
        """
        await self._room.acquire()
        weight, alone = sum(each.weight for each in operations), any(each.alone for each in operations)
        waiting = Waiting(Writing(fence, operations), weight, alone, self._room)
        if self._stopping:
            waiting.fail(StoreUnavailable("The store is stopping."))
        else:
            self._waiting.append(waiting)
            self._wakeup.set()
        try:
            return await asyncio.shield(waiting.answer)
        except asyncio.CancelledError:
            waiting.answer.add_done_callback(_log_if_failed)
            raise

    async def run(self) -> None:
        """Commit until stopped and nothing is waiting."""
        try:
            async with asyncio.TaskGroup() as tasks:
                side = tasks.create_task(self._run_apart())
                await self._run_in_turn()
                self._ended = True
                self._apart.hurry()
                await side
        finally:
            await self._wire.close()

    async def _run_in_turn(self) -> None:
        while self._waiting or not self._stopping:
            if not self._waiting:
                self._wakeup.clear()
                await self._wakeup.wait()
                await asyncio.sleep(0)  # whoever else is ready in this turn of the loop joins the group
                continue
            if group := self._next_group():
                self._set_apart(await self._settle(group))

    async def _run_apart(self) -> None:
        """One session after the other, in turn: what its lock holds up is its own, and one connection serves all."""
        while self._apart or not self._ended:
            due = self._apart.due
            if due is None:
                await self._apart.changed()
                continue
            if (seconds := due - asyncio.get_running_loop().time()) > 0:
                await self._apart.changed(seconds)
                continue
            session_id, group = self._apart.next_group(MAX_GROUP, MAX_WEIGHT)
            if held := await self._settle(group):
                self._set_apart(held)
            else:
                self._apart.succeeded(session_id)

    def stop(self) -> None:
        """Take nothing more; `run` returns when all that waits is committed, or its lock is not given up soon."""
        self._stopping = True
        self._wakeup.set()
        self._apart.hurry()

    def _next_group(self) -> Sequence[Waiting]:
        """In the order of the calls; what belongs to a session that is set apart goes there."""
        group: list[Waiting] = []
        total = 0
        while self._waiting and len(group) < MAX_GROUP:
            following = self._waiting[0]
            if following.session_id in self._apart:
                self._apart.join(self._waiting.popleft())
                continue
            total += following.weight
            if group and (total > MAX_WEIGHT or following.alone or group[0].alone):
                break
            group.append(self._waiting.popleft())
        return group

    async def _settle(self, group: Sequence[Waiting]) -> Sequence[Waiting]:
        """Commit a group and answer its callers, but for those whose session is locked: these are what it answers.

        One whose write is refused, or waits for a lock, does not harm the others.
        """
        try:
            outcome = await self._commit(group)
        except _Locked:
            is_found = len({waiting.session_id for waiting in group}) == 1
            return group if is_found else await self._settle_halves(group)
        except StoreUnavailable as error:
            for waiting in group:
                failure = StoreUnavailable(error.message)
                failure.__cause__ = error
                waiting.fail(failure)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is its caller's, who gets it)
            if len(group) > 1:
                return await self._settle_halves(group)
            group[0].fail(error)
        else:
            return self._answer(group, outcome)
        return ()

    async def _settle_halves(self, group: Sequence[Waiting]) -> Sequence[Waiting]:
        """One of them is the cause: it is found in few transactions, however many they are."""
        middle = len(group) // 2
        held = await self._settle(group[:middle])
        locked = {waiting.session_id for waiting in held}
        behind = [waiting for waiting in group[middle:] if waiting.session_id in locked]
        rest = [waiting for waiting in group[middle:] if waiting.session_id not in locked]
        return [*held, *behind, *(await self._settle(rest) if rest else ())]

    def _answer(self, group: Sequence[Waiting], outcome: GroupOutcome) -> Sequence[Waiting]:
        self._notify(outcome)
        for number, (waiting, answers) in enumerate(zip(group, outcome.answers, strict=True)):
            if answers is not None:
                waiting.succeed(answers)
            elif number not in outcome.locked:
                waiting.fail(StaleEpoch("The session is owned elsewhere by now, or gone."))
        return [group[number] for number in sorted(outcome.locked)]

    def _set_apart(self, group: Sequence[Waiting]) -> None:
        """In front of what else waits for these sessions."""
        for session_id in dict.fromkeys(waiting.session_id for waiting in group):
            self._apart.put_first(session_id, [waiting for waiting in group if waiting.session_id == session_id])

    async def _commit(self, group: Sequence[Waiting]) -> GroupOutcome:
        """Commit a group, again if the connection broke. Never twice: see `GroupWriter.write` on `earlier`."""
        writings = [waiting.writing for waiting in group]
        earlier: GroupOutcome | None = None
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
                if is_locked(error) and earlier is None:
                    raise _Locked from error
                failure = translate(error)
                if not is_away(error):
                    raise failure from error
        assert failure is not None
        raise failure

    async def _transact(self, group: Sequence[Writing], earlier: GroupOutcome | None) -> GroupOutcome:
        async with self._wire.use() as wire:
            transaction = wire.transaction()
            await transaction.start()
            try:
                outcome = await self._writer.write(wire, group, self._now(), earlier, lock_seconds=LOCK_SECONDS)
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

    def _notify(self, outcome: GroupOutcome) -> None:
        if outcome.events:
            for listener in self._listeners:
                listener(outcome.events)


def _log_if_failed(answer: asyncio.Future[tuple[Any, ...]]) -> None:
    error = None if answer.cancelled() else answer.exception()
    if error is not None:
        log.warning("store.write_without_caller_failed", error=type(error).__name__)
