"""An outbox in memory, and what a backend saw of it."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from aiormq.abc import DeliveredMessage

from gateway_worker.broker.connection import BrokerConnection
from gateway_worker.broker.errors import BrokerError, translated
from gateway_worker.store.errors import StoreUnavailable
from gateway_worker.store.records import Extent, OutboxEvent
from schemas.names import SessionId


def outbox_event(session_id: str, sequence: int, *, time: datetime | None = None, **more: Any) -> OutboxEvent:
    """Any durable event."""
    return OutboxEvent(
        event_id=f"{session_id}-{sequence}",
        session_id=SessionId(session_id),
        sequence=sequence,
        epoch=1,
        type="message.status.v1",
        time=time or datetime.now(UTC),
        data=more.pop("data", {"sessionId": session_id, "n": sequence}),
        **more,
    )


@dataclass
class MemoryOutbox:
    """Events by session; `away` makes it unavailable.

    `newest`: of sessions whose rows are no longer complete; `taken`: sessions that have another owner by now.
    """

    rows: dict[SessionId, list[OutboxEvent]] = field(default_factory=dict[SessionId, list[OutboxEvent]])
    published: set[tuple[SessionId, int]] = field(default_factory=set[tuple[SessionId, int]])
    reads: list[tuple[SessionId | None, int]] = field(default_factory=list[tuple[SessionId | None, int]])
    newest: dict[SessionId, int] = field(default_factory=dict[SessionId, int])
    away: bool = False
    taken: set[SessionId] = field(default_factory=set[SessionId])
    _callbacks: list[Callable[[Sequence[OutboxEvent]], None]] = field(
        default_factory=list[Callable[[Sequence[OutboxEvent]], None]]
    )
    _marked: asyncio.Condition = field(default_factory=asyncio.Condition)

    def subscribe(self, callback: Callable[[Sequence[OutboxEvent]], None]) -> None:
        self._callbacks.append(callback)

    def commit(self, session_id: str, count: int = 1, *, announced: bool = True, time: datetime | None = None) -> None:
        """Write the next events of a session; `announced` to those who subscribed."""
        rows = self.rows.setdefault(SessionId(session_id), [])
        new = [outbox_event(session_id, len(rows) + number, time=time) for number in range(1, count + 1)]
        rows.extend(new)
        if announced:
            for callback in self._callbacks:
                callback(new)

    async def pending(self, session_id: SessionId | None, after: int, limit: int) -> Sequence[OutboxEvent]:
        await asyncio.sleep(0)
        self._check()
        self.reads.append((session_id, after))
        wanted = self.rows if session_id is None else {session_id: self.rows.get(session_id, [])}
        return [
            event
            for name, events in sorted(wanted.items())
            if name not in self.taken
            for event in events
            if event.sequence > after and (name, event.sequence) not in self.published
        ][:limit]

    async def extent(self, session_id: SessionId) -> Extent | None:
        rows = self.rows.get(session_id)
        if rows is None:
            return None
        return Extent(oldest=rows[0].sequence if rows else None, newest=self.newest.get(session_id, len(rows)))

    async def range(self, session_id: SessionId, from_sequence: int, limit: int) -> Sequence[OutboxEvent]:
        self._check()
        return [event for event in self.rows[session_id] if event.sequence >= from_sequence][:limit]

    async def mark_published(self, events: Sequence[tuple[SessionId, int]]) -> None:
        self._check()
        async with self._marked:
            self.published.update(events)
            self._marked.notify_all()

    async def until_marked(self, count: int) -> None:
        """Returns when that many events are marked as published."""
        async with self._marked:
            await self._marked.wait_for(lambda: len(self.published) >= count)

    def _check(self) -> None:
        if self.away:
            raise StoreUnavailable


@dataclass
class Listener:
    """What arrived in a queue, in order."""

    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, message: DeliveredMessage) -> None:
        """Note it and ack it. One that was taken before and comes again (the ack was lost) is noted again."""
        async with self._arrived:
            self.events.append(json.loads(message.body))
            self._arrived.notify_all()
        try:
            with translated():
                await message.channel.basic_ack(message.delivery_tag or 0)
        except BrokerError:
            return

    async def until(self, distinct: int) -> None:
        """Returns when that many different events have arrived."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len({event["id"] for event in self.events}) >= distinct)

    def first_arrivals(self, session_id: str) -> list[int]:
        """The sequences of a session in the order in which each arrived for the first time."""
        return list(dict.fromkeys(int(event["sequence"]) for event in self.events if event["subject"] == session_id))


@asynccontextmanager
async def listening(link: BrokerConnection, queue: str) -> AsyncGenerator[Listener]:
    """Consume a queue, through every loss of the connection."""
    listener = Listener()

    async def consume() -> None:
        while True:
            channel = await link.channel(confirms=False)
            try:
                with translated():
                    await channel.basic_qos(prefetch_count=200)
                    await channel.basic_consume(queue, listener.take)
                await asyncio.wait({cast("asyncio.Future[Any]", channel.closing)})
            except BrokerError:
                await asyncio.sleep(0.1)

    task = asyncio.create_task(consume())
    try:
        yield listener
    finally:
        task.cancel()
        await asyncio.wait({task})


async def remembered() -> None:
    """Returns when RabbitMQ has surely written down which quorum queues it has.

    It does so twice a second, and tells nobody. Killed before, it never finds the queue again: publishes to it are not
    confirmed and consumers not answered (seen with 3.10.8).
    """
    await asyncio.sleep(1.2)
