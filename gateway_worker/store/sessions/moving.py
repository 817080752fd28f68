"""Sessions that move to another worker: the order to leave, who may have them next, and how much room the fleet has."""

from typing import Final

from gateway_worker.store.postgres.database import Database
from gateway_worker.store.postgres.encryption import Ciphers
from gateway_worker.store.records import CausedBy, Desired, Room, SessionRecord
from gateway_worker.store.sessions.rows import caused_by_json, living, row_of, wake
from gateway_worker.store.workers.owners import SIGNS
from schemas.names import SessionId, WorkerId

WAITS_FOR_ROOM: Final = """
    deleted_at IS NULL AND desired = 'connected' AND state <> 'waiting_for_capacity'
    AND (generation > applied_generation
        OR state = 'disconnected' AND retry_at IS NOT NULL
        OR state IN ('connecting', 'connected', 'qr_required', 'code_required'))
    AND (returns_at IS NULL OR returns_at <= now())
"""
"""It would connect at once if somebody owned it, and nobody has been told yet that it waits."""

# Sessions are counted, not believed: a worker's heartbeat is half a minute old.
_ROOM: Final = f"""
    WITH takers AS (
        SELECT w.id, w.max_sessions, {SIGNS.format(id="w.id")}
        FROM workers AS w WHERE w.id <> $1 AND w.status = 'online'
    )
    SELECT
        coalesce(sum(greatest(0, t.max_sessions - (
            SELECT count(*) FROM sessions AS s WHERE s.owner = t.id AND s.deleted_at IS NULL
        ))), 0)::bigint AS free,
        (SELECT count(*) FROM sessions WHERE owner IS NULL AND deleted_at IS NULL) AS waiting,
        (SELECT count(*) FROM sessions WHERE owner IS NULL AND deleted_at IS NULL AND state = 'waiting_for_capacity'
        ) AS unserved
    FROM takers AS t WHERE t.locked AND t.leased
"""  # noqa: S608 (constants)


MAY_TAKE: Final = "(leaving IS NULL OR leaving <> $1 OR returns_at IS NULL OR returns_at <= now())"
"""Whether worker ``$1`` may have a session: not one that it has only just handed over."""

_ORDER: Final = "UPDATE sessions SET leaving = owner, returns_at = NULL, caused_by = $2 WHERE id = $1 RETURNING *"
_STAY: Final = "UPDATE sessions SET leaving = NULL, returns_at = NULL WHERE id = $1 AND epoch = $2"


class SessionMoves:
    """Orders to move, and the room that there is for whom they concern."""

    def __init__(self, database: Database, ciphers: Ciphers) -> None:
        self._database = database
        self._ciphers = ciphers

    async def order_move(self, session_id: SessionId, caused_by: CausedBy | None = None) -> SessionRecord | None:
        """Have the session leave its owner, and wake it; None when there is no such session.

        One that nobody owns goes to whoever claims it. One that is to be deleted moves no more.
        """
        async with self._database.transaction() as wire:
            row = await row_of(wire, session_id)
            if row is None or row["deleted_at"] is not None:
                return None
            if row["owner"] is None or row["desired"] == Desired.DELETED:
                return living(row, self._ciphers)
            moved = await wire.fetchrow(_ORDER, session_id, caused_by_json(caused_by))
            await wake(wire, session_id)
            return living(moved, self._ciphers)

    async def stay(self, session_id: SessionId, epoch: int) -> None:
        """The order to leave is answered: nobody else has room. Nothing happens under an old epoch."""
        async with self._database.transaction() as wire:
            await wire.execute(_STAY, session_id, epoch)

    async def room(self, worker_id: WorkerId) -> Room:
        """The room that the fleet has besides this worker."""
        async with self._database.wire() as wire:
            (row,) = await wire.fetch(_ROOM, worker_id)
        return Room(free=row["free"], waiting=row["waiting"], unserved=row["unserved"])
