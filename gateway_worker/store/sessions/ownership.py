"""Who owns a session: claims under a rising epoch, releases, and the wishes that reach an owner."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, Select, and_, func, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway_worker.store.errors import StoreUnavailable
from gateway_worker.store.postgres import tables
from gateway_worker.store.postgres.database import Wire, translated
from gateway_worker.store.records import Desired, SessionRecord
from gateway_worker.store.rows import session_record
from gateway_worker.store.sessions.moving import (
    WAITS_FOR_ROOM,
    MovingSessions,
    leaving_after_claim,
    may_take,
)
from gateway_worker.store.sessions.rows import WISHES, wake
from schemas.names import SessionId, WorkerId

log = structlog.get_logger(__name__)

_S = tables.sessions
_POLLED: Final = 1_000
_RECONNECT_SECONDS: Final = 1.0
_OWNED: Final = "SELECT id, epoch FROM sessions WHERE owner = $1 AND incarnation = $2 AND deleted_at IS NULL"
_WISHED: Final = """
    (SELECT id FROM sessions WHERE generation > applied_generation AND deleted_at IS NULL ORDER BY id LIMIT $1)
    UNION
    (SELECT id FROM sessions WHERE leaving IS NOT NULL AND leaving = owner AND deleted_at IS NULL ORDER BY id LIMIT $1)
"""


class Sessions(MovingSessions):
    """Sessions and who owns them. `looks_every`: so often wishes are looked for without a word of them, in seconds."""

    looks_every: float = 5.0

    async def claim(self, session_id: SessionId, worker_id: WorkerId, incarnation: str) -> SessionRecord | None:
        """Own the session under a new epoch; None when there is no such session, or another worker owns it.

        Whether that worker is dead is not decided here: what is a dead worker's becomes nobody's first (`owners.py`).
        """
        ours = and_(
            _S.c.id == session_id,
            _S.c.deleted_at.is_(None),
            or_(_S.c.owner.is_(None), _S.c.owner == worker_id),
        )
        async with self._database.transaction() as connection:
            records = await self._own(connection, ours, worker_id, incarnation)
        return records[0] if records else None

    async def claim_own(self, worker_id: WorkerId, incarnation: str, limit: int) -> Sequence[SessionRecord]:
        """Own up to `limit` more sessions: this worker's from an earlier life, and the ownerless.

        Those that are to be connected come first; the others need somebody who answers their commands. Call it again
        until it answers nothing; workers that call it side by side get different sessions.
        """
        mine_before = and_(_S.c.owner == worker_id, _S.c.incarnation != incarnation)
        chosen = (
            select(_S.c.id)
            .where(
                _is_renewed(),
                _S.c.deleted_at.is_(None),
                or_(mine_before, and_(_S.c.owner.is_(None), may_take(worker_id))),
            )
            .order_by(_S.c.desired != Desired.CONNECTED.value, _S.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self._database.transaction() as connection:
            return await self._own(connection, _among(chosen), worker_id, incarnation)

    async def take(self, session_id: SessionId, worker_id: WorkerId, incarnation: str) -> SessionRecord | None:
        """Own a session that nobody has; None when there is none such, or another worker was faster.

        A worker that has only just handed it over does not get it back.
        """
        unowned = and_(_S.c.id == session_id, _S.c.owner.is_(None), _S.c.deleted_at.is_(None), may_take(worker_id))
        async with self._database.transaction() as connection:
            records = await self._own(connection, unowned, worker_id, incarnation)
        return records[0] if records else None

    async def claim_waiting(self, worker_id: WorkerId, incarnation: str, limit: int) -> Sequence[SessionRecord]:
        """Own up to `limit` sessions that would connect if somebody had room: only to say so under a fence."""
        chosen = (
            select(_S.c.id)
            .where(_is_renewed(), _S.c.owner.is_(None), WAITS_FOR_ROOM)
            .order_by(_S.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self._database.transaction() as connection:
            return await self._own(connection, _among(chosen), worker_id, incarnation)

    async def owned(self, worker_id: WorkerId, incarnation: str) -> Mapping[SessionId, int]:
        """The sessions that this run of the worker owns, with their epochs."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_OWNED, worker_id, incarnation)
        return {SessionId(row["id"]): row["epoch"] for row in rows}

    async def release(self, session_id: SessionId, epoch: int, *, left: WorkerId | None = None) -> None:
        """Own it no longer, if it is still owned under `epoch`, and wake the workers: somebody may take it at once.

        Args:
            session_id: which.
            epoch: of its owner.
            left: the worker that hands it over, and must not have it back for a while (`stays_away`).
        """
        returns_at = null() if left is None else func.now() + self.stays_away
        statement = (
            update(_S)
            .where(_S.c.id == session_id, _S.c.epoch == epoch)
            .values(owner=None, incarnation=None, leaving=left, returns_at=returns_at)
        )
        async with self._database.transaction() as connection:
            if (await connection.execute(statement)).rowcount:
                await wake(connection, session_id)

    async def watch(self) -> AsyncIterator[SessionId]:
        """Sessions with a wish to carry out, whoever owns them: at once when it is made, and every 5 s. For ever.

        It listens on a connection of its own and opens a new one when that breaks.
        """
        while True:
            try:
                connection = await self._database.own_connection("wishes")
                try:
                    async for session_id in self._wishes(connection):
                        yield session_id
                finally:
                    connection.terminate()
            except StoreUnavailable as error:
                log.warning("store.watch_interrupted", reason=error.message)
                await asyncio.sleep(_RECONNECT_SECONDS)

    async def _wishes(self, connection: Wire) -> AsyncIterator[SessionId]:
        told: asyncio.Queue[str] = asyncio.Queue()

        def on_notification(_connection: Any, _pid: int, _channel: str, session_id: str) -> None:
            told.put_nowait(session_id)

        with translated():
            await connection.add_listener(WISHES, on_notification)
        while True:
            async with self._database.wire() as wire:
                for row in await wire.fetch(_WISHED, _POLLED):
                    told.put_nowait(row["id"])
            try:
                async with asyncio.timeout(self.looks_every):
                    while True:
                        yield SessionId(await told.get())
            except TimeoutError:
                if connection.is_closed():
                    raise StoreUnavailable("The connection for notifications broke.") from None

    async def _own(
        self, connection: AsyncConnection, which: ColumnElement[bool], worker_id: WorkerId, incarnation: str
    ) -> Sequence[SessionRecord]:
        """What is behind since the database went back is nobody's until it is renewed."""
        statement = (
            update(_S)
            .where(which, _is_renewed())
            .values(
                owner=worker_id,
                incarnation=incarnation,
                epoch=_S.c.epoch + 1,
                leaving=leaving_after_claim(worker_id),
                returns_at=None,
            )
            .returning(*_S.c)
        )
        rows = (await connection.execute(statement)).mappings().all()
        return [session_record(row, self._ciphers) for row in sorted(rows, key=lambda row: row["id"])]


def _is_renewed() -> ColumnElement[bool]:
    """Whether it is as new as the database: see `store/sessions/renewal.py`."""
    return _S.c.lineage == select(func.max(tables.lineage.c.number)).scalar_subquery()


def _among(chosen: Select[tuple[Any]]) -> ColumnElement[bool]:
    """Whether it is one of those, chosen once: a plan may run a plain subquery again for each row, past its limit."""
    return _S.c.id.in_(select(chosen.cte("chosen").c.id))
