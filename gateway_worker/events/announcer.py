"""Tells what has no sequence and is not stored: QR and pairing codes, the worker's own life."""

import asyncio
from typing import Final

import structlog
from pydantic import BaseModel

from gateway_worker.events.envelopes import announcement
from gateway_worker.events.publisher import Publisher
from gateway_worker.events.relay import Relay
from gateway_worker.store.records import CausedBy
from gateway_worker.timing.clock import Clock
from schemas.names import NewId, SessionId

log = structlog.get_logger(__name__)

SECONDS: Final = 20.0  # a QR lives for 20 seconds: told later it would be a lie


class Announcer:
    """Implements `connections.ports.Announcer`."""

    def __init__(self, publisher: Publisher, relay: Relay, *, namespace: str, clock: Clock, new_id: NewId) -> None:
        self._publisher = publisher
        self._relay = relay
        self._namespace = namespace
        self._clock = clock
        self._new_id = new_id

    async def announce(
        self,
        event_type: str,
        subject: str,
        data: BaseModel,
        *,
        caused_by: CausedBy | None = None,
    ) -> None:
        """Publish an event that has no sequence. Returns when it is confirmed, or given up after 20 s (logged)."""
        envelope = announcement(
            self._namespace,
            event_type,
            subject,
            data.model_dump(mode="json", by_alias=True, exclude_none=True),
            event_id=self._new_id(),
            time=self._clock.now(),
            caused_by=caused_by,
        )
        try:
            async with asyncio.timeout(SECONDS):
                await self._publisher.publish_event(envelope)
        except TimeoutError:
            log.warning("event.given_up", type=event_type)

    def let_go(self, session_id: SessionId) -> None:
        """Another worker owns the session: its events are no longer ours to tell."""
        self._relay.let_go(session_id)

    async def flushed(self, session_id: SessionId) -> None:
        """Returns when every outbox event of the session has been published."""
        await self._relay.flushed(session_id)
