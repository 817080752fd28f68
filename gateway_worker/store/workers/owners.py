"""Which owners of sessions have died, and setting their sessions free."""

from typing import Final

from gateway_worker.store.postgres.database import Database
from gateway_worker.store.records import OwnerSigns
from gateway_worker.store.workers.workers import Workers
from schemas.names import WorkerId

_FREED: Final = 500  # sessions in one statement

# Of a worker. The key as `lock.lock_key` computes it.
SIGNS: Final = """
    EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 1 AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND (classid::bigint << 32) | objid::bigint = (
                'x' || encode(
                    substr(sha256('gateway-worker'::bytea || '\\x00' || convert_to({id}, 'UTF8')), 1, 8), 'hex'
                )
            )::bit(64)::bigint
    ) AS locked,
    EXISTS (SELECT FROM workers WHERE id = {id} AND status <> 'stopped' AND lease_until > now()) AS leased
"""

# Every owner by a walk from one to the next along the index, however many sessions each has.
_LOOK: Final = f"""
    WITH RECURSIVE owners (id) AS (
        SELECT min(owner) FROM sessions WHERE deleted_at IS NULL
        UNION ALL
        SELECT (SELECT min(owner) FROM sessions WHERE deleted_at IS NULL AND owner > o.id)
        FROM owners AS o WHERE o.id IS NOT NULL
    )
    SELECT o.id, {SIGNS.format(id="o.id")} FROM owners AS o WHERE o.id <> $1
"""  # noqa: S608 (constants)

_FREE: Final = f"""
    WITH signs AS (SELECT {SIGNS.format(id="$1")}),
    orphans AS (
        SELECT id FROM sessions
        WHERE owner = $1 AND deleted_at IS NULL AND NOT (SELECT locked AND leased FROM signs)
        ORDER BY id LIMIT $2
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE sessions AS s
    SET owner = NULL, incarnation = NULL, epoch = s.epoch + 1, leaving = NULL, returns_at = NULL
    FROM orphans AS o WHERE s.id = o.id
"""  # noqa: S608 (constants)

_FREE_EARLIER: Final = """
    UPDATE sessions SET owner = NULL, incarnation = NULL, epoch = epoch + 1, leaving = NULL, returns_at = NULL
    WHERE owner = $1 AND incarnation <> $2 AND deleted_at IS NULL
"""


class Owners:
    """The workers that own sessions."""

    def __init__(self, database: Database, workers: Workers) -> None:
        self._database = database
        self._workers = workers

    async def look(self, besides: WorkerId) -> list[OwnerSigns] | None:
        """Every owner but one; None while nothing can be said: this worker itself has only just come back."""
        if not self._workers.settled:
            return None
        async with self._database.wire() as wire:
            rows = await wire.fetch(_LOOK, besides)
        return [OwnerSigns(worker_id=row["id"], locked=row["locked"], leased=row["leased"]) for row in rows]

    async def free(self, owner: WorkerId) -> int:
        """Make a dead owner's sessions nobody's, under a new epoch; answers how many. None if it lives after all.

        Several workers may do it side by side. A session whose row somebody holds just now is left for the next time.
        """
        freed = 0
        while True:
            async with self._database.wire() as wire:
                count = int((await wire.execute(_FREE, owner, _FREED)).rpartition(" ")[2])
            freed += count
            if count < _FREED:
                return freed

    async def free_earlier(self, worker_id: WorkerId, incarnation: str) -> None:
        """Make nobody's what this worker owned in an earlier life and has not taken up again."""
        async with self._database.wire() as wire:
            await wire.execute(_FREE_EARLIER, worker_id, incarnation)
