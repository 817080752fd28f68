# ruff: noqa: ARG002 (a fake takes what the port takes, and needs less)
"""The rooms around the connection manager, in memory: they keep what they are given and do what a test tells them."""

import asyncio
import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from gateway_worker.media.preparing import PreparedFile
from gateway_worker.objects.received import Source
from gateway_worker.objects.snapshots import SnapshotMoment
from gateway_worker.store import ledger
from gateway_worker.store.errors import StaleEpoch, StoreUnavailable
from gateway_worker.store.operations import (
    AdvanceStatus,
    AlreadySettled,
    AppendEvent,
    BeginMessage,
    Begun,
    ChangeState,
    Conflict,
    DropCredentials,
    InProgress,
    JoinChats,
    LearnContacts,
    NewMedia,
    Operation,
    PutCredentials,
    PutEntries,
    PutKeys,
    PutMedia,
    PutSentPlaintext,
    PutUpload,
    ReceiveMessage,
    ReplaceContent,
    RetryMedia,
    SettleEntries,
    SettleMedia,
)
from gateway_worker.store.owners import OwnerSigns
from gateway_worker.store.records import (
    Desired,
    Direction,
    Fence,
    Json,
    MediaRecord,
    MediaState,
    MessageRecord,
    MessageTally,
    NewSession,
    ParticipantReceipt,
    Room,
    SessionRecord,
    Status,
    UnprocessedEntry,
)
from gateway_worker.store.snapshots import Removal, SealedSnapshot
from gateway_worker.whatsapp.errors import EngineError, NotConnected, NotOnPhone
from gateway_worker.whatsapp.facts import Cause, Disconnected, Fact
from gateway_worker.whatsapp.files import FileClass, FileReference
from gateway_worker.whatsapp.outgoing import Acknowledged, MessageRef, OutgoingMessage
from gateway_worker.whatsapp.people import ContactCheck, Picture, PresenceState
from gateway_worker.whatsapp.port import Changes, OpenRequest, Owner
from gateway_worker.whatsapp.remote_files import FileRequest, RemoteFile
from schemas.content import Media
from schemas.names import MessageId, SessionId, UserId, WorkerId
from schemas.outgoing_media import MediaSource
from tests.support.connections.virtual_time import VirtualClock
from tests.support.groups import FakeGroups


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
        claimed = [await self.claim(each, worker_id, incarnation) for each in free[:limit]]
        return [row for row in claimed if row is not None]

    async def take(self, session_id: SessionId, worker_id: WorkerId, incarnation: str) -> SessionRecord | None:
        row = self.rows.get(session_id)
        if row is None or row.owner is not None or not self._may_take(row, worker_id):
            return None
        return await self.claim(session_id, worker_id, incarnation)

    async def claim_waiting(self, worker_id: WorkerId, incarnation: str, limit: int) -> Sequence[SessionRecord]:
        waiting = [each for each in self._ownerless() if each.state != "waiting_for_capacity"]
        claimed = [await self.claim(each.session_id, worker_id, incarnation) for each in waiting[:limit]]
        return [row for row in claimed if row is not None]

    async def release(self, session_id: SessionId, epoch: int, *, left: WorkerId | None = None) -> None:
        row = self.rows.get(session_id)
        if row is not None and row.epoch == epoch:
            self.rows[session_id] = replace(row, owner=None, incarnation=None, leaving=left)
            self.left_at[session_id] = VirtualClock().monotonic()
            self._wake(session_id)

    async def order_move(self, session_id: SessionId) -> SessionRecord | None:
        row = self.rows.get(session_id)
        if row is not None and row.owner is not None:
            self.rows[session_id] = replace(row, leaving=row.owner)
            self._wake(session_id)
        return self.rows.get(session_id)

    async def stay(self, session_id: SessionId, epoch: int) -> None:
        self.rows[session_id] = replace(self.rows[session_id], leaving=None)

    async def room(self, worker_id: WorkerId) -> Room:
        others = {each: slots for each, slots in self.slots.items() if each != worker_id}
        owned = Counter(row.owner for row in self.rows.values())
        free = sum(max(0, slots - owned[each]) for each, slots in others.items())
        return Room(free=free, waiting=len(self._ownerless()))

    def _ownerless(self) -> Sequence[SessionRecord]:
        return [row for row in self.rows.values() if row.owner is None]

    def _may_take(self, row: SessionRecord, worker_id: WorkerId) -> bool:
        return row.leaving != worker_id or VirtualClock().monotonic() >= self.left_at[row.session_id] + 5

    def _wake(self, session_id: SessionId) -> None:
        for watcher in self.watchers:
            watcher.put_nowait(session_id)

    async def desire(
        self, session_id: SessionId, desired: Desired, *, restart: bool = False, purge: bool = False
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
        )
        self._wake(session_id)
        return self.rows[session_id]

    async def watch(self) -> AsyncIterator[SessionId]:
        told = asyncio.Queue[SessionId]()
        self.watchers.append(told)
        for row in list(self.rows.values()):
            yield row.session_id
        while True:
            yield await told.get()

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


