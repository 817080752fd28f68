# ruff: noqa: ARG002 (a fake takes what the port takes, and needs less)
"""The rows of sessions, in memory, and who owns them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway_worker.store.records import CausedBy, Desired, Json, NewSession, OwnerSigns, Room, SessionRecord
from schemas.names import SessionId, UserId, WorkerId
from tests.support.connections.virtual_time import VirtualClock


@dataclass
class FakeSessions:
    rows: dict[SessionId, SessionRecord] = field(default_factory=dict[SessionId, SessionRecord])
    tombstones: dict[SessionId, int] = field(default_factory=dict[SessionId, int])
    watchers: list[asyncio.Queue[SessionId]] = field(default_factory=list[asyncio.Queue[SessionId]])
    slots: dict[WorkerId, int] = field(default_factory=dict[WorkerId, int])  # of the workers that take sessions
    left_at: dict[SessionId, float] = field(default_factory=dict[SessionId, float])

    async def get(self, session_id: SessionId) -> SessionRecord | None:
        return self.rows.get(session_id)

    async def list(self, after: SessionId | None, limit: int, user_id: UserId | None = None) -> Sequence[SessionRecord]:
        rows = [self.rows[key] for key in sorted(self.rows) if after is None or key > after]
        return [row for row in rows if user_id is None or row.user_id == user_id][:limit]

    async def create_or_get(self, new: NewSession) -> SessionRecord:
        if new.session_id not in self.rows:
            now = VirtualClock().now()
            self.rows[new.session_id] = SessionRecord(
                session_id=new.session_id,
                user_id=new.user_id,
                state=new.state,
                state_since=now,
                reason=None,
                retry_at=None,
                desired=new.desired,
                generation=1,
                applied_generation=0,
                restart_generation=0,
                purge=False,
                owner=None,
                incarnation=None,
                leaving=None,
                epoch=self.tombstones.get(new.session_id, 0),
                sequence=0,
                phone=None,
                jid=None,
                lid=None,
                push_name=None,
                pairing=new.pairing,
                options=new.options,
                limits=new.limits,
                created_at=now,
                caused_by=new.caused_by,
            )
        return self.rows[new.session_id]

    async def update_options(
        self, session_id: SessionId, *, pairing: Json, options: Json | None = None, limits: Json | None = None
    ) -> SessionRecord | None:
        row = self.rows[session_id]
        options, limits = options or row.options, limits or row.limits
        self.rows[session_id] = replace(row, pairing=pairing, options=options, limits=limits)
        return self.rows[session_id]

    async def claim(self, session_id: SessionId, worker_id: WorkerId, incarnation: str) -> SessionRecord | None:
        return self._claim(session_id, worker_id, incarnation)

    def _claim(self, session_id: SessionId, worker_id: WorkerId, incarnation: str) -> SessionRecord | None:
        row = self.rows.get(session_id)
        if row is None or (row.owner not in {None, worker_id}):
            return None
        stays = row.leaving == worker_id and row.owner is not None
        self.rows[session_id] = replace(
            row,
            owner=worker_id,
            incarnation=incarnation,
            epoch=row.epoch + 1,
            leaving=row.leaving if stays else None,
        )
        return self.rows[session_id]

    async def claim_own(self, worker_id: WorkerId, incarnation: str, limit: int) -> Sequence[SessionRecord]:
        free = [
            row.session_id
            for row in self.rows.values()
            if (row.owner is None and self._may_take(row, worker_id))
            or (row.owner == worker_id and row.incarnation != incarnation)
        ]
        claimed = [self._claim(each, worker_id, incarnation) for each in free[:limit]]
        return [row for row in claimed if row is not None]

    async def take(self, session_id: SessionId, worker_id: WorkerId, incarnation: str) -> SessionRecord | None:
        row = self.rows.get(session_id)
        if row is None or row.owner is not None or not self._may_take(row, worker_id):
            return None
        return self._claim(session_id, worker_id, incarnation)

    async def claim_waiting(self, worker_id: WorkerId, incarnation: str, limit: int) -> Sequence[SessionRecord]:
        waiting = [each for each in self._ownerless() if each.state != "waiting_for_capacity"]
        claimed = [self._claim(each.session_id, worker_id, incarnation) for each in waiting[:limit]]
        return [row for row in claimed if row is not None]

    async def owned(self, worker_id: WorkerId, incarnation: str) -> Mapping[SessionId, int]:
        mine = (worker_id, incarnation)
        return {key: row.epoch for key, row in self.rows.items() if (row.owner, row.incarnation) == mine}

    async def release(self, session_id: SessionId, epoch: int, *, left: WorkerId | None = None) -> None:
        row = self.rows.get(session_id)
        if row is not None and row.epoch == epoch:
            self.rows[session_id] = replace(row, owner=None, incarnation=None, leaving=left)
            self.left_at[session_id] = VirtualClock().monotonic()
            self._wake(session_id)

    async def order_move(self, session_id: SessionId, caused_by: CausedBy | None = None) -> SessionRecord | None:
        row = self.rows.get(session_id)
        if row is not None and row.owner is not None:
            self.rows[session_id] = replace(row, leaving=row.owner, caused_by=caused_by)
            self._wake(session_id)
        return self.rows.get(session_id)

    async def stay(self, session_id: SessionId, epoch: int) -> None:
        self.rows[session_id] = replace(self.rows[session_id], leaving=None)

    async def room(self, worker_id: WorkerId) -> Room:
        others = {each: slots for each, slots in self.slots.items() if each != worker_id}
        owned = Counter(row.owner for row in self.rows.values())
        free = sum(max(0, slots - owned[each]) for each, slots in others.items())
        ownerless = self._ownerless()
        unserved = sum(row.state == "waiting_for_capacity" for row in ownerless)
        return Room(free=free, waiting=len(ownerless), unserved=unserved)

    def _ownerless(self) -> Sequence[SessionRecord]:
        return [row for row in self.rows.values() if row.owner is None]

    def _may_take(self, row: SessionRecord, worker_id: WorkerId) -> bool:
        return row.leaving != worker_id or VirtualClock().monotonic() >= self.left_at[row.session_id] + 5

    def _wake(self, session_id: SessionId) -> None:
        for watcher in self.watchers:
            watcher.put_nowait(session_id)

    async def desire(
        self,
        session_id: SessionId,
        desired: Desired,
        *,
        restart: bool = False,
        purge: bool = False,
        caused_by: CausedBy | None = None,
    ) -> SessionRecord | None:
        row = self.rows.get(session_id)
        if row is None:
            return None
        generation = row.generation + 1
        self.rows[session_id] = replace(
            row,
            desired=desired,
            generation=generation,
            restart_generation=generation if restart else row.restart_generation,
            purge=purge,
            caused_by=caused_by,
        )
        self._wake(session_id)
        return self.rows[session_id]

    async def watch(self) -> AsyncIterator[SessionId]:
        noticed = asyncio.Queue[SessionId]()
        self.watchers.append(noticed)
        for row in list(self.rows.values()):
            yield row.session_id
        while True:
            yield await noticed.get()

    async def forget(self, session_id: SessionId, epoch: int, *, purge: bool) -> None:
        row = self.rows.pop(session_id, None)
        if row is not None:
            assert row.epoch == epoch
            self.tombstones[session_id] = epoch


@dataclass
class FakeOwners:
    """`signs` is what is seen of the other workers; the sessions of one that is dead become nobody's."""

    sessions: FakeSessions
    signs: dict[WorkerId, OwnerSigns] = field(default_factory=dict[WorkerId, OwnerSigns])
    settled: bool = True
    freed: list[WorkerId] = field(default_factory=list[WorkerId])

    async def look(self, besides: WorkerId) -> Sequence[OwnerSigns] | None:
        owners = {row.owner for row in self.sessions.rows.values() if row.owner not in {None, besides}}
        return [sign for each, sign in self.signs.items() if each in owners] if self.settled else None

    async def free(self, owner: WorkerId) -> int:
        self.freed.append(owner)
        return self._free(lambda row: row.owner == owner)

    async def free_earlier(self, worker_id: WorkerId, incarnation: str) -> None:
        self._free(lambda row: row.owner == worker_id and row.incarnation != incarnation)

    def _free(self, which: Callable[[SessionRecord], bool]) -> int:
        freed = {key: row for key, row in self.sessions.rows.items() if which(row)}
        for key, row in freed.items():
            self.sessions.rows[key] = replace(row, owner=None, incarnation=None, epoch=row.epoch + 1)
        return len(freed)
