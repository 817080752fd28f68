"""How a session leaves this worker: released for another one, or removed for good."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from gateway_worker.connections.base.context import SessionContext
from gateway_worker.connections.base.signals import until_stored
from gateway_worker.connections.lifecycle.lifecycle import Lifecycle
from gateway_worker.connections.lifecycle.states import LIVE, State, Trigger
from gateway_worker.connections.socket.attempt import Purpose
from gateway_worker.connections.socket.connector import Connector
from gateway_worker.store.errors import EventsUnpublished
from gateway_worker.store.operations.identity import DropCredentials
from gateway_worker.store.operations.usage import ReportUsage
from gateway_worker.store.records import SessionRecord
from schemas.events.sessions import Reason
from schemas.names import WorkerId


class Departure:
    """The last steps of one owned session. Its queue is paused before any of them.

    Args:
        epoch: under which it is owned.
    """

    def __init__(self, lifecycle: Lifecycle, connector: Connector, context: SessionContext, *, epoch: int) -> None:
        self._session_id = lifecycle.session_id
        self._lifecycle = lifecycle
        self._connector = connector
        self._context = context
        self._epoch = epoch

    async def release(self, reason: Reason, *, left: WorkerId | None = None) -> None:
        """Close the connection, tell why, and give the session up: it connects again at once where it is taken.

        Its events are out before that, so that the next owner need not publish them once more.

        Args:
            reason: told if there was a connection.
            left: the worker that must not have it back for a while.
        """
        await self._connector.hang_up(Purpose.LEAVE)
        if self._lifecycle.state in LIVE:
            await self._lifecycle.follow(Trigger.DROPPED, reason=reason, retry_at=self._context.clock.now())
        with suppress(TimeoutError):
            async with asyncio.timeout(self._context.timeouts.flushing):
                await self._context.announcer.flushed(self._session_id)
        await self._context.cache.drop_route(self._session_id, self._context.worker_id)
        await self._context.storage.ownership.release(self._session_id, self._epoch, left=left)

    async def remove(self, record: SessionRecord, retire: Callable[[], None], *, purge: bool) -> None:
        """Unlink and forget it. Each step may be repeated: after a crash, its next owner goes through them again."""
        if self._lifecycle.state is not State.DELETED:
            await self._connector.unlink(record)
            await self._connector.hang_up(Purpose.LOGOUT)
            await self._lifecycle.follow(Trigger.REMOVED, also=[DropCredentials(), ReportUsage()])
            self._context.snapshots.voided()
        await self._context.announcer.flushed(self._session_id)
        retire()
        await self._context.queues.delete(self._session_id)
        await self._context.cache.drop_route(self._session_id, self._context.worker_id)
        await until_stored(lambda: self._forget(purge=purge))

    async def _forget(self, *, purge: bool) -> None:
        sessions = self._context.storage.sessions
        while True:
            try:
                await sessions.forget(self._session_id, self._epoch, purge=purge)
            except EventsUnpublished:  # a receipt came in while the queue was emptied
                await self._context.announcer.flushed(self._session_id)
            else:
                return
