"""Workers and sessions as they stand, from what the gateway answered and what it tells. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from gateway_worker.client.events import Event
from schemas.events.contacts import ProfileUpdated
from schemas.events.sessions import Action, Reason, SessionState, SessionStatus
from schemas.events.workers import WorkerHeartbeat, WorkerMetrics, WorkerRegistered, WorkerState, WorkerStopped
from schemas.names import UserId, WorkerId
from schemas.results import SessionDescription, SessionQr, WorkerDescription

SILENT: Final = timedelta(seconds=95)  # three heartbeats: nothing is heard of the worker
GONE: Final = timedelta(minutes=10)  # nor will be
MOST_WORKERS: Final = 1_000
_LINKING: Final = frozenset(
    {
        SessionState.QR_REQUIRED,
        SessionState.CODE_REQUIRED,
        SessionState.PASSKEY_REQUIRED,
        SessionState.PASSKEY_CONFIRM,
    }
)
_FOR_A_PERSON: Final = frozenset({Action.RESCAN, Action.UPGRADE, Action.CONTACT_SUPPORT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A worker. `seen` is when it was last heard of; its figures may be missing until it tells them."""

    worker_id: str
    seen: datetime
    status: WorkerState = WorkerState.ONLINE
    is_stopped: bool = False
    version: str | None = None
    endpoint: str | None = None
    sessions: int = 0
    room: int = 0
    metrics: WorkerMetrics | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session. `live` is the last status that was told, with what belongs to it alone: a QR code, a request."""

    session_id: str
    user_id: str
    state: SessionState
    since: datetime
    phone: str | None = None
    jid: str | None = None
    name: str | None = None
    owner: str | None = None
    reason: Reason | None = None
    retry_at: datetime | None = None
    live: SessionStatus | None = None

    @property
    def is_linking(self) -> bool:
        """Whether somebody is to do something so that the device is linked."""
        return self.state in _LINKING

    @property
    def needs_a_person(self) -> bool:
        """Whether it stays as it is until somebody does something."""
        if self.state in {SessionState.RESTRICTED, SessionState.FAILED}:
            return True
        wants = self.reason is not None and self.reason.action in _FOR_A_PERSON
        return wants and self.state in {SessionState.DISCONNECTED, SessionState.LOGGED_OUT}

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name or self.phone or self.session_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A part of a list; `after` is where the next part begins, None at its end."""

    sessions: Sequence[Session]
    total: int
    after: str | None


