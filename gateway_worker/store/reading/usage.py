"""Whose hours are to be told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from gateway_worker.store.postgres.database import Database
from gateway_worker.store.records import Fence
from schemas.names import SessionId, WorkerId

_DUE: Final = """
    SELECT DISTINCT s.id, s.epoch FROM usage AS u JOIN sessions AS s ON s.id = u.session_id
    WHERE u.hour < $1 AND s.deleted_at IS NULL AND (s.owner = $2 OR s.owner IS NULL)
    ORDER BY s.id LIMIT $3
"""


class UsageRows:
    """What sessions did, by hour."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, before: datetime, worker_id: WorkerId, limit: int) -> Sequence[Fence]:
        """Sessions of this worker's, or nobody's, with hours that began before `before` and were not told."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_DUE, before, worker_id, limit)
        return [Fence(session_id=SessionId(row["id"]), epoch=row["epoch"]) for row in rows]
