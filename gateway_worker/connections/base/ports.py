"""What the connection manager asks of others. `consumers` and `events` implement it, `app` injects it.

How a message meets a session, for those who call us::

    session = manager.of(command.session_id)     # SessionNotFound when it does not live here
    await session.send(command, accepted)        # returns when settled: sent, or failed and told by message.status

- Call `send` in the order of deliveries and without an `await` between the delivery and the call, as one task per
  delivery: its slot in the chat's queue is taken before its first `await`. Prefetch is the window.
- `accepted(message_id)` is awaited once the message is durable: the moment to reply `command.accepted`. A duplicate of
  a message that was settled earlier is accepted too, with the same id; one of a message in progress waits for it.
- `send` raises a gateway error for what is refused before it was accepted; afterwards only what may be tried again
  (`Unavailable`: hold the delivery and call again) or `StaleEpoch` (the session has another owner: leave the delivery
  unsettled, its queue is being closed).
- Cancelling it is safe at any moment: nothing is settled, and the same delivery, arriving again, goes on with the same
  row and the same WhatsApp id.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel

from gateway_worker.media.prepared import PreparedFile
from gateway_worker.store.records import CausedBy, Fence
from gateway_worker.whatsapp.port import Changes, KeyId
from schemas.content.outgoing_media import MediaSource
from schemas.names import SessionId


class SessionQueues(Protocol):
    """The queues of sessions at the broker. Every call is idempotent and retries until the broker has done it."""

    async def declare(self, session_id: SessionId) -> None:
        """The session's queue exists: commands may be published to it."""
        ...

    async def open(self, session_id: SessionId) -> None:
        """Consume the queue; deliveries come to `ConnectionManager.of(session_id)`."""
        ...

    async def pause(self, session_id: SessionId, *, grace: float = 0) -> None:
        """Stop consuming and keep the queue.

        What runs has `grace` seconds to settle; what is held then goes back in order, and its handlers are cancelled.
        """
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
        caused_by: CausedBy | None = None,
    ) -> None:
        """Publish an event that has no sequence (QR and pairing codes). Returns when confirmed or given up."""
        ...

    def let_go(self, session_id: SessionId) -> None:
        """Another worker owns the session: nothing more of it is told here."""
        ...

    async def flushed(self, session_id: SessionId) -> None:
        """Returns when every outbox event of the session has been published."""
        ...


class Files(Protocol):
    """Where files are made ready."""

    def prepare(self, kind: str, source: MediaSource, *, party: str) -> AbstractAsyncContextManager[PreparedFile]:
        """A file ready to be sent as `kind`, as long as the block runs. See `media.preparing.Preparation.prepare`."""
        ...


CapacityListener = Callable[[bool], None]
"""Called with whether the worker has a free slot, at each change: the fleet's queue opens and closes with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingForm:
    """How an engine keeps its mappings among its keys: see `whatsapp.baileys.identity`.

    Attributes:
        kind: of the keys.
        id_of: the id of the key that says whose a LID (JID) is.
        number_id: the id of the key that says which LID a number (JID) has; as WhatsApp writes that number.
        read: from keys, by id, to LID → PN (JIDs).
    """

    kind: str
    id_of: Callable[[str], str]
    number_id: Callable[[str], str]
    read: Callable[[Mapping[str, bytes]], Mapping[str, str]]

    def among(self, keys: Mapping[KeyId, bytes | None]) -> Mapping[str, str]:
        """The mappings among keys that are just written."""
        found = {key_id: value for (kind, key_id), value in keys.items() if kind == self.kind and value is not None}
        return self.read(found) if found else {}


class SnapshotNotices(Protocol):
    """What sessions tell of their identity, for its snapshot. Nothing here blocks or raises."""

    def changed(self, fence: Fence) -> None:
        """The session's identity, settings or account may have changed."""
        ...

    def stored(self, fence: Fence, changes: Changes) -> None:
        """The engine has stored something that may belong to the identity."""
        ...

    def voided(self) -> None:
        """An identity was destroyed."""
        ...
