"""Which sessions this worker owns: claiming, running, giving back.

Records of claims may arrive here in another order than the database made them in: of two, the one with the higher epoch
is the newer, and nothing else is looked at.
"""

import asyncio
import contextvars
from collections import Counter
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress

import structlog

from gateway_worker.connections.base.context import SessionContext
from gateway_worker.connections.base.ports import CapacityListener
from gateway_worker.connections.base.signals import Signal, until_stored
from gateway_worker.connections.lifecycle.states import State
from gateway_worker.connections.ownership.capacity import notify_waiting
from gateway_worker.connections.ownership.draining import Drain
from gateway_worker.connections.ownership.failure_detector import FailureDetector
from gateway_worker.connections.ownership.reconciliation import Reconciliation
from gateway_worker.connections.ownership.routes import keep_routes
from gateway_worker.connections.ownership.token_bucket import Tokens
from gateway_worker.connections.session.session import LiveSession
from gateway_worker.store.errors import StoreUnavailable
from gateway_worker.store.records import Desired, SessionRecord
from gateway_worker.timing.cancelling import end
from schemas.names import SessionId

_log = structlog.get_logger()

_WAVE = 50  # sessions claimed at a time; how many of them open at once is the gate's business
_BURST, _PER_SECOND = 50, 10  # sessions taken up at once, and then every second: others may have room too
_ADOPT_SECONDS = 10.0  # between looks for sessions that nobody owns
_FULL_SECONDS = 3.0  # between looks for sessions that wait for room
_WATCH_PAUSE_SECONDS = 1.0
_LEAVING_SECONDS = 20.0
_PROGRESS_STEP = 20


