"""The worker registry: tells the fleet and its backends that this worker is there, how it fares, and that it leaves."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

import structlog
from pydantic import BaseModel

from schemas.events.events import WORKER_HEARTBEAT, WORKER_REGISTERED, WORKER_STOPPED
from schemas.events.workers import WorkerHeartbeat, WorkerRegistered, WorkerStopped
from schemas.names import WorkerId

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS: Final = 30.0


class Announces(Protocol):
    """What `events.announcer.Announcer` does."""

    async def announce(self, event_type: str, subject: str, data: BaseModel) -> None:
        """Publish an event that has no sequence."""
        ...


class StatusBoard(Protocol):
    """Where others look a worker up without asking it: the Redis hash ``worker:{workerId}:status``, TTL 90 s."""

    async def put_worker_status(self, worker_id: WorkerId, heartbeat: WorkerHeartbeat) -> None:
        """Replace the worker's status. An absent Redis is not an error."""
        ...

    async def drop_worker_status(self, worker_id: WorkerId) -> None:
        """The worker is gone."""
        ...


class Registry:
    """A service that announces its worker.

    Args:
        registration: what the worker is.
        heartbeat: how it fares at this moment.
        every: seconds between two heartbeats.
    """

    def __init__(
        self,
        announcer: Announces,
        board: StatusBoard,
        *,
        registration: WorkerRegistered,
        heartbeat: Callable[[], WorkerHeartbeat],
        every: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._announcer = announcer
        self._board = board
        self._registration = registration
        self._heartbeat = heartbeat
        self._every = every
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """``worker.registered``, a heartbeat at once and every 30 s, and at the end ``worker.stopped``."""
        worker_id = self._registration.worker_id
        await self._announcer.announce(WORKER_REGISTERED.type, worker_id, self._registration)
        while not self._stopping.is_set():
            self._changed.clear()
            await self._beat()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._changed.wait()
        await self._board.drop_worker_status(worker_id)
        await self._announcer.announce(WORKER_STOPPED.type, worker_id, WorkerStopped(worker_id=worker_id))

    async def stop(self) -> None:
        """Say good-bye; `run` returns."""
        self._stopping.set()
        self._changed.set()

    def beat_now(self) -> None:
        """How the worker fares has changed so much that it is told at once."""
        self._changed.set()

    async def _beat(self) -> None:
        heartbeat = self._heartbeat()
        await self._board.put_worker_status(self._registration.worker_id, heartbeat)
        await self._announcer.announce(WORKER_HEARTBEAT.type, self._registration.worker_id, heartbeat)
