"""The chats of a session, newest first: by an index, however many there are."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from gateway_worker.store.postgres.database import Database
from gateway_worker.store.records import ChatRecord
from gateway_worker.store.row import Row
from schemas.names import MessageId, SessionId

_SHOWN: Final = """
    SELECT c.*, t.seconds AS disappearing FROM chats AS c
    LEFT JOIN timers AS t ON t.session_id = c.session_id AND t.chat = c.chat
    WHERE c.session_id = $1
"""
_BEHIND: Final = "(c.last_at, c.chat) < ($2, $3) ORDER BY c.last_at DESC, c.chat DESC LIMIT $4"
_LISTS: Final = {
    None: f"{_SHOWN} AND {_BEHIND}",
    True: f"{_SHOWN} AND c.archived AND {_BEHIND}",  # by an index of their own
    False: f"{_SHOWN} AND NOT c.archived AND {_BEHIND}",
}
_OF: Final = f"{_SHOWN} AND c.chat = ANY($2) ORDER BY c.last_at DESC LIMIT 1"


class Chats:
    """The rows of `chats`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(
        self, session_id: SessionId, *, before: tuple[datetime, str], archived: bool | None, limit: int
    ) -> Sequence[ChatRecord]:
        """Chats, the one with the newest message first, behind a place (time of its last message, and its name).

        `archived`: only those that are, or that are not.
        """
        async with self._database.wire() as wire:
            rows = await wire.fetch(_LISTS[archived], session_id, *before, limit)
        return [_record(row) for row in rows]

    async def of(self, session_id: SessionId, names: Collection[str]) -> ChatRecord | None:
        """The chat that is kept under one of these names."""
        async with self._database.wire() as wire:
            row = await wire.fetchrow(_OF, session_id, list(names))
        return None if row is None else _record(row)


def _record(row: Row) -> ChatRecord:
    last = None if row["last_message"] is None else (MessageId(row["last_message"]), int(row["last_number"]))
    same = ("chat", "last_at", "unread", "marked_unread", "archived", "pinned_at", "muted_until", "told_as")
    labels = tuple(dict.fromkeys(each for each in row["labels"].split(",") if each))
    return ChatRecord(labels=labels, last=last, disappearing=row["disappearing"], **{name: row[name] for name in same})