@dataclass
class FakeKeys:
    blobs: dict[SessionId, bytes] = field(default_factory=dict[SessionId, bytes])
    keys: dict[SessionId, dict[tuple[str, str], bytes]] = field(
        default_factory=lambda: defaultdict[SessionId, dict[tuple[str, str], bytes]](dict)
    )
    entries: dict[tuple[str, str, str, int], bytes] = field(default_factory=dict[tuple[str, str, str, int], bytes])
    awaited: set[str] = field(default_factory=set[str])

    async def credentials(self, session_id: SessionId) -> bytes | None:
        return self.blobs.get(session_id)

    async def load(self, session_id: SessionId, kind: str, ids: Sequence[str]) -> Mapping[str, bytes]:
        return {each: self.keys[session_id][kind, each] for each in ids if (kind, each) in self.keys[session_id]}

    async def of_kind(self, session_id: SessionId, kind: str, limit: int) -> Mapping[str, bytes]:
        found = {each: value for (kind_, each), value in self.keys[session_id].items() if kind_ == kind}
        return dict(list(found.items())[:limit])

    async def entry(
        self, session_id: SessionId, *, chat: str, sender: str, message_id: str, index: int
    ) -> bytes | None:
        return self.entries.get((chat, sender, message_id, index))

    async def unprocessed(self, session_id: SessionId) -> Sequence[UnprocessedEntry]:
        return [
            UnprocessedEntry(chat=chat, sender=sender, message_id=message_id, index=index, plaintext=plaintext)
            for (chat, sender, message_id, index), plaintext in self.entries.items()
            if message_id in self.awaited
        ]


@dataclass
class FakeMessages:
    rows: dict[MessageId, MessageRecord] = field(default_factory=dict[MessageId, MessageRecord])
    hashes: dict[MessageId, bytes] = field(default_factory=dict[MessageId, bytes])
    plaintexts: dict[MessageId, bytes] = field(default_factory=dict[MessageId, bytes])
    encrypted: Counter[MessageId] = field(default_factory=Counter[MessageId])

    async def get(self, session_id: SessionId, message_id: MessageId) -> MessageRecord | None:
        return self.rows.get(message_id)

    async def plaintext(self, session_id: SessionId, message_id: MessageId) -> bytes | None:
        return self.plaintexts.get(message_id)

    async def receipts(self, session_id: SessionId, message_id: MessageId) -> Sequence[ParticipantReceipt]:
        return []

    async def tries(self, session_id: SessionId, message_id: MessageId) -> int:
        return self.encrypted[message_id]

    async def history(
        self,
        session_id: SessionId,
        chat: str,
        *,
        before: tuple[datetime, str],
        kinds: Collection[str],
        limit: int,
    ) -> Sequence[MessageRecord]:
        older = [row for row in self.rows.values() if row.chat == chat and row.kind in kinds]
        found = sorted(older, key=lambda row: (row.created_at, row.message_id), reverse=True)
        return [row for row in found if (row.created_at, row.message_id) < before][:limit]

    async def changes(
        self, session_id: SessionId, message_ids: Collection[MessageId], limit: int
    ) -> Sequence[MessageRecord]:
        return [row for row in self.rows.values() if row.about in message_ids][-limit:]

    async def tally(
        self, session_id: SessionId, since: datetime, until: datetime, *, without: Collection[str] = ()
    ) -> Sequence[MessageTally]:
        counted = Counter(
            (row.direction, row.kind, row.status)
            for row in self.rows.values()
            if since <= row.created_at < until and row.kind not in without
        )
        return [
            MessageTally(direction=direction, kind=kind, status=status, count=count)
            for (direction, kind, status), count in counted.items()
        ]

    async def begun_since(self, session_id: SessionId, since: datetime, limit: int) -> Sequence[datetime]:
        times = sorted(row.created_at for row in self.rows.values() if row.direction is Direction.OUTGOING)
        return [time for time in times if time >= since][-limit:]


