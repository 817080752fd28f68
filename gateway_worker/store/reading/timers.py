"""After how many seconds the messages of a session's chats go."""

from collections.abc import Mapping
from typing import Final

from gateway_worker.store.postgres.database import Database
from gateway_worker.store.records import Timer
from schemas.names import SessionId

_ALL: Final = "SELECT chat, seconds, changed_at FROM timers WHERE session_id = $1 ORDER BY changed_at DESC LIMIT $2"


class Timers:
    """The rows of `timers`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, session_id: SessionId, limit: int) -> Mapping[str, Timer]:
        """The timers of a session by chat, at most `limit`, those that were set last."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_ALL, session_id, limit)
        return {row["chat"]: Timer(seconds=row["seconds"], changed_at=row["changed_at"]) for row in rows}