class Ownership:
    """The sessions of one worker, each running in a task of its own.

    Args:
        context: the ports of the sessions.
        incarnation: tells this run of the worker from its earlier ones.
        max_sessions: how many sessions it may own.
        capacity_changed: told at each change whether there is a free slot.
    """

    def __init__(
        self, context: SessionContext, *, incarnation: str, max_sessions: int, capacity_changed: CapacityListener
    ) -> None:
        self.max_sessions = max_sessions
        self.started = asyncio.Event()
        self.unserved = 0  # sessions that no worker has room for, as far as this one saw last
        self._context = context
        self._incarnation = incarnation
        self._capacity_changed = capacity_changed
        self._had_room = False
        self._takes_more = True
        self._draining = False
        self._look = asyncio.Event()
        self._tokens = Tokens(most=_BURST, per_second=_PER_SECOND, first=max_sessions, now=context.clock.monotonic())
        self._sessions: dict[SessionId, LiveSession] = {}
        self._running: dict[SessionId, asyncio.Task[None]] = {}
        self._pending_restarts: dict[SessionId, SessionRecord] = {}
        self._claiming: set[SessionId] = set()
        self._returning: set[SessionId] = set()
        self._tasks = asyncio.TaskGroup()
        self._chores: set[asyncio.Task[None]] = set()
        self._changed = Signal()
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()

    def get(self, session_id: SessionId) -> LiveSession | None:
        """The session, if it lives here."""
        return self._sessions.get(session_id)

    @property
    def room(self) -> int:
        """How many more sessions it may own."""
        if not self._takes_more:
            return 0
        return self.max_sessions - len(self._sessions) - len(self._claiming) - len(self._returning)

    @property
    def has_free_slot(self) -> bool:
        """Whether it takes another session now."""
        return self.room > 0 and self.started.is_set()

    def running(self) -> Mapping[SessionId, LiveSession]:
        """The sessions that run here at this moment."""
        return dict(self._sessions)

    def claiming(self) -> AbstractSet[SessionId]:
        """The sessions that are being claimed, or held for a moment, at this moment."""
        return frozenset(self._claiming)

    def session_ids(self) -> Sequence[SessionId]:
        """The sessions it owns, in order."""
        return sorted(self._sessions)

    def by_state(self) -> Mapping[State, int]:
        """How many of them are in which state."""
        return Counter(session.state for session in self._sessions.values())

    async def run(self) -> None:
        """Take up what is ours, then keep it until `stop`."""
        try:
            async with self._tasks:
                for chore in self._standing_chores():
                    self._add_chore(chore)
                self.started.set()
                self._notify_capacity()
                await self._stopping.wait()
                self._tasks.create_task(end(*self._chores))
                await self._leave_all()
        finally:
            self._stopped.set()

    def _standing_chores(self) -> Iterator[Coroutine[None, None, None]]:
        """What goes on as long as the worker does."""
        context = self._context
        yield self._watch()
        yield self._adopt_for_ever()
        yield self._notify_waiting_for_ever()
        yield keep_routes(context.cache, context.worker_id, self.session_ids)
        yield FailureDetector(
            self._look.set,
            clock=context.clock,
            observer=context.observer,
            rng=context.rng,
            storage=context.storage,
            worker_id=context.worker_id,
        ).run()
        yield Reconciliation(
            self,
            self._incarnation,
            clock=context.clock,
            observer=context.observer,
            rng=context.rng,
            storage=context.storage,
            worker_id=context.worker_id,
        ).run()

    async def stop(self) -> None:
        """Close every connection, tell that, release the sessions; returns when it is done."""
        self.take_no_more()
        self._stopping.set()
        if self.started.is_set():
            await self._stopped.wait()

    def take_no_more(self) -> None:
        """From now on nothing is claimed; idempotent."""
        self._takes_more = False
        self._notify_capacity()

    def drain(self) -> None:
        """Take no more, and hand over what is here as others have room; what they have none for is kept. Idempotent."""
        self.take_no_more()
        if not self._draining and not self._stopping.is_set():
            self._draining = True
            self._add_chore(
                Drain(
                    lambda: list(self._sessions.values()),
                    self._changed,
                    clock=self._context.clock,
                    storage=self._context.storage,
                    worker_id=self._context.worker_id,
                ).run()
            )

    def recheck_ownership(self) -> None:
        """This worker was out of sight for a while: sessions of its may have another owner by now."""
        for session in self._sessions.values():
            session.notify_order()

    async def claim(self, session_id: SessionId) -> None:
        """Own it and start it, unless it lives elsewhere."""
        if session_id in self._claiming or session_id in self._sessions:
            return
        self._claiming.add(session_id)
        try:
            record = await self._context.storage.ownership.claim(session_id, self._context.worker_id, self._incarnation)
        finally:
            self._claiming.discard(session_id)
        if record is not None:
            self._start(record)
        self._notify_capacity()

    async def recover(self, session_id: SessionId, epoch: int) -> None:
        """It is this worker's, and does not run: it starts under a new epoch, or goes to who has room for it."""
        if self.has_free_slot:
            await self.claim(session_id)
        else:
            await self._context.storage.ownership.release(session_id, epoch)

    def cut_short(self, session_id: SessionId) -> None:
        """A fenced session that does not come to its end: whatever holds it up is cancelled."""
        if (task := self._running.get(session_id)) is not None:
            task.cancel()

    async def _watch(self) -> None:
        """Orders may come through any worker: the owner reads them, and what nobody owns is claimed."""
        while True:
            try:
                async for session_id in self._context.storage.ownership.watch():
                    await self.see_to(session_id)
            except StoreUnavailable:
                await asyncio.sleep(_WATCH_PAUSE_SECONDS)

    async def see_to(self, session_id: SessionId) -> None:
        """It has a new order, or a worker has just given it up."""
        if (session := self._sessions.get(session_id)) is not None:
            session.notify_order()
            return
        if self.has_free_slot and await self.take(session_id):
            return
        record = await self._context.storage.sessions.get(session_id)
        if record is None or not record.has_wish or self._stopping.is_set():
            return
        if self.has_free_slot or record.desired is Desired.DELETED:  # what goes away needs no slot
            await self.claim(session_id)

    async def take(self, session_id: SessionId, *, returned: bool = False) -> bool:
        """Own it and start it, if nobody has it."""
        if session_id in self._claiming:
            return False
        self._claiming.add(session_id)
        try:
            record = await self._context.storage.ownership.take(session_id, self._context.worker_id, self._incarnation)
        finally:
            self._claiming.discard(session_id)
        if record is not None:
            self._start(record, returned=returned)
            self._notify_capacity()
        return record is not None

    async def _adopt_for_ever(self) -> None:
        """At the start and from time to time: what was ours in an earlier run, and what nobody owns."""
        await self.adopt()
        owners = self._context.storage.owners  # there was no room for the rest: others may have it
        await until_stored(lambda: owners.free_earlier(self._context.worker_id, self._incarnation))
        while True:
            self._look.clear()
            await self.adopt()
            self._notify_capacity()  # only now: those that wait for a slot come before new ones
            with suppress(TimeoutError):
                async with asyncio.timeout(_ADOPT_SECONDS):
                    await self._look.wait()

    async def _notify_waiting_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_FULL_SECONDS)
            if self.has_free_slot:
                self.unserved = 0
            else:
                self.unserved = await notify_waiting(self._context, self._incarnation, self._claiming)

    async def take_back(self, session_id: SessionId) -> None:
        """What was handed over and taken by nobody goes on here; meanwhile its slot is kept."""
        self._returning.add(session_id)
        try:
            await asyncio.sleep(self._context.timeouts.returning)
            await until_stored(lambda: self.take(session_id, returned=True))
        finally:
            self._returning.discard(session_id)
            self._notify_capacity()

    async def adopt(self) -> None:
        """Claim in waves, as long as there are sessions and slots."""
        adopted: list[LiveSession] = []
        while (limit := await self._wave()) > 0:
            records = await until_stored(lambda limit=limit: self._claim_wave(limit))
            self._tokens.take(len(records))
            adopted += [session for record in records if (session := self._start(record)) is not None]
            self._notify_capacity()
            if len(records) < limit:
                break
        if adopted:
            _log.info("sessions.adopted", count=len(adopted))
            self._tasks.create_task(_report(adopted, self._context))

    async def _wave(self) -> int:
        """How many to claim next: 0 without room; without a token it waits for one."""
        while (room := min(self.room, _WAVE)) > 0:
            if tokens := self._tokens.available(self._context.clock.monotonic()):
                return min(room, tokens)
            await asyncio.sleep(1)
        return 0

    async def _claim_wave(self, limit: int) -> Sequence[SessionRecord]:
        return await self._context.storage.ownership.claim_own(self._context.worker_id, self._incarnation, limit)

    def _start(self, record: SessionRecord, *, returned: bool = False) -> LiveSession | None:
        """None while it still runs here under an older epoch: it starts when that has ended. An older record is void.

        None also when this worker leaves: what was claimed in that moment becomes nobody's with the end of its lease.
        """
        if self._stopping.is_set():
            return None
        if (present := self._sessions.get(record.session_id)) is not None:
            known = self._pending_restarts.get(record.session_id)
            if record.epoch > max(present.epoch, known.epoch if known else 0):
                self._pending_restarts[record.session_id] = record
                present.fence_off()
            return None
        session = LiveSession(record, self._context, returned=returned)
        self._sessions[record.session_id] = session
        fresh = (
            contextvars.Context()
        )  # its life is not the affair of the command that made it: no id of that in its log
        self._running[record.session_id] = self._tasks.create_task(self._tend(session), context=fresh)
        return session

    async def _tend(self, session: LiveSession) -> None:
        """Run a session to its end; if a fault of ours ends it, give it back, so that it is taken up again."""
        try:
            await session.run()
        except Exception:  # noqa: BLE001 (one session's fault must not take the others down)
            _log.exception("session.crashed", session=session.session_id)
            await until_stored(lambda: self._context.storage.ownership.release(session.session_id, session.epoch))
        finally:
            del self._sessions[session.session_id], self._running[session.session_id]
            if session.handed_over and not self._stopping.is_set():
                self._add_chore(self.take_back(session.session_id))
            if (restart := self._pending_restarts.pop(session.session_id, None)) is not None:
                self._start(restart)
            self._changed.fire()
            self._look.set()

    async def _leave_all(self) -> None:
        """All at once; a service that is away is not waited for longer than the grace."""
        _log.info("sessions.leaving", count=len(self._sessions))
        for session in self._sessions.values():
            session.leave()
        try:
            async with asyncio.timeout(_LEAVING_SECONDS):
                while self._sessions:
                    await self._changed.next()
        except TimeoutError:
            _log.warning("sessions.abandoned", count=len(self._sessions))
            await end(*self._running.values())

    def _add_chore(self, chore: Coroutine[None, None, None]) -> None:
        """Something that goes on beside the sessions, and ends when the worker leaves."""
        task = self._tasks.create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    def _notify_capacity(self) -> None:
        if self.has_free_slot != self._had_room:
            self._had_room = self.has_free_slot
            self._capacity_changed(self._had_room)


async def _report(sessions: Sequence[LiveSession], context: SessionContext) -> None:
    """Tell how far they have come back."""
    started, total = context.clock.monotonic(), len(sessions)
    for number, session in enumerate(sessions, start=1):
        await session.settled()
        if number % _PROGRESS_STEP == 0 or number == total:
            seconds = round(context.clock.monotonic() - started, 3)
            connected = sum(each.state is State.CONNECTED for each in sessions)
            _log.info("sessions.restored", settled=number, total=total, connected=connected, seconds=seconds)
