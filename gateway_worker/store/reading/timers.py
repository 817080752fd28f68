"""After how many seconds the messages of a session's chats go."""

from collections.abc import Collection, Mapping
from typing import Final

from gateway_worker.store.postgres.database import Database
from gateway_worker.store.records import NOBODY_SAYS, Timer
from schemas.names import SessionId

_ALL: Final = """
    SELECT chat, seconds, changed_at FROM timers WHERE session_id = $1 AND changed_at > $3
    ORDER BY changed_at DESC LIMIT $2
"""
# The account's own chat stands among those that its phone has listed: without it nobody has listed them.
_IS_NEW: Final = """
    SELECT EXISTS (SELECT FROM timers WHERE session_id = $1 AND chat = ANY($3))
        AND NOT EXISTS (SELECT FROM timers WHERE session_id = $1 AND chat = ANY($2))
        AND NOT EXISTS (
            SELECT FROM messages
            WHERE session_id = $1 AND chat = ANY($2) AND from_me AND status NOT IN ('pending', 'failed')
        )
"""


class Timers:
    """The rows of `timers`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, session_id: SessionId, limit: int) -> Mapping[str, Timer]:
        """The timers of a session by chat, at most `limit`, those that were set last; without what is only listed."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_ALL, session_id, limit, NOBODY_SAYS)
        return {row["chat"]: Timer(seconds=row["seconds"], changed_at=row["changed_at"]) for row in rows}

    async def is_new(self, session_id: SessionId, chat: Collection[str], own: Collection[str]) -> bool:
        """Whether the phone has listed its chats, this one is none of them, and the account has written nothing there.

        `chat` and `own` are all names of the chat and of the account's own.
        """
        async with self._database.wire() as wire:
            return await wire.fetchval(_IS_NEW, session_id, list(chat), list(own))
