"""The outbox relay: publishes every durable event, in sequence per session, for as long as it takes.

Events come straight from the commits; the database is read only for what they cannot tell: what an earlier owner of a
session, or an earlier life of this process, left unpublished. All sessions share one pipe with a window of publishes
under way, so no session waits for another one's confirm.

Owners: a worker tells only of sessions that it owns, or that nobody does. When its lease has run out it forgets what
waits here, and reads again what is still its own when it runs again; of a session that another worker took it tells
nothing more. So after a takeover only the new owner tells what was left.

Order: a pipe stores a prefix of what it was given, also when it breaks, and what is left is repeated before anything
newer. So a session's events arrive for the first time in sequence; after a break some arrive twice, with the same id.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from gateway_worker.broker.errors import PublishRefused, Unroutable
from gateway_worker.events.backlog import Backlog
from gateway_worker.events.marker import Marker
from gateway_worker.events.ports import DurablePublisher, EventObserver, EventPipe, Outbox, PublishingLease
from gateway_worker.events.traced import note_published
from gateway_worker.store.errors import StoreUnavailable
from gateway_worker.store.records import OutboxEvent
from gateway_worker.timing.clock import Clock
from gateway_worker.timing.pauses import Pauses
from schemas.names import SessionId

log = structlog.get_logger(__name__)

WINDOW: Final = 200  # publishes under way
_TURN: Final = 50  # publishes without letting others work
PAGE: Final = 200  # events read from the database at once
READERS: Final = 4  # sessions read at once
SWEEP_SECONDS: Final = 10.0
ORPHANED: Final = timedelta(seconds=30)  # unpublished for that long: whoever committed it is gone
_STORE_SECONDS: Final = 1.0
_PAUSES: Final = Pauses(first=0.5, longest=30.0)
_LAST_CONFIRMS_SECONDS: Final = 3.0


class Relay:
    """A service: from the outbox to the broker.

    Args:
        namespace: names the events' source.
        lease: without it nothing is published.
        keeps_unroutable: what to do with an event that no queue takes. True (there should be a backend queue):
            try again until somebody takes it. False (the operator wants none): it counts as published; a backend that
            binds later asks for it with ``events.replay.v1``.
        observer: counts.
    """

    def __init__(
        self,
        outbox: Outbox,
        publisher: DurablePublisher,
        *,
        namespace: str,
        clock: Clock,
        lease: PublishingLease,
        keeps_unroutable: bool,
        observer: EventObserver,
    ) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._namespace = namespace
        self._clock = clock
        self._lease = lease
        self._fenced = False
        self._keeps_unroutable = keeps_unroutable
        self._observer = observer
        self._backlog = Backlog()
        self._marker = Marker(outbox)
        self._wakeup = asyncio.Event()
        self._to_read: asyncio.Queue[SessionId] = asyncio.Queue()
        self._waiting: dict[SessionId, list[asyncio.Future[None]]] = {}
        self._retries: dict[SessionId, int] = {}
        self._room = asyncio.Event()
        self._renew = False  # whether the pipe is to be replaced
        self._stopping = asyncio.Event()
        outbox.subscribe(self._on_events)

    @property
    def backlog(self) -> int:
        """Events that this process knows of and that are not confirmed yet."""
        return len(self._backlog)

    async def run(self) -> None:
        """Relay until stopped; ends with nothing under way, and all that is confirmed marked."""
        async with asyncio.TaskGroup() as group:
            marking = group.create_task(self._marker.run())
            side = [group.create_task(self._sweep())]
            side += [group.create_task(self._read_sessions()) for _ in range(READERS)]
            pumping = group.create_task(self._pump())
            await self._stopping.wait()
            await asyncio.wait({pumping}, timeout=_LAST_CONFIRMS_SECONDS)
            for task in (pumping, *side):
                task.cancel()
            self._marker.stop()
            await asyncio.wait({marking}, timeout=_LAST_CONFIRMS_SECONDS)
            marking.cancel()

    async def stop(self) -> None:
        """End without waiting for what is not published: it stays in the outbox. See `flushed`."""
        self._stopping.set()
        self._wakeup.set()

    async def flushed(self, session_id: SessionId) -> None:
        """Returns when all that the session's outbox holds at this moment is published, and marked as such.

        So whoever owns the session next publishes nothing of it again.
        """
        await self._published_all(session_id)
        await self._marker.caught_up()

    async def _published_all(self, session_id: SessionId) -> None:
        session = self._backlog.session(session_id)
        if session.is_idle:
            return
        done = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(session_id, []).append(done)
        if session.behind:
            self._ask_for(session_id)
        await done

    async def all_flushed(self) -> None:
        """Returns when nothing is left that this process knows of (a good end). The caller sets the deadline."""
        for session_id in self._backlog.busy():
            await self._published_all(session_id)

    def fence(self) -> None:
        """The lease ran out."""
        self._fenced = self._renew = True
        self._wakeup.set()

    def let_go(self, session_id: SessionId) -> None:
        """Another worker owns the session: what waits here is for it to tell."""
        self._backlog.drop([session_id])
        self._notify_flushed(session_id)

    def _on_events(self, events: Sequence[OutboxEvent]) -> None:
        """Called by the store after each commit."""
        for event in events:
            if self._backlog.note(event):
                self._ask_for(event.session_id)
        self._wakeup.set()

    async def _pump(self) -> None:
        while not self._stopping.is_set():
            await self._lease.held()
            pipe = await self._publisher.pipe()
            self._renew = False
            if self._fenced:
                self._start_over()
            await self._relay_through(pipe)

    def _start_over(self) -> None:
        """After a fence: whose what waits here is, only the database knows."""
        self._fenced = False
        sessions = self._backlog.busy()
        self._backlog.drop(sessions)
        for session_id in sessions:
            self._ask_for(session_id)

    async def _relay_through(self, pipe: EventPipe) -> None:
        """Publish through one pipe until it breaks; then put back what it did not confirm."""
        under_way: dict[int, OutboxEvent] = {}  # by place, in order
        place = 0
        while not (self._renew or self._stopping.is_set()):
            if not self._lease.permits:
                self.fence()
                break
            event = self._backlog.next() if len(under_way) < WINDOW else None
            if event is None:
                self._wakeup.clear()
                await self._wakeup.wait()
                continue
            place += 1
            under_way[place] = event
            answer = pipe.submit(self._publisher.durable_event(event))
            answer.add_done_callback(partial(self._answered, under_way, place))
            if place % _TURN == 0:
                await asyncio.sleep(0)
        await pipe.settled()
        await asyncio.sleep(0)  # what was answered in this very turn of the loop is still to be noted
        await pipe.close()
        for event in under_way.values():
            self._observer.event_repeated(event.type)
        self._backlog.put_back(under_way.values())

    def _answered(self, under_way: dict[int, OutboxEvent], place: int, answer: "asyncio.Future[None]") -> None:
        """The broker has the event, would not take it, or is lost: then the event stays under way."""
        event, error = under_way[place], answer.exception()
        match error:
            case None:
                self._published(event)
            case PublishRefused():
                self._set_aside(event, error)
            case Unroutable() if self._keeps_unroutable:
                self._set_aside(event, error)
            case Unroutable():
                log.debug("event.unroutable", type=event.type, session_id=event.session_id)
                self._published(event)
            case _:
                self._renew = True
                self._wakeup.set()
                return
        del under_way[place]
        self._wakeup.set()

    def _published(self, event: OutboxEvent) -> None:
        self._retries.pop(event.session_id, None)
        self._observer.event_published(event.type)
        note_published(event)
        self._marker.mark(event.session_id, event.sequence)
        is_idle = self._backlog.published(event)
        self._room.set()
        if is_idle:
            self._notify_flushed(event.session_id)

    def _set_aside(self, event: OutboxEvent, error: Exception) -> None:
        """The broker would not take it: its session waits, longer each time; the others go on."""
        session_id = event.session_id
        self._observer.event_refused(event.type)
        if not self._backlog.refuse(event):
            return
        self._retries[session_id] = failures = self._retries.get(session_id, 0) + 1
        delay = _PAUSES.after(failures)
        log.warning("event.refused", session_id=session_id, type=event.type, why=type(error).__name__, retry_in=delay)
        asyncio.get_running_loop().call_later(delay, self._retry, session_id, isinstance(error, Unroutable))

    def _retry(self, session_id: SessionId, is_unroutable: bool) -> None:  # noqa: FBT001 (call_later's signature)
        self._backlog.retry(session_id)
        self._renew |= is_unroutable  # a new pipe declares the topology again: perhaps the queue was removed
        self._wakeup.set()

    def _ask_for(self, session_id: SessionId) -> None:
        """Have the session read from the database."""
        session = self._backlog.session(session_id)
        if not session.reading:
            session.reading = True
            self._to_read.put_nowait(session_id)

    async def _read_sessions(self) -> None:
        while True:
            session_id = await self._to_read.get()
            try:
                await self._catch_up(session_id)
            except StoreUnavailable:
                await asyncio.sleep(_STORE_SECONDS)
                self._to_read.put_nowait(session_id)

    async def _catch_up(self, session_id: SessionId) -> None:
        """Read one session's events until it is live."""
        session = self._backlog.session(session_id)
        live = False
        while not live:
            await self._backlog_has_room()
            announced, drops = session.announced, session.drops
            await self._marker.caught_up()  # what is confirmed, and not marked yet, must not be read again
            events = await self._outbox.pending(session_id, session.taken or 0, PAGE)
            if session.drops != drops:
                continue
            live = self._backlog.catch_up(session_id, events, complete=len(events) < PAGE, announced=announced)
            self._wakeup.set()
        session.reading = False
        if session.is_idle:
            self._notify_flushed(session_id)

    async def _backlog_has_room(self) -> None:
        while not self._backlog.has_room:
            self._room.clear()
            await self._room.wait()

    async def _sweep(self) -> None:
        """Find events that nobody publishes: their worker is gone and their session has no owner, or is deleted."""
        while True:
            with contextlib.suppress(StoreUnavailable):  # told by the store's own health
                await self._ask_for_orphans()
            await asyncio.sleep(SWEEP_SECONDS)

    async def _ask_for_orphans(self) -> None:
        orphaned_before = self._clock.now() - ORPHANED
        events = await self._outbox.pending(None, 0, PAGE)
        for session_id in {event.session_id for event in events if event.time < orphaned_before}:
            if not self._backlog.session(session_id).held:
                self._ask_for(session_id)

    def _notify_flushed(self, session_id: SessionId) -> None:
        for done in self._waiting.pop(session_id, ()):
            if not done.done():
                done.set_result(None)
