"""Which events of which session are next. Pure: no I/O, no clock; `relay.py` is its shell.

Each session has a *backlog*. While it is live, events come to it right from the commits and are queued for the pipe
in sequence. Whenever that is not enough (the session is new to this process, a sequence is missing, too much is held in
memory) it is *behind*: what it misses is read from the database, and only then it is live again.
"""

from bisect import insort
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway_worker.store.records import OutboxEvent
from schemas.names import SessionId

MAX_HELD: Final = 10_000  # events in memory; beyond that a session's events stay in the database until there is room
MAX_SESSIONS: Final = 20_000


@dataclass(slots=True, kw_only=True)
class SessionBacklog:
    """How far one session is.

    Attributes:
        taken: the last sequence that was queued (or is known to be published); None: unknown.
        drops: how often its events were forgotten: what was read before that is not taken.
        announced: the last sequence a commit announced.
        behind: whether the database must be read before anything else is queued.
        reading: whether somebody reads it at this moment.
        held: events in memory, queued or in flight.
        refused: events the broker would not take for now, in sequence; nothing of the session goes out before them.
        probe: the sequence of the one event that is tried again, alone: what follows it would overtake it if there were
            room only by then.
    """

    taken: int | None = None
    drops: int = 0
    announced: int = 0
    behind: bool = True
    reading: bool = False
    held: int = 0
    refused: list[OutboxEvent] = field(default_factory=list[OutboxEvent])
    probe: int | None = None

    @property
    def is_idle(self) -> bool:
        """Whether everything known of it is published."""
        return not self.behind and not self.held

    def may_go(self, event: OutboxEvent) -> bool:
        """Whether nothing that was refused goes before it."""
        return event.sequence == self.probe if self.probe is not None else not self.refused


class Backlog:
    """The events that are to go out, in the order in which they may."""

    def __init__(self, *, max_held: int = MAX_HELD) -> None:
        self._max_held = max_held
        self._held = 0
        self._sessions: dict[SessionId, SessionBacklog] = {}
        self._queue: deque[OutboxEvent] = deque()

    def __len__(self) -> int:
        return self._held

    @property
    def has_room(self) -> bool:
        """Whether more may be read from the database."""
        return self._held < self._max_held

    def session(self, session_id: SessionId) -> SessionBacklog:
        """The session's backlog; a new one is behind."""
        session = self._sessions.get(session_id)
        if session is None:
            self._forget_an_idle_one()
            session = self._sessions[session_id] = SessionBacklog()
        return session

    def note(self, event: OutboxEvent) -> bool:
        """Take an event from a commit. Answers whether its session must be read from the database first."""
        session = self.session(event.session_id)
        session.announced = max(session.announced, event.sequence)
        if session.taken is None and event.sequence == 1:
            session.taken, session.behind = 0, False
        if not session.behind and session.taken is not None:
            if event.sequence <= session.taken:
                return False
            if event.sequence == session.taken + 1 and self.has_room:
                self._take(session, event)
                return False
            session.behind = True
        return not session.reading

    def catch_up(self, session_id: SessionId, events: Sequence[OutboxEvent], *, complete: bool, announced: int) -> bool:
        """Take what was read from the database after `SessionBacklog.taken`. Answers whether the session is live now.

        Args:
            session_id: whose they are.
            events: in sequence.
            complete: there were no more at that moment.
            announced: `SessionBacklog.announced` from before the read: what was known by then is in `events`, or out.
        """
        session = self.session(session_id)
        for event in events:
            if session.taken is None or event.sequence > session.taken:
                self._take(session, event)
        if complete:
            session.taken = max(session.taken or 0, announced)
            session.behind = session.taken < session.announced
        return not session.behind

    def next(self) -> OutboxEvent | None:
        """The next event to publish, taken out of the queue; None when there is none for now."""
        while self._queue:
            event = self._queue.popleft()
            if self._sessions[event.session_id].may_go(event):
                return event
            self.refuse(event)
        return None

    def published(self, event: OutboxEvent) -> bool:
        """It is confirmed. Answers whether its session is idle now."""
        session = self._sessions[event.session_id]
        self._release(session, 1)
        if event.sequence == session.probe:
            session.probe = None
            self.put_back(session.refused)
            session.refused = []
        return session.is_idle

    def put_back(self, events: Iterable[OutboxEvent]) -> None:
        """These were under way when the pipe broke: they go first again. `events` in the order they were taken.

        Not those of a session that was dropped meanwhile.
        """
        again: list[OutboxEvent] = []
        for event in events:
            session = self._sessions[event.session_id]
            if session.taken is None:
                self._release(session, 1)
            else:
                again.append(event)
        self._queue.extendleft(reversed(again))

    def drop(self, sessions: Iterable[SessionId]) -> None:
        """Forget what waits here of these sessions; before anything else is queued, the database is read."""
        dropped = {each for each in sessions if each in self._sessions}
        waiting = Counter(event.session_id for event in self._queue if event.session_id in dropped)
        self._queue = deque(event for event in self._queue if event.session_id not in dropped)
        for session_id in dropped:
            session = self._sessions[session_id]
            self._release(session, waiting[session_id] + len(session.refused))
            session.refused, session.probe = [], None
            session.taken, session.behind = None, True
            session.drops += 1

    def refuse(self, event: OutboxEvent) -> bool:
        """The broker would not take it: its session waits. Answers whether somebody must see to a `retry`."""
        session = self._sessions[event.session_id]
        insort(session.refused, event, key=_sequence)
        if session.probe is None:
            return len(session.refused) == 1
        if session.probe != event.sequence:
            return False
        session.probe = None
        return True

    def retry(self, session_id: SessionId) -> None:
        """Let the session's first refused event go again; if it is taken, the others follow."""
        session = self.session(session_id)
        if session.refused and session.probe is None:
            first = session.refused.pop(0)
            session.probe = first.sequence
            self.put_back([first])

    def _take(self, session: SessionBacklog, event: OutboxEvent) -> None:
        session.taken = event.sequence
        session.held += 1
        self._held += 1
        self._queue.append(event)

    def _release(self, session: SessionBacklog, count: int) -> None:
        session.held -= count
        self._held -= count

    def _forget_an_idle_one(self) -> None:
        if len(self._sessions) >= MAX_SESSIONS:
            idle = next(
                (each for each, session in self._sessions.items() if session.is_idle and not session.reading), None
            )
            if idle is not None:
                del self._sessions[idle]

    def busy(self) -> list[SessionId]:
        """Sessions with something still to be published."""
        return [session_id for session_id, session in self._sessions.items() if not session.is_idle]


def _sequence(event: OutboxEvent) -> int:
    return event.sequence
