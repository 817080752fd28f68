"""Sessions that move to another worker: the order to leave, who may have them next, and how much room the fleet has."""

from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, case, func, null, or_, update

from gateway_worker.store.postgres import tables
from gateway_worker.store.records import Desired, Room, SessionRecord
from gateway_worker.store.sessions.rows import SessionRows, row_of, wake
from gateway_worker.store.workers.owners import SIGNS
from schemas.events.events import SessionState
from schemas.names import SessionId, WorkerId

_S = tables.sessions

WAITS_FOR_ROOM: Final = and_(
    _S.c.deleted_at.is_(None),
    _S.c.desired == Desired.CONNECTED.value,
    _S.c.state != SessionState.WAITING_FOR_CAPACITY.value,
    or_(
        _S.c.generation > _S.c.applied_generation,
        and_(_S.c.state == SessionState.DISCONNECTED.value, _S.c.retry_at.is_not(None)),
        _S.c.state.in_([SessionState.CONNECTING.value, SessionState.CONNECTED.value]),
        _S.c.state.in_([SessionState.QR_REQUIRED.value, SessionState.CODE_REQUIRED.value]),
    ),
    or_(_S.c.returns_at.is_(None), _S.c.returns_at <= func.now()),
)
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
        (SELECT count(*) FROM sessions WHERE owner IS NULL AND deleted_at IS NULL) AS waiting
    FROM takers AS t WHERE t.locked AND t.leased
"""  # noqa: S608 (constants)


def may_take(worker_id: WorkerId) -> ColumnElement[bool]:
    """Whether this worker may have a session: not one that it has only just handed over."""
    return or_(
        _S.c.leaving.is_(None), _S.c.leaving != worker_id, _S.c.returns_at.is_(None), _S.c.returns_at <= func.now()
    )


def leaving_after_claim(worker_id: WorkerId) -> ColumnElement[str | None]:
    """What is left of the order to leave when this worker claims: nothing, unless it is the one to be left."""
    return case((and_(_S.c.leaving == worker_id, _S.c.returns_at.is_(None)), _S.c.leaving), else_=null())


class MovingSessions(SessionRows):
    """Orders to move. `stays_away`: so long the worker that handed a session over must not have it back."""

    stays_away: timedelta = timedelta(seconds=5)

    async def order_move(self, session_id: SessionId) -> SessionRecord | None:
        """Have the session leave its owner, and wake it; None when there is no such session.

        One that nobody owns goes to whoever claims it. One that is to be deleted moves no more.
        """
        async with self._database.transaction() as connection:
            row = await row_of(connection, session_id, lock=True)
            if row is None or row["deleted_at"] is not None:
                return None
            if row["owner"] is None or row["desired"] == Desired.DELETED:
                return self._record(row)
            changed = update(_S).where(_S.c.id == session_id).values(leaving=row["owner"], returns_at=None)
            moved = (await connection.execute(changed.returning(*_S.c))).mappings().one()
            await wake(connection, session_id)
            return self._record(moved)

    async def stay(self, session_id: SessionId, epoch: int) -> None:
        """The order to leave is answered: nobody else has room. Nothing happens under an old epoch."""
        statement = update(_S).where(_S.c.id == session_id, _S.c.epoch == epoch).values(leaving=None, returns_at=None)
        async with self._database.transaction() as connection:
            await connection.execute(statement)

    async def room(self, worker_id: WorkerId) -> Room:
        """The room that the fleet has besides this worker."""
        async with self._database.wire() as wire:
            (row,) = await wire.fetch(_ROOM, worker_id)
        return Room(free=row["free"], waiting=row["waiting"])
