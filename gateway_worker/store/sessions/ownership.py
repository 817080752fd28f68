"""Who owns a session: claims under a rising epoch, releases, and the orders that reach an owner."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import structlog

from gateway_worker.store.errors import StoreUnavailable
from gateway_worker.store.postgres.database import Database, Wire
from gateway_worker.store.postgres.driver_errors import translated
from gateway_worker.store.postgres.encryption import Ciphers
from gateway_worker.store.records import SessionRecord
from gateway_worker.store.rows import session_record
from gateway_worker.store.sessions.moving import MAY_TAKE, WAITS_FOR_ROOM
from gateway_worker.store.sessions.rows import ORDERS, wake
from schemas.names import SessionId, WorkerId

log = structlog.get_logger(__name__)

_POLLED: Final = 1_000
_RECONNECT_SECONDS: Final = 1.0
# What is behind since the database went back is nobody's until it is renewed: see `renewal.py`.
_IS_RENEWED: Final = "lineage = (SELECT max(number) FROM lineage)"
# $1 is the worker, $2 its incarnation. Of the order to leave nothing is left, unless this one is to be left
_OWN: Final = f"""
    UPDATE sessions SET owner = $1, incarnation = $2, epoch = epoch + 1, returns_at = NULL,
        leaving = CASE WHEN leaving = $1 AND returns_at IS NULL THEN leaving END
    WHERE {{which}} AND {_IS_RENEWED} RETURNING *
"""  # noqa: S608 (constants, as below)
# Chosen once: a plan may run a plain subquery again for each row, past its limit.
_OWN_SOME: Final = f"""
    WITH chosen AS MATERIALIZED (
        SELECT id FROM sessions WHERE {_IS_RENEWED} AND {{which}} ORDER BY {{order}} LIMIT $3
        FOR NO KEY UPDATE SKIP LOCKED
    )
    {_OWN.format(which="id IN (SELECT id FROM chosen)")}
"""  # noqa: S608
_CLAIM: Final = _OWN.format(which="id = $3 AND deleted_at IS NULL AND (owner IS NULL OR owner = $1)")
_TAKE: Final = _OWN.format(which=f"id = $3 AND deleted_at IS NULL AND owner IS NULL AND {MAY_TAKE}")
_CLAIM_OWN: Final = _OWN_SOME.format(
    which=f"deleted_at IS NULL AND (owner = $1 AND incarnation <> $2 OR owner IS NULL AND {MAY_TAKE})",
    order="desired <> 'connected', id",
)
_CLAIM_WAITING: Final = _OWN_SOME.format(which=f"owner IS NULL AND {WAITS_FOR_ROOM}", order="id")
_RELEASE: Final = """
    UPDATE sessions SET owner = NULL, incarnation = NULL, leaving = $3, returns_at = now() + $4::interval
    WHERE id = $1 AND epoch = $2 RETURNING true
"""
_OWNED: Final = "SELECT id, epoch FROM sessions WHERE owner = $1 AND incarnation = $2 AND deleted_at IS NULL"
_ORDERED: Final = """
    (SELECT id FROM sessions WHERE generation > applied_generation AND deleted_at IS NULL ORDER BY id LIMIT $1)
    UNION
    (SELECT id FROM sessions WHERE leaving IS NOT NULL AND leaving = owner AND deleted_at IS NULL ORDER BY id LIMIT $1)
"""


class SessionOwnership:
    """Who owns which session.

    Attributes:
        looks_every: so often orders are looked for without a word of them, in seconds.
        stays_away: so long the worker that handed a session over must not have it back.
    """

    looks_every: float = 5.0
    stays_away: timedelta = timedelta(seconds=5)

    def __init__(self, database: Database, ciphers: Ciphers) -> None:
        self._database = database
        self._ciphers = ciphers

    async def claim(self, session_id: SessionId, worker_id: WorkerId, incarnation: str) -> SessionRecord | None:
        """Own the session under a new epoch; None when there is no such session, or another worker owns it.

        Whether that worker is dead is not decided here: what is a dead worker's becomes nobody's first (`owners.py`).
        """
        records = await self._own(_CLAIM, worker_id, incarnation, session_id)
        return records[0] if records else None

    async def claim_own(self, worker_id: WorkerId, incarnation: str, limit: int) -> Sequence[SessionRecord]:
        """Own up to `limit` more sessions: this worker's from an earlier life, and the ownerless.

        Those that are to be connected come first; the others need somebody who answers their commands. Call it again
        until it answers nothing; workers that call it side by side get different sessions.
        """
        return await self._own(_CLAIM_OWN, worker_id, incarnation, limit)

    async def take(self, session_id: SessionId, worker_id: WorkerId, incarnation: str) -> SessionRecord | None:
        """Own a session that nobody has; None when there is none such, or another worker was faster.

        A worker that has only just handed it over does not get it back.
        """
        records = await self._own(_TAKE, worker_id, incarnation, session_id)
        return records[0] if records else None

    async def claim_waiting(self, worker_id: WorkerId, incarnation: str, limit: int) -> Sequence[SessionRecord]:
        """Own up to `limit` sessions that would connect if somebody had room: only to say so under a fence."""
        return await self._own(_CLAIM_WAITING, worker_id, incarnation, limit)

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
        away = None if left is None else self.stays_away
        async with self._database.transaction() as wire:
            if await wire.fetchval(_RELEASE, session_id, epoch, left, away):
                await wake(wire, session_id)

    async def watch(self) -> AsyncIterator[SessionId]:
        """Sessions with an order to carry out, whoever owns them: at once when it is made, and every 5 s. For ever.

        It listens on a connection of its own and opens a new one when that breaks.
        """
        while True:
            try:
                connection = await self._database.own_connection("orders")
                try:
                    async for session_id in self._orders(connection):
                        yield session_id
                finally:
                    connection.terminate()
            except StoreUnavailable as error:
                log.warning("store.watch_interrupted", reason=error.message)
                await asyncio.sleep(_RECONNECT_SECONDS)

    async def _orders(self, connection: Wire) -> AsyncIterator[SessionId]:
        noticed: asyncio.Queue[str] = asyncio.Queue()

        def on_notification(_connection: Any, _pid: int, _channel: str, session_id: str) -> None:
            noticed.put_nowait(session_id)

        with translated():
            await connection.add_listener(ORDERS, on_notification)
        while True:
            async with self._database.wire() as wire:
                for row in await wire.fetch(_ORDERED, _POLLED):
                    noticed.put_nowait(row["id"])
            try:
                async with asyncio.timeout(self.looks_every):
                    while True:
                        yield SessionId(await noticed.get())
            except TimeoutError:
                if connection.is_closed():
                    raise StoreUnavailable("The connection for notifications broke.") from None

    async def _own(
        self, statement: str, worker_id: WorkerId, incarnation: str, which: SessionId | int
    ) -> Sequence[SessionRecord]:
        async with self._database.transaction() as wire:
            rows = await wire.fetch(statement, worker_id, incarnation, which)
        return [session_record(row, self._ciphers) for row in sorted(rows, key=lambda row: row["id"])]