@dataclass(slots=True)
class Fleet:
    """Everything there is, as far as it was told."""

    workers: dict[str, Worker] = field(default_factory=dict[str, Worker])
    sessions: dict[str, Session] = field(default_factory=dict[str, Session])

    def take(self, event: Event, now: datetime) -> None:
        """An event has come."""
        match event.data:
            case SessionStatus() as status:
                self._status(status)
            case ProfileUpdated() as profile:
                self._rename(profile)
            case WorkerHeartbeat() as beat:
                self._beat(beat, now)
            case WorkerRegistered() as worker:
                self._worker(
                    worker.worker_id, now, version=worker.version, endpoint=worker.endpoint, room=worker.max_sessions
                )
            case WorkerStopped() as worker:
                self._worker(worker.worker_id, now, is_stopped=True, sessions=0)
            case _:
                pass

    def described(self, worker: WorkerDescription, now: datetime) -> None:
        """A worker has answered."""
        self._worker(
            worker.worker_id,
            now,
            status=worker.status,
            version=worker.version,
            endpoint=worker.endpoint,
            sessions=worker.session_count,
            room=worker.max_sessions,
        )

    def listed(self, sessions: Iterable[SessionDescription], asked_at: datetime) -> None:
        """All sessions there are. What was told since they were asked for counts more."""
        described = {each.session_id: _of(each, self.sessions.get(each.session_id)) for each in sessions}
        newer = {name: each for name, each in self.sessions.items() if each.since > asked_at}
        self.sessions = {**described, **newer}

    def put(self, session: SessionDescription) -> Session:
        """One session has been described."""
        made = _of(session, self.sessions.get(session.session_id))
        self.sessions[session.session_id] = made
        return made

    def shows(self, qr: SessionQr) -> Session:
        """A session that was put here shows this code."""
        session = self.sessions[qr.session_id]
        live = SessionStatus(
            session_id=qr.session_id,
            user_id=UserId(session.user_id),
            worker_id=WorkerId(session.owner or ""),
            state=session.state,
            timestamp=session.since,
            qr_string=qr.qr_string,
            qr_code=qr.qr_code,
            expires_at=qr.expires_at,
        )
        self.sessions[qr.session_id] = replace(session, live=live)
        return self.sessions[qr.session_id]

    def search(self, text: str, state: SessionState | None, after: str, limit: int) -> Found:
        """Sessions whose id, user, number or name holds `text`, in the order of their ids."""
        words = text.casefold()
        found = sorted(
            (each for each in self.sessions.values() if (state in (None, each.state)) and words in _haystack(each)),
            key=lambda each: each.session_id,
        )
        rest = [each for each in found if each.session_id > after][: limit + 1]
        shown = rest[:limit]
        return Found(sessions=shown, total=len(found), after=shown[-1].session_id if len(rest) > limit else None)

    def by_state(self) -> Mapping[SessionState, int]:
        """How many sessions are in each state, the most first."""
        return dict(Counter(each.state for each in self.sessions.values()).most_common())

    def for_a_person(self) -> Sequence[Session]:
        """Those that wait for somebody, the longest first."""
        return sorted((each for each in self.sessions.values() if each.needs_a_person), key=lambda each: each.since)

    def present(self, now: datetime) -> Sequence[Worker]:
        """The workers, without those that are long gone."""
        self.workers = {
            name: each for name, each in self.workers.items() if now - each.seen < (SILENT if each.is_stopped else GONE)
        }
        return sorted(self.workers.values(), key=lambda each: each.worker_id)

    def _status(self, status: SessionStatus) -> None:
        if status.state is SessionState.DELETED:
            self.sessions.pop(status.session_id, None)
            return
        before = self.sessions.get(status.session_id)
        if before is not None and status.timestamp < before.since and before.live is not None:
            return  # a replay
        base = before or Session(
            session_id=status.session_id, user_id=status.user_id, state=status.state, since=status.timestamp
        )
        self.sessions[status.session_id] = replace(
            base,
            state=status.state,
            since=status.timestamp,
            phone=status.phone or base.phone,
            jid=status.jid or base.jid,
            name=status.push_name or base.name,
            owner=status.worker_id,
            reason=status.reason,
            retry_at=status.retry_at,
            live=status,
        )

    def _rename(self, profile: ProfileUpdated) -> None:
        known = self.sessions.get(profile.session_id)
        if known is not None and profile.push_name is not None:
            self.sessions[profile.session_id] = replace(known, name=profile.push_name)

    def _beat(self, beat: WorkerHeartbeat, now: datetime) -> None:
        figures = beat.metrics
        self._worker(
            beat.worker_id,
            now,
            status=beat.status,
            is_stopped=False,
            sessions=figures.session_count,
            room=figures.max_sessions,
            metrics=figures,
        )

    def _worker(self, worker_id: str, now: datetime, **described: object) -> None:
        before = self.workers.get(worker_id) or Worker(worker_id=worker_id, seen=now)
        changed = {"is_stopped": False, **described, "seen": now}
        if worker_id in self.workers or len(self.workers) < MOST_WORKERS:
            self.workers[worker_id] = replace(before, **changed)  # pyright: ignore[reportArgumentType] (our own names)


def _of(described: SessionDescription, before: Session | None) -> Session:
    """A session as it was described; what only an event tells stays, as long as it is in that state."""
    live = before.live if before is not None and before.state is described.state else None
    return Session(
        session_id=described.session_id,
        user_id=described.user_id,
        state=described.state,
        since=described.since,
        phone=described.phone,
        jid=described.jid,
        name=described.name,
        owner=described.owner,
        reason=described.reason,
        retry_at=described.retry_at,
        live=live,
    )


def _haystack(session: Session) -> str:
    parts = (session.session_id, session.user_id, session.phone or "", session.name or "")
    return "\n".join(parts).casefold()
