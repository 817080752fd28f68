"""The outbox: durable events, written by the committer, read by the relay."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from gateway_worker.store.outbox.marks import Marks
from gateway_worker.store.postgres.database import Database
from gateway_worker.store.postgres.encryption import Ciphers
from gateway_worker.store.records import Extent, OutboxEvent
from gateway_worker.store.retention.retention import EVENTS
from gateway_worker.store.rows import outbox_event
from gateway_worker.store.workers.workers import Workers
from schemas.names import SessionId

_RANGE: Final = """
    SELECT o.*, s.content_key
    FROM outbox AS o JOIN sessions AS s ON s.id = o.session_id
    WHERE o.session_id = $1 AND o.sequence > $2 AND o.created_at > $4
    ORDER BY o.sequence LIMIT $3
"""

_EXTENT: Final = """
    SELECT s.sequence AS newest,
        (SELECT min(sequence) FROM outbox WHERE session_id = s.id AND created_at > $2) AS oldest
    FROM sessions AS s
    WHERE s.id = $1 AND s.deleted_at IS NULL AND s.state <> 'deleted'
"""

_PENDING: Final = """
    SELECT o.*, s.content_key
    FROM outbox AS o JOIN sessions AS s ON s.id = o.session_id
    WHERE o.session_id = $1 AND (s.owner IS NULL OR $4::text IS NULL OR s.owner = $4)
        AND o.sequence > greatest($2, (SELECT published FROM outbox_marks WHERE session_id = $1))
    ORDER BY o.sequence LIMIT $3
"""

# Sessions whose last event is beyond their mark, and from each its next events: never a walk over what is published.
# What is nobody's is for one worker alone, or each would publish it.
_ALL_PENDING: Final = """
    SELECT o.*, s.content_key
    FROM sessions AS s
    JOIN outbox_marks AS m ON m.session_id = s.id
    CROSS JOIN LATERAL (
        SELECT * FROM outbox WHERE session_id = s.id AND sequence > m.published ORDER BY sequence LIMIT $1
    ) AS o
    WHERE s.sequence > m.published AND ($2::text IS NULL OR $2 = coalesce(
        s.owner, (SELECT min(id) FROM workers WHERE status <> 'stopped' AND lease_until > now())
    ))
    ORDER BY o.session_id, o.sequence LIMIT $1
"""

_MARK: Final = """
    WITH run AS (SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS r (session_id, first, last)),
    moved AS (
        UPDATE outbox_marks AS m SET published = r.last
        FROM run AS r
        WHERE m.session_id = r.session_id AND r.last > m.published AND CASE
            WHEN r.first <= m.published + 1 THEN true
            ELSE NOT EXISTS (  -- the numbers in between were jumped over when the session was restored
                SELECT FROM outbox AS o
                WHERE o.session_id = r.session_id AND o.sequence > m.published AND o.sequence < r.first
            )
        END
        RETURNING m.session_id, m.published
    )
    SELECT session_id, published FROM moved
    UNION ALL
    SELECT m.session_id, m.published
    FROM outbox_marks AS m JOIN run AS r USING (session_id)
    WHERE r.last <= m.published
"""

Listener = Callable[[Sequence[OutboxEvent]], None]


class Outbox:
    """Events that are to be published, or may be published again."""

    def __init__(self, *, database: Database, ciphers: Ciphers, workers: Workers, now: Callable[[], datetime]) -> None:
        self._database = database
        self._ciphers = ciphers
        self._workers = workers
        self._now = now
        self._marks = Marks()
        self.listeners: list[Listener] = []

    def subscribe(self, callback: Listener) -> None:
        """Hear of events right after their commit, in the order of commits; those of a session in sequence.

        It is called on the event loop and must neither block nor raise.
        """
        self.listeners.append(callback)

    async def pending(self, session_id: SessionId | None, after: int, limit: int) -> Sequence[OutboxEvent]:
        """At most `limit` events not known to be published, in the order of (session, sequence).

        Only of sessions that this worker owns, or nobody does: their owner publishes the others.

        Args:
            session_id: whose; None for all, where what is nobody's is told to one live worker only.
            after: only those behind this sequence; ignored for all sessions.
            limit: how many.
        """
        async with self._database.wire() as wire:
            if session_id is None:
                rows: Sequence[Any] = await wire.fetch(_ALL_PENDING, limit, self._workers.worker_id)
            else:
                rows = await wire.fetch(_PENDING, session_id, after, limit, self._workers.worker_id)
        return [outbox_event(row, self._ciphers) for row in rows]

    async def extent(self, session_id: SessionId) -> Extent | None:
        """How far the events reach that may be replayed; None: there is no such session, or its end was told."""
        async with self._database.wire() as wire:
            row = await wire.fetchrow(_EXTENT, session_id, self._now() - EVENTS)
        return None if row is None else Extent(oldest=row["oldest"], newest=row["newest"])

    async def range(self, session_id: SessionId, from_sequence: int, limit: int) -> Sequence[OutboxEvent]:
        """At most `limit` events of a session that may be replayed, from a sequence on, published or not."""
        async with self._database.wire() as wire:
            rows: Sequence[Any] = await wire.fetch(_RANGE, session_id, from_sequence - 1, limit, self._now() - EVENTS)
        return [outbox_event(row, self._ciphers) for row in rows]

    async def mark_published(self, events: Sequence[tuple[SessionId, int]]) -> None:
        """These have been confirmed by the broker, in any order. See `Marks` for what becomes durable when."""
        self._marks.add(events)
        again = True
        while again:
            again = await self._move_marks()

    async def _move_marks(self) -> bool:
        runs = sorted((session_id, *run) for session_id, run in self._marks.runs().items())
        if not runs:
            return False
        async with self._database.wire() as wire:
            rows = await wire.fetch(_MARK, *map(list, zip(*runs, strict=True)))
        moved = [self._marks.moved(row["session_id"], row["published"]) for row in rows]
        return any(moved)
