"""Workers: their rows, and the lock that tells at once when one has died."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from gateway_worker.store import tables
from gateway_worker.store.database import Database, Wire, translated
from gateway_worker.store.errors import StoreUnavailable, WorkerIdTaken
from gateway_worker.store.records import Json, WorkerRecord, WorkerStatus
from gateway_worker.store.rows import worker_record
from schemas.names import WorkerId

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(seconds=90)  # three heartbeats
_W = tables.workers
_TAKEN_AFTER: Final = 3.0  # seconds: a predecessor that was just killed leaves its lock a moment later
_AGAIN_SECONDS: Final = 0.2
_RECONNECT_SECONDS: Final = 0.5
_PROBE_SECONDS: Final = 10.0


def lock_key(worker_id: str) -> int:
    """The advisory lock of a worker: a signed 64-bit number."""
    return int.from_bytes(hashlib.sha256(b"gateway-worker\0" + worker_id.encode()).digest()[:8], "big", signed=True)


class Workers:
    """The registry of workers, and this worker's own lock in it. `run` keeps the lock."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock: Wire | None = None  # the connection whose life is the lock's
        self._worker_id: WorkerId | None = None
        self._registered = asyncio.Event()
        self._probe_at = 0.0

    @property
    def worker_id(self) -> WorkerId | None:
        """This process's worker id, once registered."""
        return self._worker_id

    async def register(
        self, worker_id: WorkerId, incarnation: str, endpoint: str, max_sessions: int, version: str
    ) -> None:
        """Take the worker id for this process.

        Args:
            worker_id: the configured id.
            incarnation: tells this run of the process from its others.
            endpoint: where its HTTP is, as told in ``worker.registered``.
            max_sessions: how many it holds at most.
            version: of the program.

        Raises:
            WorkerIdTaken: a live worker has it.
        """
        await self._take_lock(worker_id)
        values: dict[str, Any] = {
            "incarnation": incarnation,
            "endpoint": endpoint,
            "max_sessions": max_sessions,
            "version": version,
            "status": WorkerStatus.ONLINE.value,
            "metrics": {},
            "started_at": func.now(),
            "heartbeat_at": func.now(),
            "lease_until": func.now() + LEASE,
        }
        statement = upsert(_W).values(id=worker_id, **values).on_conflict_do_update(index_elements=["id"], set_=values)
        async with self._database.transaction() as connection:
            await connection.execute(statement)
        self._worker_id = worker_id
        self._registered.set()

    async def heartbeat(self, worker_id: WorkerId, incarnation: str, status: WorkerStatus, metrics: Json) -> None:
        """Renew the lease and tell how it goes.

        Raises:
            WorkerIdTaken: the row belongs to another incarnation by now.
        """
        await self._update(
            worker_id,
            incarnation,
            status=status.value,
            metrics=dict(metrics),
            heartbeat_at=func.now(),
            lease_until=func.now() + LEASE,
        )

    async def draining(self, worker_id: WorkerId, incarnation: str) -> None:
        """Take no more sessions: the others count on no room here.

        Raises:
            WorkerIdTaken: the row belongs to another incarnation by now.
        """
        await self._update(worker_id, incarnation, status=WorkerStatus.DRAINING.value)

    async def stopped(self, worker_id: WorkerId, incarnation: str) -> None:
        """Say goodbye and free the id."""
        await self._update(
            worker_id, incarnation, status=WorkerStatus.STOPPED.value, heartbeat_at=func.now(), lease_until=func.now()
        )
        self._registered.clear()
        await self.close()

    async def get(self, worker_id: WorkerId) -> WorkerRecord | None:
        """One worker, alive or not."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(_W).where(_W.c.id == worker_id))).mappings().one_or_none()
        return None if row is None else worker_record(row)

    async def list(self, limit: int = 1_000) -> Sequence[WorkerRecord]:
        """Workers in the order of their ids."""
        async with self._database.transaction() as connection:
            rows = (await connection.execute(select(_W).order_by(_W.c.id).limit(limit))).mappings().all()
        return [worker_record(row) for row in rows]

    async def run(self) -> None:
        """Hold the lock for ever, on a new connection whenever the old one breaks.

        Raises:
            WorkerIdTaken: somebody else took it meanwhile: this process must end.
        """
        while True:
            await self._registered.wait()
            if self._worker_id is not None and not await self._holds():
                try:
                    await self._take_lock(self._worker_id)
                    log.info("store.lock_regained")
                except StoreUnavailable as error:
                    log.warning("store.lock_not_regained", reason=error.message)
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def close(self) -> None:
        """Give the lock up."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.terminate()

    async def _update(self, worker_id: WorkerId, incarnation: str, **values: Any) -> None:
        statement = update(_W).where(_W.c.id == worker_id, _W.c.incarnation == incarnation).values(**values)
        async with self._database.transaction() as connection:
            result = await connection.execute(statement)
        if result.rowcount == 0:
            raise WorkerIdTaken(f"the worker id {worker_id} belongs to another process by now")

    async def _take_lock(self, worker_id: WorkerId) -> None:
        connection = await self._database.own_connection("lock")
        try:
            async with asyncio.timeout(_TAKEN_AFTER):
                while not await _try_lock(connection, worker_id):  # noqa: ASYNC110 (another process frees it)
                    await asyncio.sleep(_AGAIN_SECONDS)
        except TimeoutError:
            connection.terminate()
            raise WorkerIdTaken(
                f"a live worker already uses the worker id {worker_id}: give each its own GATEWAY_WORKER_ID"
            ) from None
        except BaseException:
            connection.terminate()
            raise
        await self.close()
        self._lock = connection

    async def _holds(self) -> bool:
        """Whether the lock's connection lives. A closed one shows by itself; a silent one is asked."""
        if self._lock is None or self._lock.is_closed():
            return False
        now = asyncio.get_running_loop().time()
        if now < self._probe_at:
            return True
        self._probe_at = now + _PROBE_SECONDS
        try:
            with translated():
                await self._lock.fetchval("SELECT 1")
        except StoreUnavailable:
            return False
        return True


async def _try_lock(connection: Wire, worker_id: WorkerId) -> bool:
    with translated():
        return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", lock_key(worker_id)))
