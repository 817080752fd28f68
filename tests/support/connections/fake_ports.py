# ruff: noqa: ARG002 (a fake takes what the port takes, and needs less)
"""Cache, queues, announcer and snapshots in memory: they keep what they are given."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel

from gateway_worker.objects.snapshots import SnapshotMoment
from gateway_worker.store.records import CausedBy, Fence, Json
from gateway_worker.store.snapshots.snapshots import Removal, SealedSnapshot
from schemas.names import SessionId, WorkerId
from tests.support.connections.virtual_time import VirtualClock


@dataclass
class FakeCache:
    qrs: dict[SessionId, Json] = field(default_factory=dict[SessionId, Json])
    routes: dict[SessionId, WorkerId] = field(default_factory=dict[SessionId, WorkerId])
    rate_limits: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict[tuple[str, str], "dict[str, str]"])
    brakes: dict[str, Json] = field(default_factory=dict[str, Json])
    takes_seconds: float = 0

    async def put_qr(self, session_id: SessionId, data: Json, ttl_seconds: int) -> None:
        self.qrs[session_id] = data

    async def qr(self, session_id: SessionId) -> Json | None:
        return self.qrs.get(session_id)

    async def drop_qr(self, session_id: SessionId) -> None:
        await asyncio.sleep(self.takes_seconds)
        self.qrs.pop(session_id, None)

    async def put_route(self, session_id: SessionId, worker_id: WorkerId) -> None:
        self.routes[session_id] = worker_id

    async def put_routes(self, session_ids: Sequence[SessionId], worker_id: WorkerId) -> None:
        self.routes.update(dict.fromkeys(session_ids, worker_id))

    async def put_rate_limit(self, kind: str, name: str, fields: Mapping[str, str], ttl_seconds: int) -> None:
        self.rate_limits[kind, name] = dict(fields)

    async def put_brake(self, proxy: str, data: Json, ttl_seconds: int) -> None:
        self.brakes[proxy] = data

    async def brake(self, proxy: str) -> Json | None:
        return self.brakes.get(proxy)

    async def drop_route(self, session_id: SessionId, worker_id: WorkerId) -> None:
        if self.routes.get(session_id) == worker_id:
            del self.routes[session_id]


@dataclass
class FakeQueues:
    """`log` is what was done to which queue, in order; `drained` is called when a queue is deleted."""

    log: list[str] = field(default_factory=list[str])
    drained: Callable[[SessionId], None] | None = None
    settling: Callable[[SessionId], Awaitable[None]] | None = None  # what is under way when a queue closes gently

    async def declare(self, session_id: SessionId) -> None:
        self.log.append("declare")

    async def open(self, session_id: SessionId) -> None:
        self.log.append("open")

    async def pause(self, session_id: SessionId, *, grace: float = 0) -> None:
        self.log.append("pause")
        if grace and self.settling is not None:
            await self.settling(session_id)

    async def delete(self, session_id: SessionId) -> None:
        self.log.append("delete")
        if self.drained is not None:
            self.drained(session_id)


@dataclass
class FakeAnnouncer:
    announced: list[BaseModel] = field(default_factory=list[BaseModel])
    log: list[str] = field(default_factory=list[str])

    async def announce(
        self,
        event_type: str,
        subject: str,
        data: BaseModel,
        *,
        caused_by: CausedBy | None = None,
    ) -> None:
        self.announced.append(data)

    def let_go(self, session_id: SessionId) -> None:
        self.log.append("let_go")

    async def flushed(self, session_id: SessionId) -> None:
        self.log.append("flushed")


class FakeSnapshots:
    """Both sides of a snapshot keeper: what it takes, and where it puts it."""

    def __init__(self) -> None:
        self.identities: dict[SessionId, bytes] = {}  # what there is to store, until it is kept
        self.sequence = 1
        self.removals: list[Removal] = []
        self.done: list[Removal] = []
        self.looks = 0  # at what may be due
        self.puts: list[float] = []  # when
        self.bucket: dict[tuple[SessionId, SnapshotMoment], bytes] = {}
        self.is_wanted = True  # whether `keep` finds the session as it was
        self.failures: list[Exception] = []  # S3's next answers

    async def take(self, fence: Fence, kinds: Collection[str], mark: Callable[[bytes], bytes]) -> SealedSnapshot | None:
        body = self.identities.get(fence.session_id)
        if body is None:
            return None
        return SealedSnapshot(fence=fence, sequence=self.sequence, fingerprint=body, body=body)

    async def keep(self, sealed: SealedSnapshot) -> bool:
        self.identities.pop(sealed.fence.session_id, None)
        return self.is_wanted

    async def due_removals(self, limit: int) -> Sequence[Removal]:
        self.looks += 1
        due, self.removals = self.removals[:limit], self.removals[limit:]
        return due

    async def removed(self, removal: Removal) -> None:
        self.done.append(removal)

    async def put(self, session_id: SessionId, moment: SnapshotMoment, body: bytes) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.puts.append(VirtualClock().monotonic())
        self.bucket[session_id, moment] = body

    async def remove_older(self, session_id: SessionId, moment: SnapshotMoment) -> None:
        self._remove(session_id, lambda found: found < moment)

    async def remove(self, session_id: SessionId, moment: SnapshotMoment) -> None:
        self._remove(session_id, lambda found: found == moment)

    async def remove_through(self, session_id: SessionId, sequence: int) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self._remove(session_id, lambda found: found.sequence <= sequence)

    def _remove(self, session_id: SessionId, doomed: Callable[[SnapshotMoment], bool]) -> None:
        for key in [key for key in self.bucket if key[0] == session_id and doomed(key[1])]:
            del self.bucket[key]