@dataclass
class FakeUploads:
    known: dict[tuple[SessionId, str, str], Json] = field(default_factory=dict[tuple[SessionId, str, str], Json])

    async def find(self, session_id: SessionId, file_class: str, sha256: str) -> Json | None:
        return self.known.get((session_id, file_class, sha256))


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

    async def of(self, session_id: SessionId, message_ids: Collection[MessageId]) -> Mapping[MessageId, MediaRecord]:
        return {each: self.rows[each] for each in message_ids if each in self.rows}

    async def due(
        self, session_id: SessionId, now: datetime, besides: Collection[MessageId], limit: int
    ) -> Sequence[MediaRecord]:
        self.looks.append((session_id, VirtualClock().monotonic()))
        if failure := self.failures.get(session_id):
            raise failure
        pending = [row for row in self._pending(session_id, besides) if self.next_tries[row.message_id] <= now]
        return sorted(pending, key=lambda row: self.next_tries[row.message_id])[:limit]

    async def next_try(self, session_id: SessionId, besides: Collection[MessageId]) -> datetime | None:
        return min((self.next_tries[row.message_id] for row in self._pending(session_id, besides)), default=None)

    def _pending(self, session_id: SessionId, besides: Collection[MessageId]) -> list[MediaRecord]:
        rows = [row for row in self.rows.values() if row.session_id == session_id and row.message_id not in besides]
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
class FakeStorage:
    """Keeps everything; `away` makes it unavailable, `events` is what a backend would be told, in order."""

    sessions: FakeSessions = field(default_factory=FakeSessions)
    owners: FakeOwners = field(init=False)
    keys: FakeKeys = field(default_factory=FakeKeys)
    messages: FakeMessages = field(default_factory=FakeMessages)
    uploads: FakeUploads = field(default_factory=FakeUploads)
    media: FakeMedia = field(default_factory=FakeMedia)
    events: list[tuple[str, Json]] = field(default_factory=list[tuple[str, Json]])
    learnt: list[LearnContacts] = field(default_factory=list[LearnContacts])
    away: bool = False
    back: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.owners = FakeOwners(self.sessions)

    async def commit(self, fence: Fence, *operations: Operation[Any]) -> tuple[Any, ...]:
        await asyncio.sleep(0)
        if self.away:
            raise StoreUnavailable
        row = self.sessions.rows.get(fence.session_id)
        if row is None or row.epoch != fence.epoch:
            raise StaleEpoch
        return tuple(self._apply(fence.session_id, operation) for operation in operations)

    def statuses(self, command_id: str) -> list[str]:
        return [str(data["status"]) for _, data in self.events if data.get("commandId") == command_id]

    def states(self, session_id: str) -> list[str]:
        kind = "session.status.v1"
        return [str(data["state"]) for type_, data in self.events if type_ == kind and data["sessionId"] == session_id]

    def last_state(self) -> Json:
        return [data for type_, data in self.events if type_ == "session.status.v1"][-1]

    def _apply(self, session_id: SessionId, operation: Operation[Any]) -> Any:  # noqa: C901, PLR0912 (one case each)
        match operation:
            case ChangeState():
                self._change(session_id, operation)
            case DropCredentials():
                self.keys.blobs.pop(session_id, None)
                self.keys.keys.pop(session_id, None)
            case PutCredentials():
                self.keys.blobs[session_id] = operation.blob
            case PutKeys():
                self.keys.keys[session_id].update({k: v for k, v in operation.keys.items() if v is not None})
            case PutEntries():
                for each in operation.entries:
                    key = (each.chat, each.sender, each.message_id, each.index)
                    self.keys.entries.setdefault(key, each.plaintext)
                    if each.unprocessed:
                        self.keys.awaited.add(each.message_id)
            case SettleEntries():
                self.keys.awaited.difference_update(operation.message_ids)
            case PutSentPlaintext():
                self.messages.plaintexts.update({MessageId(k): v for k, v in operation.plaintexts.items()})
                self.messages.encrypted.update(MessageId(k) for k in operation.plaintexts)
            case PutUpload():
                self.uploads.known[session_id, operation.file_class, operation.sha256] = operation.reference
            case ReplaceContent():
                row = self.messages.rows[operation.message_id]
                self.messages.rows[operation.message_id] = replace(row, content=operation.content)
            case BeginMessage():
                return self._begin(session_id, operation)
            case AdvanceStatus():
                return self._advance(session_id, operation)
            case ReceiveMessage():
                return self._receive(session_id, operation)
            case JoinChats(chats=chats):
                for message_id, row in self.messages.rows.items():
                    self.messages.rows[message_id] = replace(row, chat=chats.get(row.chat, row.chat))
            case LearnContacts():
                self.learnt.append(operation)
            case PutMedia():
                self.media.put(session_id, operation.message_id, operation.media)
            case RetryMedia():
                self.media.retry(operation)
            case SettleMedia():
                if self.media.settle(operation):
                    self.events.append((operation.event_type, operation.event))
            case AppendEvent():
                self.events.append((operation.type, operation.data))
            case _:
                raise AssertionError(f"unexpected {operation!r}")
        return None

    def _change(self, session_id: SessionId, change: ChangeState) -> None:
        row = self.sessions.rows[session_id]
        self.sessions.rows[session_id] = replace(
            row,
            state=change.state,
            reason=change.reason,
            retry_at=change.retry_at,
            applied_generation=change.applied_generation or row.applied_generation,
            phone=change.phone or row.phone,
            jid=change.jid or row.jid,
        )
        if change.event is not None:
            self.events.append(("session.status.v1", change.event))

    def _begin(self, session_id: SessionId, begin: BeginMessage) -> object:
        known = self.messages.rows.get(begin.message_id)
        if known is None:
            self.messages.hashes[begin.message_id] = begin.body_hash
            self.messages.rows[begin.message_id] = message_row(
                session_id,
                begin.message_id,
                chat=begin.chat or begin.to,
                content=begin.content,
                command=(begin.key.source, begin.key.id),
                about=begin.about,
            )
            return Begun()
        if self.messages.hashes[begin.message_id] != begin.body_hash:
            return Conflict()
        if known.is_final:
            return AlreadySettled(status=known.status, at=known.created_at, error=known.error)
        return InProgress(attempts=2)

    def _advance(self, session_id: SessionId, advance: AdvanceStatus) -> bool:
        row = self.messages.rows.get(advance.message_id)
        steps = () if row is None else ledger.advance(row.status, row.error, advance.status)
        if row is None or not steps:
            return False
        self.messages.rows[advance.message_id] = replace(row, status=steps[-1], error=advance.error)
        for step in steps:
            event = {"sessionId": session_id, "commandId": row.command_id, "status": step.value}
            self.events.append(("message.status.v1", event | ({"error": advance.error} if advance.error else {})))
        return True

    def _receive(self, session_id: SessionId, receive: ReceiveMessage) -> bool:
        if receive.message_id in self.messages.rows:
            return False
        self.messages.rows[receive.message_id] = message_row(
            session_id,
            receive.message_id,
            chat=receive.chat,
            content=receive.content,
            sender=receive.sender,
            about=receive.about,
            from_me=receive.from_me,
        )
        self.events.append((receive.event_type, receive.event))
        if receive.media is not None:
            self.media.put(session_id, receive.message_id, receive.media)
        return True


