"""The gateway's events for everybody who looks: kept for a while, and passed on as they come.

What is kept is bounded in bytes, over all sessions; the oldest goes first. It is kept as text, a tenth of the objects
that were read from it. A listener that does not keep up is ended,
and so are those of a session of which an event was missed: their browsers come again and say what they saw last.
"""

import asyncio
import json
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway_worker.client.events import Event, read_envelope

MOST_BYTES: Final = 12 * 1024 * 1024  # of all that is kept, as JSON
MOST_EVENTS: Final = 20_000
MOST_SESSIONS: Final = 50_000  # of which the newest number is known
MOST_OF_SESSION: Final = 500
BEHIND: Final = 500  # events that a listener may be behind
BREATH_SECONDS: Final = 0.08  # between two batches: a browser draws once for what came meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An event, and when it came here."""

    event: Event
    at: datetime

    @property
    def text(self) -> str:
        """The event as JSON."""
        return json.dumps(self.event.document, ensure_ascii=False)

    @property
    def sequence(self) -> int | None:
        """Its number in its session; None for one that is not durable."""
        return self.event.sequence

    @property
    def when(self) -> datetime:
        """When it happened."""
        return self.event.envelope.time or self.at


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """An event that came a while ago."""

    session: str
    sequence: int | None
    body: bytes
    at: datetime

    @property
    def text(self) -> str:
        """The event as JSON."""
        return self.body.decode()

    def received(self) -> Received:
        """As it was heard."""
        return Received(event=Event(read_envelope(self.body)), at=self.at)


@dataclass(slots=True, eq=False)
class Listener:
    """Somebody who listens to one session, or (None) to all. An iterator; it ends when something was missed."""

    session: str | None
    _waiting: deque[Received] = field(default_factory=deque[Received])
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _over: bool = False

    def give(self, received: Received) -> None:
        """Pass it on."""
        if len(self._waiting) >= BEHIND:
            self.end()
        elif not self._over:
            self._waiting.append(received)
            self._changed.set()

    def end(self) -> None:
        """There is a hole: no more comes."""
        self._over = True
        self._changed.set()

    async def batches(self) -> AsyncIterator[Sequence[Received]]:
        """What came since, at once for the first, then a little later together."""
        while True:
            if self._waiting:
                batch = tuple(self._waiting)
                self._waiting.clear()
                yield batch
                await asyncio.sleep(BREATH_SECONDS)
                continue
            if self._over:
                return
            self._changed.clear()
            await self._changed.wait()

    async def __aiter__(self) -> AsyncIterator[Received]:
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            if self._over:
                return
            self._changed.clear()
            await self._changed.wait()


class Feed:
    """All events since the console listens, as far as they fit."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._all: deque[Kept] = deque()
        self._of: dict[str, deque[Kept]] = {}
        self._newest: OrderedDict[str, int] = OrderedDict()
        self._listeners: set[Listener] = set()

    def take(self, event: Event, now: datetime) -> Received:
        """An event has come."""
        received = Received(event=event, at=now)
        session = event.session_id
        if session is not None:
            if self._jumps(session, event.sequence):
                self._of.pop(session, None)
                self._end(session)
            self._keep(session, received)
        for listener in [each for each in self._listeners if each.session in (None, session)]:
            listener.give(received)
        return received

    @contextmanager
    def listen(self, session: str | None) -> Generator[Listener]:
        """Hear what comes from now on."""
        listener = Listener(session)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def of(self, session: str, most: int = MOST_OF_SESSION) -> Sequence[Received]:
        """What is kept of a session, in order; the newest `most`."""
        return [each.received() for each in tuple(self._of.get(session, ()))[-most:]]

    def since(self, session: str, sequence: int) -> Sequence[Kept] | None:
        """The durable events behind `sequence`, in order; None where not all of them are kept."""
        kept = [each for each in self._of.get(session, ()) if each.sequence is not None]
        if not kept or (kept[0].sequence or 0) > sequence + 1 or self._newest.get(session, 0) < sequence:
            return None
        return [each for each in kept if (each.sequence or 0) > sequence]

    def forget(self, session: str) -> None:
        """Leave out what is kept of a session: it is told again."""
        self._of.pop(session, None)

    def end_all(self) -> None:
        """Something may have been missed, of whatever session."""
        self._of.clear()
        self._newest.clear()
        for listener in self._listeners:
            listener.end()

    def _jumps(self, session: str, sequence: int | None) -> bool:
        """Whether events lie between this one and the one before it. One that is replayed is no news."""
        if sequence is None:
            return False
        before = self._newest.get(session)
        self._newest[session] = max(sequence, before or 0)
        self._newest.move_to_end(session)
        if len(self._newest) > MOST_SESSIONS:
            self._newest.popitem(last=False)
        return before is not None and sequence > before + 1

    def _end(self, session: str) -> None:
        for listener in self._listeners:
            if listener.session == session:
                listener.end()

    def _keep(self, session: str, received: Received) -> None:
        kept = self._of.setdefault(session, deque())
        if _is_repeated(kept, received):
            return
        text = Kept(session, received.sequence, received.text.encode(), received.at)
        kept.append(text)
        self._all.append(text)
        self._bytes += len(text.body)
        if len(kept) > MOST_OF_SESSION:
            kept.popleft()
        while self._bytes > self._most_bytes or len(self._all) > MOST_EVENTS:
            self._forget(self._all.popleft())

    def _forget(self, oldest: Kept) -> None:
        self._bytes -= len(oldest.body)
        kept = self._of.get(oldest.session)
        if kept and kept[0] is oldest:
            kept.popleft()
            if not kept:
                del self._of[oldest.session]


def _is_repeated(kept: deque[Kept], received: Received) -> bool:
    """A replay, or the same event from another worker."""
    if received.sequence is None:
        return False
    last = next((each.sequence for each in reversed(kept) if each.sequence is not None), None)
    return last is not None and received.sequence <= last
