"""What this account does with its chats: read, compared, written and told in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gateway_worker.store.operations.chats import FOR_EVER, ChatChange, ReadTo
from gateway_worker.store.operations.labels import all_labels, with_label
from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import NewEvent, Transaction, columns
from schemas.addresses import GROUP_SERVER
from schemas.content.content import CONTENT_KINDS
from schemas.events.chats import ChatUpdated
from schemas.events.events import CHAT_UPDATED, LABEL_UPDATED
from schemas.events.labels import LabelChange, LabelUpdated
from schemas.names import SessionId

_COLUMNS: Final = (
    "last_at, last_message, last_number, unread, marked_unread, archived, pinned_at, muted_until, told_as, labels"
)
_READ: Final = f"""
    SELECT c.session_id, c.chat, {_COLUMNS} FROM chats AS c
    JOIN unnest($1::text[], $2::text[]) AS w (session_id, chat) ON c.session_id = w.session_id AND c.chat = w.chat
"""  # noqa: S608 (our own words)
_PUT: Final = f"""
    INSERT INTO chats (session_id, chat, {_COLUMNS})
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::int[], $6::bigint[], $7::bool[], $8::bool[],
        $9::timestamptz[], $10::bigint[], $11::text[], $12::text[]
    )
    ON CONFLICT (session_id, chat) DO UPDATE SET
        last_at = excluded.last_at, last_message = excluded.last_message, last_number = excluded.last_number,
        unread = excluded.unread, marked_unread = excluded.marked_unread, archived = excluded.archived,
        pinned_at = excluded.pinned_at, muted_until = excluded.muted_until, told_as = excluded.told_as,
        labels = excluded.labels
"""  # noqa: S608 (our own words)
_REMOVE: Final = """
    DELETE FROM chats AS c USING unnest($1::text[], $2::text[]) AS r (session_id, chat)
    WHERE c.session_id = r.session_id AND c.chat = r.chat
"""
# What came behind the newest of the messages that were read, no more than were unread before.
UNREAD: Final = """
    SELECT count(*) FROM (
        SELECT FROM messages AS m
        WHERE m.session_id = $1 AND m.chat = ANY($2) AND m.direction = 'incoming' AND NOT m.from_me
            AND m.about IS NULL AND m.kind = ANY($5) AND ($4::timestamptz IS NULL OR m.at >= $4)
            AND m.created_at > coalesce((
                SELECT max(created_at) FROM messages
                WHERE session_id = $1 AND message_id = ANY($3) AND chat = ANY($2)
            ), '-infinity')
        LIMIT $6
    ) AS u
"""
_SECOND: Final = timedelta(seconds=1)
NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""When the last message came to a chat in which none is known: it is listed last."""

