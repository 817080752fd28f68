"""``events.replay.v1``: stored events once more, under the same ids and sequences, beside the relay.

It reads the outbox and moves no mark, on a channel of its own: live events go on meanwhile. A backend sees the replayed
ones in their order, live ones in theirs, and how the two mix is not said: it deduplicates by `source` and `id` and
orders by `sequence`, as always. What was never published yet may come here first; the relay's copy has the same id.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from gateway_worker.broker.errors import PublishRefused, Unroutable
from gateway_worker.broker.pipe import Pipe
from gateway_worker.events.ports import StoredEvents
from gateway_worker.events.publisher import Publisher
from gateway_worker.store.records import OutboxEvent
from schemas.commands.sessions import MAX_REPLAYED, ReplayEvents
from schemas.errors import SessionNotFound
from schemas.names import SessionId
from schemas.results import EventsReplayed

log = structlog.get_logger(__name__)

PAGE: Final = 200  # events in memory, and publishes under way, of one replay
AT_ONCE: Final = 4  # replays under way; further ones wait


class Replayer:
    """Carries replays out."""

    def __init__(self, outbox: StoredEvents, publisher: Publisher) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def replay(self, session_id: SessionId, asked: ReplayEvents) -> EventsReplayed:
        """Publish what is stored of the range that was asked for; returns when the broker has it.

        It ends early, and says where, at an event that a bound queue refuses because it is full, and after
        `MAX_REPLAYED`. An event of a kind that no queue is bound for counts as published.

        Raises:
            SessionNotFound: there is no such session.
            StoreUnavailable: the database is away.
        """
        async with self._turns:
            extent = await self._outbox.extent(session_id)
            if extent is None:
                raise SessionNotFound
            first = max(asked.from_sequence, extent.newest + 1 if extent.oldest is None else extent.oldest)
            last = extent.newest if asked.to_sequence is None else min(asked.to_sequence, extent.newest)
            replayed = await self._publish(session_id, first, last)
        count = len(replayed)
        log.info("events.replayed", session_id=session_id, first=first, count=count)
        return EventsReplayed(
            session_id=session_id,
            count=count,
            from_sequence=replayed[0] if replayed else None,
            to_sequence=replayed[-1] if replayed else None,
            oldest_sequence=extent.oldest,
            newest_sequence=extent.newest,
        )

    async def _publish(self, session_id: SessionId, first: int, last: int) -> Sequence[int]:
        """Page by page, through as many pipes as it takes. Answers with the sequences that are published.

        They need not follow each other: where the session was restored, numbers were jumped over.
        """
        replayed: list[int] = []
        following, refused = first, False
        while following <= last and len(replayed) < MAX_REPLAYED and not refused:
            pipe = await self._publisher.pipe()
            try:
                while following <= last and len(replayed) < MAX_REPLAYED and not refused and pipe.is_open:
                    stored = await self._outbox.range(session_id, following, min(PAGE, MAX_REPLAYED - len(replayed)))
                    events = [event for event in stored if event.sequence <= last]
                    if not events:
                        return replayed  # that was the last one, or retention was quicker
                    count, refused = await self._publish_page(pipe, events)
                    replayed += [event.sequence for event in events[:count]]
                    following = replayed[-1] + 1 if replayed else following
            finally:
                await pipe.close()
        return replayed

    async def _publish_page(self, pipe: Pipe, events: Sequence[OutboxEvent]) -> tuple[int, bool]:
        """Answers how many from the first one on are published, and whether the next one was refused."""
        answers = [pipe.submit(self._publisher.durable_event(event)) for event in events]
        outcomes = await asyncio.gather(*answers, return_exceptions=True)
        for number, outcome in enumerate(outcomes):
            if outcome is not None and not isinstance(outcome, Unroutable):
                return number, isinstance(outcome, PublishRefused)
        return len(events), False
