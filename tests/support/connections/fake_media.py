# ruff: noqa: ARG002 (a fake takes what the port takes, and needs less)
"""Files in memory: their rows, WhatsApp's host, the bucket."""

import asyncio
import hashlib
import io
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from gateway_worker.media.prepared import PreparedFile
from gateway_worker.objects.received import Source
from gateway_worker.store.operations.media import NewMedia, RetryMedia, SettleMedia
from gateway_worker.store.records import MediaRecord, MediaState, MessageName
from gateway_worker.whatsapp.remote_files import RemoteFile
from schemas.content.outgoing_media import MediaSource
from schemas.names import MessageId, SessionId
from tests.support.connections.virtual_time import VirtualClock


@dataclass
class FakeMedia:
    """The rows, and when they are due; `failures` is what looks at what is due raise, `looks` when they came."""

    rows: dict[MessageId, MediaRecord] = field(default_factory=dict[MessageId, MediaRecord])
    next_tries: dict[MessageId, datetime] = field(default_factory=dict[MessageId, datetime])
    failures: dict[SessionId, Exception] = field(default_factory=dict[SessionId, Exception])
    looks: list[tuple[SessionId, float]] = field(default_factory=list[tuple[SessionId, float]])

    def put(self, session_id: SessionId, message_id: MessageId, new: NewMedia) -> None:
        now = VirtualClock().now()
        self.next_tries[message_id] = now
        self.rows[message_id] = MediaRecord(
            session_id=session_id,
            message_id=message_id,
            number=1,
            state=new.state,
            object=new.object,
            attempts=0,
            value=new.value,
            error=None,
            created_at=now,
        )

    def retry(self, again: RetryMedia) -> None:
        row = self.rows[again.message_id]
        self.rows[again.message_id] = replace(row, attempts=row.attempts + 1, value=again.value)
        self.next_tries[again.message_id] = again.next_try

    def settle(self, settled: SettleMedia) -> bool:
        row = self.rows[settled.message_id]
        if row.state is not MediaState.PENDING:
            return False
        self.rows[settled.message_id] = replace(row, state=settled.state, value=settled.value, error=settled.error)
        return True

    async def of(self, session_id: SessionId, names: Collection[MessageName]) -> Mapping[MessageName, MediaRecord]:
        return {(each, number): self.rows[each] for each, number in names if each in self.rows}

    async def due(
        self, session_id: SessionId, now: datetime, besides: Collection[str], limit: int
    ) -> Sequence[MediaRecord]:
        self.looks.append((session_id, VirtualClock().monotonic()))
        if failure := self.failures.get(session_id):
            raise failure
        pending = [row for row in self._pending(session_id, besides) if self.next_tries[row.message_id] <= now]
        return sorted(pending, key=lambda row: self.next_tries[row.message_id])[:limit]

    async def next_try(self, session_id: SessionId, besides: Collection[str]) -> datetime | None:
        return min((self.next_tries[row.message_id] for row in self._pending(session_id, besides)), default=None)

    def _pending(self, session_id: SessionId, besides: Collection[str]) -> list[MediaRecord]:
        rows = [row for row in self.rows.values() if row.session_id == session_id and row.object not in besides]
        return [row for row in rows if row.state is MediaState.PENDING]


class FakeFile:
    """A file that is there."""

    def __init__(self, content: bytes) -> None:
        self._rest = io.BytesIO(content)
        self.size = len(content)
        self.sha256 = hashlib.sha256(content).hexdigest()

    async def read(self, size: int) -> bytes:
        return self._rest.read(size)


@dataclass
class FakeMediaHost:
    """WhatsApp's media host, where every file is the same, behind `trouble` and a `gate` if there are such."""

    content: bytes = b"\xff\xd8\xff a picture"
    trouble: Exception | None = None
    gate: asyncio.Event | None = None
    asked: list[float] = field(default_factory=list[float])
    proxies: list[str | None] = field(default_factory=list[str | None])

    @asynccontextmanager
    async def opened(self, file: RemoteFile, *, proxy: str | None, limit: int) -> AsyncGenerator[FakeFile]:
        self.asked.append(VirtualClock().monotonic())
        self.proxies.append(proxy)
        if self.gate is not None:
            await self.gate.wait()
        if self.trouble is not None:
            raise self.trouble
        yield FakeFile(self.content)


@dataclass
class FakeMediaBucket:
    """The media bucket; `trouble` as above."""

    objects: dict[str, bytes] = field(default_factory=dict[str, bytes])
    trouble: Exception | None = None

    async def put(self, key: str, source: Source, content_type: Callable[[bytes], str]) -> str:
        content = await source.read(1 << 30)
        if self.trouble is not None:
            raise self.trouble
        self.objects[key] = content
        return content_type(content[:64])

    async def exists(self, key: str) -> bool:
        return key in self.objects


@dataclass
class FakeFiles:
    """Prepares nothing: whatever is named is there at once. `answers` says otherwise for the next ones."""

    prepared: list[str] = field(default_factory=list[str])
    answers: list[Callable[[], Awaitable[None]]] = field(default_factory=list[Callable[[], Awaitable[None]]])

    @asynccontextmanager
    async def prepare(self, kind: str, source: MediaSource, *, party: str) -> AsyncGenerator[PreparedFile]:
        self.prepared.append(kind)
        if self.answers:
            await self.answers.pop(0)()
        name = source.url or source.object or "inline"
        yield PreparedFile(path=Path("/nowhere"), size=3, sha256=name, mimetype="image/jpeg", width=2, height=1)