Name = tuple[SessionId, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRow:
    """A row. `muted_until` as in `ChatChange`."""

    last_at: datetime = NEVER
    last_message: str | None = None
    last_number: int | None = None
    unread: int = 0
    marked_unread: bool = False
    archived: bool = False
    pinned_at: datetime | None = None
    muted_until: int = 0
    told_as: str | None = None
    labels: str = ""

    def values(self) -> tuple[Any, ...]:
        """As `_PUT` takes them."""
        return tuple(getattr(self, name.strip()) for name in _COLUMNS.split(","))


async def update_chats(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `UpdateChats`, each as the ones before have left things. Two names of one chat become one row."""
    stored = await _stored(transaction, placed)
    known = dict(stored)
    for each in placed:
        told = 0
        for change in each.operation.changes:
            before, after = await _changed(transaction, known, each.session_id, change)
            if not each.operation.from_before and (event := _event(each.session_id, change, before, after)) is not None:
                transaction.emit(each, event)
                told += 1
            if not each.operation.from_before and before.labels != after.labels and change.label is not None:
                transaction.emit(each, _label_event(each.session_id, change, *change.label))
                told += 1
        transaction.answer(each, told)
    put = [(*name, *chat.values()) for name, chat in known.items() if stored.get(name) != chat]
    if put:
        await transaction.wire.execute(_PUT, *columns(put))
    if removed := [name for name in stored if name not in known]:
        await transaction.wire.execute(_REMOVE, *columns(removed))


async def unread_after(
    transaction: Transaction, session_id: SessionId, names: frozenset[str], read: ReadTo, unread: int
) -> int:
    """How many of so many unread messages are still unread."""
    if unread == 0 or (not read.message_ids and read.through is None):
        return 0
    through = None if read.through is None else read.through + _SECOND  # it is told in whole seconds
    wanted = (session_id, list(names), list(read.message_ids), through, list(CONTENT_KINDS), unread)
    return int(await transaction.wire.fetchval(UNREAD, *wanted))


async def _changed(
    transaction: Transaction, known: dict[Name, ChatRow], session_id: SessionId, change: ChatChange
) -> tuple[ChatRow, ChatRow]:
    """The chat as it was and as it is, which it is `known` as from now on."""
    names = frozenset({change.chat, *change.names})
    rows = [row for name in names if (row := known.pop((session_id, name), None)) is not None]
    before = max(rows, key=lambda row: row.last_at, default=ChatRow())
    if len(rows) > 1:
        before = replace(before, labels=all_labels(row.labels for row in rows))
    after = before
    if change.archived is not None:
        after = replace(after, archived=change.archived)
    if change.pinned is not None:
        after = replace(after, pinned_at=(before.pinned_at or change.at) if change.pinned else None)
    if change.muted_until is not None:
        after = replace(after, muted_until=change.muted_until)
    if change.marked_unread is not None:
        after = replace(after, marked_unread=change.marked_unread)
    if change.read is not None:
        left = await unread_after(transaction, session_id, names, change.read, before.unread)
        after = replace(after, unread=left, marked_unread=after.marked_unread and before.unread == left)
    if change.label is not None:
        label_id, on = change.label
        after = replace(after, labels=with_label(before.labels, label_id, on=on))
    after = replace(after, told_as=change.told_as or before.told_as)
    if after != ChatRow() or rows:
        known[session_id, change.chat] = after
    return before, after


async def _stored(transaction: Transaction, placed: Sequence[Placed]) -> dict[Name, ChatRow]:
    names = {
        (each.session_id, name): None
        for each in placed
        for change in each.operation.changes
        for name in (change.chat, *change.names)
    }
    rows = await transaction.wire.fetch(_READ, *columns(names)) if names else ()
    fields = [name.strip() for name in _COLUMNS.split(",")]
    return {(row["session_id"], row["chat"]): ChatRow(**{name: row[name] for name in fields}) for row in rows}


def _event(session_id: SessionId, change: ChatChange, before: ChatRow, after: ChatRow) -> NewEvent | None:
    if replace(before, told_as=after.told_as, labels=after.labels) == after:
        return None
    is_muted_otherwise = before.muted_until != after.muted_until
    until = after.muted_until if is_muted_otherwise and after.muted_until not in (0, FOR_EVER) else None
    told = ChatUpdated(
        session_id=session_id,
        chat=change.chat,
        is_group=change.chat.endswith(f"@{GROUP_SERVER}"),
        archived=None if before.archived == after.archived else after.archived,
        pinned=None if before.pinned_at == after.pinned_at else after.pinned_at is not None,
        muted=after.muted_until != 0 if is_muted_otherwise else None,
        muted_until=None if until is None else moment_of(until),
        unread=None if before.unread == after.unread else after.unread,
        marked_unread=None if before.marked_unread == after.marked_unread else after.marked_unread,
        from_me=True,
        timestamp=change.at,
    )
    return NewEvent(type=CHAT_UPDATED.type, data=told.to_data())


def _label_event(session_id: SessionId, change: ChatChange, label_id: str, on: bool) -> NewEvent:  # noqa: FBT001 (handed on)
    told = LabelUpdated(
        session_id=session_id,
        label_id=label_id,
        change=LabelChange.ADDED if on else LabelChange.REMOVED,
        chat=change.chat,
        timestamp=change.at,
    )
    return NewEvent(type=LABEL_UPDATED.type, data=told.to_data())


def moment_of(milliseconds: int) -> datetime | None:
    """A time in Unix milliseconds; None where it is none."""
    try:
        return NEVER + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
