# ruff: noqa: ARG002 (a fake takes what the port takes, and needs less)
"""Messages, keys and uploads, in memory."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gateway_worker.store.errors import StoreUnavailable
from gateway_worker.store.records import (
    Direction,
    EntryRecord,
    Json,
    MessageName,
    MessageRecord,
    MessageTally,
    ParticipantReceipt,
    Status,
)
from schemas.commands.commands import CommandKey
from schemas.names import MessageId, SessionId
from tests.support.connections.virtual_time import VirtualClock


@dataclass
class FakeKeys:
    blobs: dict[SessionId, bytes] = field(default_factory=dict[SessionId, bytes])
    keys: dict[SessionId, dict[tuple[str, str], bytes]] = field(
        default_factory=lambda: defaultdict[SessionId, dict[tuple[str, str], bytes]](dict)
    )
    entries: dict[tuple[str, str, str, int], bytes] = field(default_factory=dict[tuple[str, str, str, int], bytes])
    quotes: list[EntryRecord] = field(default_factory=list[EntryRecord])
    awaited: set[str] = field(default_factory=set[str])
    away: bool = False  # for those who read keys

    async def credentials(self, session_id: SessionId) -> bytes | None:
        return self.blobs.get(session_id)

    async def load(self, session_id: SessionId, kind: str, ids: Sequence[str]) -> Mapping[str, bytes]:
        if self.away:
            raise StoreUnavailable
        return {each: self.keys[session_id][kind, each] for each in ids if (kind, each) in self.keys[session_id]}

    async def of_kind(self, session_id: SessionId, kind: str, limit: int) -> Mapping[str, bytes]:
        found = {each: value for (kind_, each), value in self.keys[session_id].items() if kind_ == kind}
        return dict(list(found.items())[:limit])

    async def entry(
        self, session_id: SessionId, *, chat: str, sender: str, message_id: str, index: int
    ) -> bytes | None:
        return self.entries.get((chat, sender, message_id, index))

    async def quoted(self, session_id: SessionId, message_id: str) -> Sequence[EntryRecord]:
        return [each for each in self.quotes if each.message_id == message_id]

    async def unprocessed(self, session_id: SessionId) -> Sequence[EntryRecord]:
        return [
            EntryRecord(chat=chat, sender=sender, message_id=message_id, index=index, plaintext=plaintext)
            for (chat, sender, message_id, index), plaintext in self.entries.items()
            if message_id in self.awaited
        ]


@dataclass
class FakeMessages:
    rows: dict[MessageId, MessageRecord] = field(default_factory=dict[MessageId, MessageRecord])
    hashes: dict[MessageId, bytes] = field(default_factory=dict[MessageId, bytes])
    plaintexts: dict[MessageId, bytes] = field(default_factory=dict[MessageId, bytes])
    encrypted: Counter[MessageId] = field(default_factory=Counter[MessageId])
    people: dict[MessageId, dict[str, ParticipantReceipt]] = field(
        default_factory=lambda: defaultdict[MessageId, dict[str, ParticipantReceipt]](dict)
    )  # how far each participant of a group is
    is_away: Callable[[], bool] = lambda: False
    secret_takes: list[float] = field(default_factory=list[float])  # seconds, of the next answers

    async def get(self, session_id: SessionId, message_id: MessageId) -> MessageRecord | None:
        row = self.rows.get(message_id)
        return row if row is not None and row.direction is Direction.OUTGOING else None

    async def under(self, session_id: SessionId, message_id: MessageId) -> Sequence[MessageRecord]:
        return [self.rows[message_id]] if message_id in self.rows else []

    async def plaintext(self, session_id: SessionId, message_id: MessageId, number: int = 0) -> bytes | None:
        return self.plaintexts.get(message_id)

    async def secret(self, session_id: SessionId) -> bytes | None:
        await asyncio.sleep(self.secret_takes.pop(0) if self.secret_takes else 0)
        return b"secret of a test"

    async def receipts(self, session_id: SessionId, message_id: MessageId) -> Sequence[ParticipantReceipt]:
        return list(self.people[message_id].values())

    async def is_known(self, session_id: SessionId, message_id: MessageId, key: CommandKey) -> bool:
        if self.is_away():
            raise StoreUnavailable
        return message_id in self.rows

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

    async def named(self, session_id: SessionId, names: Collection[MessageName]) -> Sequence[MessageRecord]:
        return [row for row in self.rows.values() if (row.message_id, row.number) in names]

    async def changes(
        self,
        session_id: SessionId,
        message_ids: Collection[MessageId],
        limit: int,
        *,
        kinds: Collection[str] | None = None,
    ) -> Sequence[MessageRecord]:
        about = [row for row in self.rows.values() if row.about in message_ids]
        return [row for row in about if kinds is None or row.kind in kinds][-limit:]

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

    async def has_talked(self, session_id: SessionId, chat: str) -> bool:
        sent = (row for row in self.rows.values() if row.status not in (Status.PENDING, Status.FAILED))
        return any(row.chat == chat for row in sent)

    async def begun_since(self, session_id: SessionId, since: datetime, limit: int) -> Sequence[datetime]:
        times = sorted(row.created_at for row in self.rows.values() if row.direction is Direction.OUTGOING)
        return [time for time in times if time >= since][-limit:]


@dataclass
class FakeUploads:
    known: dict[tuple[SessionId, str, str], Json] = field(default_factory=dict[tuple[SessionId, str, str], Json])

    async def find(self, session_id: SessionId, file_class: str, sha256: str) -> Json | None:
        return self.known.get((session_id, file_class, sha256))


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
        number=0 if command else 1,
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
        expires_at=None,
        starred=False,
        at=at or VirtualClock().now(),
        created_at=at or VirtualClock().now(),
    )
