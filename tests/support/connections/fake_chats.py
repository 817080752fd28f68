"""Rows of chats and contacts in memory: changed as the store changes them, as far as the tests of sessions look."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from gateway_worker.store.operations.chats import DropMessage, EmptyChat, SetStar, UpdateChats
from gateway_worker.store.operations.contacts import Contact
from gateway_worker.store.operations.labels import SetLabel
from gateway_worker.store.records import ChatRecord, LabelRecord
from schemas.names import SessionId


@dataclass
class FakeChats:
    """Of one session; `operations` are all that were written."""

    rows: dict[str, ChatRecord] = field(default_factory=dict[str, ChatRecord])
    operations: list[Any] = field(default_factory=list[Any])

    async def list(
        self, session_id: SessionId, *, before: tuple[datetime, str], archived: bool | None, limit: int
    ) -> Sequence[ChatRecord]:
        del session_id
        found = sorted(self.rows.values(), key=lambda row: (row.last_at, row.chat), reverse=True)
        older = [row for row in found if (row.last_at, row.chat) < before]
        return [row for row in older if archived is None or row.archived == archived][:limit]

    async def of(self, session_id: SessionId, names: Collection[str]) -> ChatRecord | None:
        del session_id
        return next((row for name, row in self.rows.items() if name in names), None)

    def apply(self, operation: UpdateChats | SetStar | DropMessage | EmptyChat) -> object:
        self.operations.append(operation)
        if not isinstance(operation, UpdateChats):
            return True
        for change in operation.changes:
            row = self.rows.get(change.chat) or chat_row(change.chat)
            if change.archived is not None:
                row = replace(row, archived=change.archived)
            if change.pinned is not None:
                row = replace(row, pinned_at=change.at if change.pinned else None)
            if change.muted_until is not None:
                row = replace(row, muted_until=change.muted_until)
            if change.label is not None and change.label[1]:
                row = replace(row, labels=[*row.labels, change.label[0]])
            self.rows[change.chat] = replace(row, told_as=change.told_as or row.told_as)
        return len(operation.changes)


@dataclass
class FakeLabels:
    """Labels, by their ids."""

    rows: dict[str, LabelRecord] = field(default_factory=dict[str, LabelRecord])

    async def list(self, session_id: SessionId, limit: int) -> Sequence[LabelRecord]:
        del session_id
        return list(self.rows.values())[:limit]

    def apply(self, operation: SetLabel) -> bool:
        label = LabelRecord(label_id=operation.label_id, name=operation.name, color=operation.color)
        self.rows[operation.label_id] = label
        return True


@dataclass
class FakeContacts:
    """What is known of people, by JID."""

    rows: dict[str, Contact] = field(default_factory=dict[str, Contact])

    async def list(self, session_id: SessionId, after: str, limit: int) -> Sequence[Contact]:
        del session_id
        return [self.rows[jid] for jid in sorted(self.rows) if jid > after][:limit]

    async def blocked(self, session_id: SessionId, after: str, limit: int) -> Sequence[Contact]:
        del session_id
        return [self.rows[jid] for jid in sorted(self.rows) if jid > after and self.rows[jid].blocked][:limit]

    async def of(self, session_id: SessionId, names: Collection[str]) -> Sequence[Contact]:
        del session_id
        return [row for jid, row in self.rows.items() if jid in names]


def chat_row(chat: str, **fields: Any) -> ChatRecord:
    """A chat of which nothing is known."""
    never = datetime(1970, 1, 1, tzinfo=UTC)
    unset: dict[str, Any] = {
        "last_at": never,
        "last": None,
        "unread": 0,
        "marked_unread": False,
        "archived": False,
        "pinned_at": None,
        "muted_until": 0,
        "told_as": None,
        "disappearing": None,
    }
    return ChatRecord(chat=chat, **{**unset, **fields})
