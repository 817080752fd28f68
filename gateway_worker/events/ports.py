"""What the way out needs from the rooms below; the store implements it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from gateway_worker.store.records import OutboxEvent
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


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...
