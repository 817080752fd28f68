"""A worker's advisory lock: held by a connection of its own, so it is free the moment that the process dies."""

import asyncio
import hashlib
from typing import Final

from gateway_worker.store.errors import WorkerIdTaken
from gateway_worker.store.postgres.database import Database, Wire
from gateway_worker.store.postgres.driver_errors import translated

_TAKEN_AFTER: Final = 3.0  # seconds: a predecessor that was just killed leaves its lock a moment later
_AGAIN_SECONDS: Final = 0.2


def lock_key(worker_id: str) -> int:
    """The advisory lock of a worker: a signed 64-bit number. `owners.py` computes the same in SQL."""
    return int.from_bytes(hashlib.sha256(b"gateway-worker\0" + worker_id.encode()).digest()[:8], "big", signed=True)


class WorkerLock:
    """The lock of one worker id, and the connection that holds it (`wire`)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wire: Wire | None = None
        self._is_ours = False

    @property
    def is_held(self) -> bool:
        """Whether we hold it, as far as is known: a connection that was closed shows by itself."""
        return self._is_ours and self._wire is not None and not self._wire.is_closed()

    async def take(self, worker_id: str) -> None:
        """Take it, for a start.

        Raises:
            WorkerIdTaken: a live worker has it.
        """
        try:
            async with asyncio.timeout(_TAKEN_AFTER):
                while True:
                    await self.connection(worker_id)
                    if self._is_ours:
                        return
                    await asyncio.sleep(_AGAIN_SECONDS)
        except TimeoutError:
            self.give_up()
            raise WorkerIdTaken(
                f"a live worker already uses the worker id {worker_id}: give each its own GATEWAY_WORKER_ID"
            ) from None
        except BaseException:
            self.give_up()
            raise

    async def connection(self, worker_id: str) -> Wire:
        """Its connection, opened again if need be, with the lock if that is free.

        It may not be: after a cut the server keeps our former connection, and the lock with it, for some seconds.
        """
        if self._wire is None or self._wire.is_closed():
            self._is_ours = False
            self._wire = await self._database.own_connection("lock")
        if not self._is_ours:
            with translated():
                taken = await self._wire.fetchval("SELECT pg_try_advisory_lock($1)", lock_key(worker_id))
            self._is_ours = bool(taken)
        return self._wire

    def give_up(self) -> None:
        """Let it go, and close its connection."""
        wire, self._wire, self._is_ours = self._wire, None, False
        if wire is not None:
            wire.terminate()