def message_row(
    session_id: SessionId,
    message_id: MessageId,
    *,
    chat: str,
    content: Json,
    sender: str | None = None,
    command: tuple[str, str] | None = None,
    about: MessageId | None = None,
    from_me: bool | None = None,
    at: datetime | None = None,
) -> MessageRecord:
    return MessageRecord(
        session_id=session_id,
        message_id=message_id,
        direction=Direction.INCOMING if command is None else Direction.OUTGOING,
        chat=chat,
        sender=sender,
        recipient=None if command is None else chat,
        from_me=command is not None if from_me is None else from_me,
        kind=str(content["kind"]),
        about=about,
        content=content,
        command_source=command[0] if command else None,
        command_id=command[1] if command else None,
        correlation_id=None,
        status=Status.PENDING if command else Status.RECEIVED,
        statuses={},
        error=None,
        attempts=1,
        created_at=at or VirtualClock().now(),
    )


@dataclass
class FakeCache:
    qrs: dict[SessionId, Json] = field(default_factory=dict[SessionId, Json])
    routes: dict[SessionId, WorkerId] = field(default_factory=dict[SessionId, WorkerId])
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

    async def drop_route(self, session_id: SessionId, worker_id: WorkerId) -> None:
        if self.routes.get(session_id) == worker_id:
            del self.routes[session_id]


