"""What the connection manager asks of the rooms around it. `consumers` and `events` implement it, `app` injects it.

How a command meets a session, for those who call us::

    session = manager.of(session_id)            # SessionNotFound when it does not live here
    sending = await session.begin(command)      # M: durable now; its place in the chat's lane was taken on the call
    ... reply command.accepted with sending.message_id ...
    await sending.finish()                      # returns when settled: sent, or failed and told by message.status

- Call `begin` in the order of deliveries and without an `await` between the delivery and the call: the lane's place is
  taken before its first `await`. Run `begin` + `finish` as one task per delivery; prefetch is the window.
- `begin` raises a gateway error for what is refused before it was accepted; `finish` never raises for a message that
  failed (its `message.status` tells), only for what may be tried again (the store is away: hold and call again).
- Cancelling either is safe at any moment: nothing is settled, and the same delivery, arriving again, goes on with the
  same row and the same WhatsApp id. A duplicate that arrives in the meantime joins the first one.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel

from schemas.names import SessionId


class SessionDoors(Protocol):
    """The queues of sessions at the broker. Every call is idempotent and retries until the broker has done it."""

    async def declare(self, session_id: SessionId) -> None:
        """The session's queue exists: commands may be published to it."""
        ...

    async def open(self, session_id: SessionId) -> None:
        """Consume the queue; deliveries come to `ConnectionManager.of(session_id)`."""
        ...

    async def pause(self, session_id: SessionId) -> None:
        """Stop consuming and keep the queue. What is held goes back in order: running handlers are cancelled."""
        ...

    async def delete(self, session_id: SessionId) -> None:
        """Answer what is still queued with ``session.not_found``, then remove the queue.

        The manager no longer knows the session when it calls this, so that each delivery drained to its handler meets
        `SessionNotFound`; the queue is then deleted empty (``if_empty``), and drained again if something slipped in.
        """
        ...


class Announcer(Protocol):
    """Tells events that are not durable, and knows when the durable ones are out."""

    async def announce(
        self,
        event_type: str,
        subject: str,
        data: BaseModel,
        *,
        causation_id: str | None = None,
        correlation_id: str | None = None,
    ) -> None:
        """Publish an event that has no sequence (QR and pairing codes). Returns when confirmed or given up."""
        ...

    async def flushed(self, session_id: SessionId) -> None:
        """Returns when every outbox event of the session has been published."""
        ...


class Clock(Protocol):
    """Where time comes from. Waiting is `asyncio`'s business: tests run on a loop with virtual time."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


CapacityListener = Callable[[bool], None]
"""Called with whether the worker has a free slot, at each change: the fleet's door opens and closes with it."""
