"""Workers: their rows, and what keeps this worker's own alive."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from gateway_worker.store.errors import StoreUnavailable, WorkerIdTaken
from gateway_worker.store.postgres.database import Database
from gateway_worker.store.postgres.driver_errors import translated
from gateway_worker.store.postgres.lease import RENEW_SECONDS, Lease
from gateway_worker.store.records import WorkerRecord
from gateway_worker.store.rows import worker_record
from gateway_worker.store.workers.lock import WorkerLock
from schemas.names import WorkerId

log = structlog.get_logger(__name__)

_TICK_SECONDS: Final = 0.5
_CALL_SECONDS: Final = 3.0  # of a renewal: then the connection is as good as gone, and there is time for another
_REGISTER: Final = """
    INSERT INTO workers (id, incarnation, endpoint, max_sessions, version, keys, status,
        started_at, heartbeat_at, lease_until)
    VALUES ($1, $2, $3, $4, $5, $7, 'online', now(), now(), now() + make_interval(secs => $6))
    ON CONFLICT (id) DO UPDATE SET incarnation = excluded.incarnation, endpoint = excluded.endpoint,
        max_sessions = excluded.max_sessions, version = excluded.version, keys = excluded.keys,
        status = excluded.status,
        started_at = excluded.started_at, heartbeat_at = excluded.heartbeat_at, lease_until = excluded.lease_until
"""
_DRAINING: Final = "UPDATE workers SET status = 'draining' WHERE id = $1 AND incarnation = $2 RETURNING true"
_STOPPED: Final = """
    UPDATE workers SET status = 'stopped', heartbeat_at = now(), lease_until = now()
    WHERE id = $1 AND incarnation = $2 RETURNING true
"""
_GET: Final = "SELECT * FROM workers WHERE id = $1"
_LIST: Final = "SELECT * FROM workers ORDER BY id LIMIT $1"
_RENEW: Final = """
    UPDATE workers SET heartbeat_at = now(), lease_until = now() + make_interval(secs => $3)
    WHERE id = $1 AND incarnation = $2
    RETURNING true
"""


class Workers:
    """The registry of workers, and this worker's own lock and lease in it. `run` keeps both.

    Args:
        keys: what names this worker's encryption keys; the first seals.
    """

    def __init__(self, database: Database, lease: Lease, keys: Sequence[str]) -> None:
        self._database = database
        self._lease = lease
        self._keys = keys
        self._lock = WorkerLock(database)
        self._me: tuple[WorkerId, str] | None = None
        self._registered = asyncio.Event()
        self._renew_at = 0.0

    @property
    def worker_id(self) -> WorkerId | None:
        """This process's worker id, once registered."""
        return None if self._me is None else self._me[0]

    @property
    def settled(self) -> bool:
        """Whether what the database says of other workers can be believed: not while it has only just come back."""
        return self._me is None or (self._lock.is_held and self._lease.settled)

    async def register(
        self, worker_id: WorkerId, incarnation: str, endpoint: str, max_sessions: int, version: str
    ) -> None:
        """Take the worker id for this process, and the first lease.

        Args:
            worker_id: the configured id.
            incarnation: tells this run of the process from its others.
            endpoint: where its HTTP is, as told in ``worker.registered``.
            max_sessions: how many it holds at most.
            version: of the program.

        Raises:
            WorkerIdTaken: a live worker has it.
        """
        await self._lock.take(worker_id)
        sent = self._lease.now()
        described = (worker_id, incarnation, endpoint, max_sessions, version, self._lease.seconds, list(self._keys))
        async with self._database.wire() as wire:
            await wire.execute(_REGISTER, *described)
        self._lease.extend(sent)
        self._renew_at = sent + RENEW_SECONDS
        self._me = (worker_id, incarnation)
        self._registered.set()

    async def draining(self, worker_id: WorkerId, incarnation: str) -> None:
        """Take no more sessions: the others count on no room here.

        Raises:
            WorkerIdTaken: the row belongs to another incarnation by now.
        """
        await self._update(_DRAINING, worker_id, incarnation)

    async def stopped(self, worker_id: WorkerId, incarnation: str) -> None:
        """Say goodbye and free the id."""
        await self._update(_STOPPED, worker_id, incarnation)
        self._registered.clear()
        self.close()

    async def get(self, worker_id: WorkerId) -> WorkerRecord | None:
        """One worker, alive or not."""
        async with self._database.wire() as wire:
            row = await wire.fetchrow(_GET, worker_id)
        return None if row is None else worker_record(row)

    async def list(self, limit: int = 1_000) -> Sequence[WorkerRecord]:
        """Workers in the order of their ids."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_LIST, limit)
        return [worker_record(row) for row in rows]

    async def run(self) -> None:
        """Keep the lock and renew the lease for ever, on a new connection whenever the old one breaks.

        Raises:
            WorkerIdTaken: another process has the worker id by now: this one must end.
        """
        while True:
            await self._registered.wait()
            if self._me is not None and (not self._lock.is_held or self._lease.now() >= self._renew_at):
                await self._keep(*self._me)
            await asyncio.sleep(_TICK_SECONDS)

    def close(self) -> None:
        """Give the lock up."""
        self._lock.give_up()

    async def _keep(self, worker_id: WorkerId, incarnation: str) -> None:
        """Renew the lease over the connection that holds the lock: one that renews shows that the other is kept."""
        if not self._lock.is_held:
            self._lease.trouble()
        sent = self._lease.now()
        try:
            with translated():
                async with asyncio.timeout(_CALL_SECONDS):
                    wire = await self._lock.connection(worker_id)
                    mine = await wire.fetchval(_RENEW, worker_id, incarnation, self._lease.seconds)
                    if mine is None:  # another process's, or of a database that is another one by now
                        await self._database.recheck(wire)
        except StoreUnavailable as error:
            self._lease.trouble()
            self._lock.give_up()
            log.warning("store.lease_not_renewed", reason=error.message, remaining=round(self._lease.remaining, 1))
            return
        if mine is None:
            raise WorkerIdTaken(f"the worker id {worker_id} belongs to another process by now")
        self._lease.extend(sent, locked=self._lock.is_held)
        self._renew_at = sent + RENEW_SECONDS

    async def _update(self, statement: str, worker_id: WorkerId, incarnation: str) -> None:
        async with self._database.wire() as wire:
            mine = await wire.fetchval(statement, worker_id, incarnation)
        if mine is None:
            raise WorkerIdTaken(f"the worker id {worker_id} belongs to another process by now")