@dataclass
class FakeDoors:
    """`log` is what was done to which door, in order; `drained` is called when a door is deleted."""

    log: list[str] = field(default_factory=list[str])
    drained: Callable[[SessionId], None] | None = None
    settling: Callable[[SessionId], Awaitable[None]] | None = None  # what is under way when a door closes gently

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
    told: list[BaseModel] = field(default_factory=list[BaseModel])
    log: list[str] = field(default_factory=list[str])

    async def announce(
        self,
        event_type: str,
        subject: str,
        data: BaseModel,
        *,
        causation_id: str | None = None,
        correlation_id: str | None = None,
    ) -> None:
        self.told.append(data)

    def let_go(self, session_id: SessionId) -> None:
        self.log.append("let_go")

    async def flushed(self, session_id: SessionId) -> None:
        self.log.append("flushed")


Answer = Callable[[OutgoingMessage], Awaitable[Acknowledged]]


class FakeConnection:
    """Acknowledges what is sent, unless `answers` says otherwise for the next ones."""

    def __init__(self, engine: "FakeEngine", request: OpenRequest, owner: Owner) -> None:
        self.engine = engine
        self.request = request
        self.owner = owner
        self.over = False
        self.read: list[MessageRef] = []
        self.presences: list[tuple[str, PresenceState]] = []
        self.groups = engine.groups
        self.followed: list[str] = []

    async def tell(self, fact: Fact) -> None:
        if not self.over:
            self.over = isinstance(fact, Disconnected)
            await self.owner.tell(fact)

    async def commit(self, changes: Changes) -> None:
        await self.owner.commit(changes)

    async def end(self, cause: Cause, code: int | None = None) -> None:
        await self.tell(Disconnected(cause=cause, code=code))

    async def send(self, message: OutgoingMessage) -> Acknowledged:
        self._must_be_open()
        await self.commit(Changes(sent={message.message_id: b"plain"}))
        self.engine.sent.append(message)
        if self.engine.answers:
            return await self.engine.answers.pop(0)(message)
        await asyncio.sleep(0.01)
        return Acknowledged(timestamp=int(VirtualClock().now().timestamp()))

    async def upload(self, path: Path, file_class: FileClass) -> FileReference:
        self._must_be_open()
        self.engine.uploads.append(path)
        if self.engine.upload_answers:
            return await self.engine.upload_answers.pop(0)(self)
        return uploaded(len(self.engine.uploads))

    async def holds(self, reference: FileReference) -> bool:
        self._must_be_open()
        return reference.direct_path not in self.engine.gone

    async def ask_for_file(self, request: FileRequest) -> str:
        raise NotOnPhone

    async def file_in(self, plaintext: bytes) -> tuple[RemoteFile, Media] | None:
        self._must_be_open()
        return self.engine.files.get(plaintext)

    async def mark_read(self, messages: Sequence[MessageRef]) -> None:
        self._must_be_open()
        self.read += messages

    async def send_presence(self, to: str, state: PresenceState) -> None:
        self._must_be_open()
        self.presences.append((to, state))

    async def check_contacts(self, phones: Sequence[str]) -> Sequence[ContactCheck]:
        self._must_be_open()
        return [ContactCheck(phone=phone, exists=True, jid=f"{phone[1:]}@s.whatsapp.net") for phone in phones]

    async def get_picture(self, jid: str, *, preview: bool) -> Picture:
        self._must_be_open()
        return Picture(id="1", url=f"https://pictures.example/{jid}?preview={preview}")

    async def subscribe_presence(self, jid: str) -> None:
        self._must_be_open()
        self.followed.append(jid)

    async def logout(self) -> None:
        self._must_be_open()
        self.engine.unlinked.append(self.request.session_id)
        await self.end(Cause.LOGGED_OUT, 401)

    async def close(self) -> None:
        await self.end(Cause.REQUESTED)

    def _must_be_open(self) -> None:
        if self.over:
            raise NotConnected


