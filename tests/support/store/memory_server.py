"""What a group commit needs of PostgreSQL, in memory: sessions with their locks, the outbox, commits that fail."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, cast

import asyncpg

from gateway_worker.store.postgres.database import KeptWire, Wire
from gateway_worker.store.postgres.encryption import Keyring, Purpose

REFUSED = "refused"
"""A type of event that this server refuses to store."""


class Commit(Enum):
    """What becomes of a commit."""

    LOST = auto()
    """The connection breaks before it takes effect."""
    UNANSWERED = auto()
    """The connection breaks after it took effect."""
    SLOW = auto()
    """The connection breaks, and it takes effect `SLOW_SECONDS` later; its sessions are locked until then."""


SLOW_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class StoredEvent:
    session_id: str
    sequence: int
    event_id: str
    type: str


@dataclass(eq=False, kw_only=True)
class MemoryServer:
    """Answers the statements of `GroupWriter`.

    Attributes:
        rows: of the table of sessions.
        locked: sessions whose row somebody has locked.
        locked_beneath: sessions of which somebody has locked another row, a message's for example.
        outbox: what is committed.
        others: what other statements took effect.
        groups: the types of the events of each transaction that took effect.
        tries: transactions that were begun, and at which second of the loop.
        away: how many statements fail because the server is away.
        commits: what becomes of the next commits; without any they succeed.
        may_commit: commits wait for it.
        lock_timeouts: those that were asked for.
        connections: how many are taken and not given back.
    """

    keyring: Keyring = field(default_factory=lambda: Keyring([bytes(range(32))]))
    rows: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    locked: set[str] = field(default_factory=set[str])
    locked_beneath: set[str] = field(default_factory=set[str])
    outbox: list[StoredEvent] = field(default_factory=list[StoredEvent])
    others: list[str] = field(default_factory=list[str])
    groups: list[list[str]] = field(default_factory=list[list[str]])
    tries: list[float] = field(default_factory=list[float])
    away: int = 0
    commits: deque[Commit] = field(default_factory=deque[Commit])
    may_commit: asyncio.Event = field(default_factory=asyncio.Event)
    lock_timeouts: set[str] = field(default_factory=set[str])
    connections: int = 0

    def __post_init__(self) -> None:
        self.may_commit.set()

    def add_session(self, session_id: str, epoch: int = 1) -> None:
        self.rows[session_id] = {
            "id": session_id,
            "epoch": epoch,
            "sequence": 0,
            "identity_key": self.keyring.new_data_key(session_id, Purpose.IDENTITY),
            "content_key": self.keyring.new_data_key(session_id, Purpose.CONTENT),
        }

    def kept(self) -> KeptWire:
        return KeptWire(self._take, lambda: None)

    def types(self, session_id: str) -> list[str]:
        """Of a session's events, by their sequence, which has no gap."""
        stored = sorted((each for each in self.outbox if each.session_id == session_id), key=lambda e: e.sequence)
        assert [each.sequence for each in stored] == list(range(1, len(stored) + 1))
        return [each.type for each in stored]

    async def _take(self) -> tuple[Wire, Callable[[], Awaitable[None]]]:
        wire = _MemoryWire(self)
        self.connections += 1

        async def give_back() -> None:
            self.connections -= 1

        return cast("Wire", wire), give_back


class _MemoryWire:
    """One connection, and the transaction on it."""

    def __init__(self, server: MemoryServer) -> None:
        self._server = server
        self.closed = False
        self._written: list[StoredEvent] = []
        self._others: list[str] = []
        self._moved: dict[str, int] = {}
        self._is_open = False

    def is_closed(self) -> bool:
        return self.closed

    def transaction(self) -> "_MemoryWire":
        return self

    async def start(self) -> None:
        assert not self._is_open
        self._server.tries.append(asyncio.get_running_loop().time())
        self._is_open, self._written, self._others, self._moved = True, [], [], {}

    async def rollback(self) -> None:
        self._is_open = False

    async def commit(self) -> None:
        assert self._is_open
        await self._server.may_commit.wait()
        outcome = self._server.commits.popleft() if self._server.commits else None
        self._is_open = False
        if outcome is Commit.SLOW:
            self._server.locked |= self._moved.keys()
            asyncio.get_running_loop().call_later(SLOW_SECONDS, self._take_effect)
        elif outcome is not Commit.LOST:
            self._take_effect()
        if outcome is not None:
            self.closed = True
            raise ConnectionResetError

    async def fetch(self, query: str, *arguments: Any) -> Sequence[Mapping[str, Any]]:
        await self._reach()
        wanted = set(zip(*arguments[:2], strict=True))
        found = [dict(row) for row in self._server.rows.values() if (row["id"], row["epoch"]) in wanted]
        if "SKIP LOCKED" in query:
            self._server.lock_timeouts.add(arguments[2])
            return [row for row in found if row["id"] not in self._server.locked]
        if "FOR NO KEY UPDATE" in query and self._server.locked & {row["id"] for row in found}:
            raise asyncpg.LockNotAvailableError("canceling statement due to lock timeout")
        return found

    async def fetchval(self, _query: str, session_id: str, sequence: int, event_id: str) -> bool:
        await self._reach()
        return (session_id, sequence, event_id) in {(e.session_id, e.sequence, e.event_id) for e in self._server.outbox}

    async def execute(self, query: str, *arguments: Any) -> str:
        await self._reach()
        if "INSERT INTO outbox" not in query:
            self._others.append(query)
            return query
        moved, sequences, *columns = arguments
        self._moved = dict(zip(moved, sequences, strict=True))
        self._written = [StoredEvent(*row) for row in zip(*columns[:4], strict=True)]
        if self._server.locked_beneath & {each.session_id for each in self._written}:
            raise asyncpg.LockNotAvailableError("canceling statement due to lock timeout")
        if REFUSED in {each.type for each in self._written}:
            raise asyncpg.DataError("out of range")
        return f"INSERT 0 {len(self._written)}"

    async def _reach(self) -> None:
        assert self._is_open
        await asyncio.sleep(0)
        if self._server.away:
            self._server.away -= 1
            self.closed = True
            raise ConnectionRefusedError

    def _take_effect(self) -> None:
        for session_id, sequence in self._moved.items():
            self._server.rows[session_id]["sequence"] = sequence
        self._server.locked -= self._moved.keys()
        self._server.outbox += self._written
        self._server.others += self._others
        self._server.groups.append([each.type for each in self._written])
