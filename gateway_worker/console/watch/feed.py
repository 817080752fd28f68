"""The gateway's events for everybody who looks: kept for a while, and passed on as they come.

What is kept is bounded in bytes, over all sessions; the oldest goes first. A listener that does not keep up is ended,
and so are those of a session of which an event was missed: their browsers come again and say what they saw last.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway_worker.client.events import Event

MOST_BYTES: Final = 12 * 1024 * 1024  # of all that is kept, as JSON
MOST_EVENTS: Final = 20_000
MOST_OF_SESSION: Final = 500
BEHIND: Final = 500  # events that a listener may be behind


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An event, as JSON, and when it came here."""

    event: Event
    text: str
    at: datetime

    @property
    def sequence(self) -> int | None:
        """Its number in its session; None for one that is not durable."""
        return self.event.sequence

    @property
    def when(self) -> datetime:
        """When it happened."""
        return self.event.envelope.time or self.at


@dataclass(slots=True, eq=False)
class Listener:
    """Somebody who listens to one session, or (None) to all. An iterator; it ends when something was missed."""

    session: str | None
    _waiting: deque[Heard] = field(default_factory=deque[Heard])
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _over: bool = False

    def give(self, heard: Heard) -> None:
        """Pass it on."""
        if len(self._waiting) >= BEHIND:
            self.end()
        elif not self._over:
            self._waiting.append(heard)
            self._changed.set()

    def end(self) -> None:
        """There is a hole: no more comes."""
        self._over = True
        self._changed.set()

    async def __aiter__(self) -> AsyncIterator[Heard]:
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
        self._all: deque[Heard] = deque()
        self._of: dict[str, deque[Heard]] = {}
        self._newest: dict[str, int] = {}
        self._listeners: set[Listener] = set()

    def take(self, event: Event, now: datetime) -> Heard:
        """An event has come."""
        heard = Heard(event=event, text=json.dumps(event.document, ensure_ascii=False), at=now)
        session = event.session_id
        if session is not None:
            if self._jumps(session, event.sequence):
                self._of.pop(session, None)
                self._end(session)
            self._keep(session, heard)
        for listener in [each for each in self._listeners if each.session in (None, session)]:
            listener.give(heard)
        return heard

    @contextmanager
    def listen(self, session: str | None) -> Generator[Listener]:
        """Hear what comes from now on."""
        listener = Listener(session)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def of(self, session: str) -> Sequence[Heard]:
        """What is kept of a session, in order."""
        return tuple(self._of.get(session, ()))

    def since(self, session: str, sequence: int) -> Sequence[Heard] | None:
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
        return before is not None and sequence > before + 1

    def _end(self, session: str) -> None:
        for listener in self._listeners:
            if listener.session == session:
                listener.end()

    def _keep(self, session: str, heard: Heard) -> None:
        kept = self._of.setdefault(session, deque())
        if _is_repeated(kept, heard):
            return
        kept.append(heard)
        self._all.append(heard)
        self._bytes += len(heard.text)
        if len(kept) > MOST_OF_SESSION:
            kept.popleft()
        while self._bytes > self._most_bytes or len(self._all) > MOST_EVENTS:
            self._forget(self._all.popleft())

    def _forget(self, heard: Heard) -> None:
        self._bytes -= len(heard.text)
        session = heard.event.session_id
        kept = self._of.get(session or "")
        if kept and kept[0] is heard:
            kept.popleft()
            if not kept:
                del self._of[session or ""]


def _is_repeated(kept: deque[Heard], heard: Heard) -> bool:
    """A replay, or the same event from another worker."""
    if heard.sequence is None:
        return False
    last = next((each.sequence for each in reversed(kept) if each.sequence is not None), None)
    return last is not None and heard.sequence <= last
