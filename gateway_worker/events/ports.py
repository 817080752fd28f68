"""What the way out needs from the layers below; the store implements it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from gateway_worker.broker.outgoing import Outgoing
from gateway_worker.store.records import Extent, OutboxEvent
from schemas.names import SessionId


class Outbox(Protocol):
    """The durable events of sessions, written in the transactions that they tell of."""

    def subscribe(self, callback: Callable[[Sequence[OutboxEvent]], None]) -> None:
        """Hear of events right after their commit, in the order of commits; those of a session in sequence."""
        ...

    async def pending(self, session_id: SessionId | None, after: int, limit: int) -> Sequence[OutboxEvent]:
        """Events not yet published, in the order of (session, sequence); of one session those after a sequence."""
        ...

    async def mark_published(self, events: Sequence[tuple[SessionId, int]]) -> None:
        """These have been confirmed by the broker."""
        ...


class StoredEvents(Protocol):
    """The durable events that are still stored, published or not."""

    async def extent(self, session_id: SessionId) -> Extent | None:
        """How far the stored events of a session reach; None: there is no such session."""
        ...

    async def range(self, session_id: SessionId, from_sequence: int, limit: int) -> Sequence[OutboxEvent]:
        """At most `limit` of them, in sequence."""
        ...


class EventPipe(Protocol):
    """Publishes in the order of the calls, many at a time, until it breaks (`gateway_worker.broker.pipe`)."""

    def submit(self, message: Outgoing) -> "asyncio.Future[None]":
        """Publish; the answer fails with Unroutable, PublishRefused or, if the pipe broke, BrokerLost."""
        ...

    async def settled(self) -> None:
        """Returns when nothing is under way any more."""
        ...

    async def close(self) -> None:
        """Give it back. Call it when nothing is under way."""
        ...


class DurablePublisher(Protocol):
    """The way out of durable events."""

    async def pipe(self) -> EventPipe:
        """A pipe of the caller's own. Waits for the broker, for ever."""
        ...

    def durable_event(self, event: OutboxEvent) -> Outgoing:
        """The publish that tells a durable event: the same bytes each time."""
        ...


class PublishingLease(Protocol):
    """How long this worker may tell what happens to its sessions."""

    @property
    def permits(self) -> bool:
        """Whether it runs."""
        ...

    async def held(self) -> None:
        """Returns when it runs (again)."""
        ...


class EventObserver(Protocol):
    """Told of events on their way out, synchronously; must not block or raise."""

    def event_published(self, event_type: str) -> None:
        """The broker has confirmed it."""
        ...

    def event_repeated(self, event_type: str) -> None:
        """It was sent and its confirm was lost: it goes out again, and may arrive twice under the same id."""
        ...

    def event_refused(self, event_type: str) -> None:
        """A queue had no room for it, or there was none: it goes out again, and other queues may have it twice."""
        ...