Script = Callable[[FakeConnection], Awaitable[None]]
UploadAnswer = Callable[[FakeConnection], Awaitable[FileReference]]


def uploaded(number: int) -> FileReference:
    """Where the `number`-th upload lies."""
    return FileReference(
        url=f"https://media/{number}",
        direct_path=f"/{number}",
        media_key=bytes(32),
        sha256=bytes(32),
        encrypted_sha256=bytes(32),
        size=3,
        timestamp=1,
    )


@dataclass
class FakeFiles:
    """Prepares nothing: whatever is named is there at once. `answers` says otherwise for the next ones."""

    prepared: list[str] = field(default_factory=list[str])
    answers: list[Callable[[], Awaitable[None]]] = field(default_factory=list[Callable[[], Awaitable[None]]])

    @asynccontextmanager
    async def prepare(self, kind: str, source: MediaSource) -> AsyncGenerator[PreparedFile]:
        self.prepared.append(kind)
        if self.answers:
            await self.answers.pop(0)()
        name = source.url or source.object or "inline"
        yield PreparedFile(path=Path("/nowhere"), size=3, sha256=name, mimetype="image/jpeg", width=2, height=1)


@dataclass
class FakeEngine:
    """`script` is what WhatsApp does with each new connection, in a task of its own; `answers` with each message."""

    tasks: asyncio.TaskGroup
    script: Script | None = None
    opened: list[FakeConnection] = field(default_factory=list[FakeConnection])
    sent: list[OutgoingMessage] = field(default_factory=list[OutgoingMessage])
    answers: list[Answer] = field(default_factory=list[Answer])
    unlinked: list[SessionId] = field(default_factory=list[SessionId])
    groups: FakeGroups = field(default_factory=FakeGroups)
    uploads: list[Path] = field(default_factory=list[Path])
    upload_answers: list[UploadAnswer] = field(default_factory=list["UploadAnswer"])
    gone: set[str] = field(default_factory=set[str])
    files: dict[bytes, tuple[RemoteFile, Media]] = field(default_factory=dict[bytes, tuple[RemoteFile, Media]])
    refuses: bool = False

    async def open(self, request: OpenRequest, owner: Owner) -> FakeConnection:
        if self.refuses:
            raise EngineError("no process")
        connection = FakeConnection(self, request, owner)
        self.opened.append(connection)
        if self.script is not None:
            self.tasks.create_task(self._play(self.script, connection))
        return connection

    @staticmethod
    async def _play(script: Script, connection: FakeConnection) -> None:
        await asyncio.sleep(0.01)
        try:
            await script(connection)
        except StaleEpoch:  # as the real engine: the owner refused, so the connection is over
            await connection.end(Cause.STORE_FAILED)

    @property
    def last(self) -> FakeConnection:
        return self.opened[-1]


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
