"""The phone's history."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gateway_worker.store.operations.operation import Operation, Touched
from gateway_worker.store.records import Json, Status
from schemas.names import MessageId


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoricMessage:
    """A message from before the device was linked, or what was done to one.

    Attributes:
        chats, senders, entry: as in `ReceiveMessage`.
        status: received; of one of ours what the phone knows.
        at: WhatsApp's time.
        about: the earlier message that it changes, if it does.
        created_at: its place among the messages of its chat; within the second of `at`.
        opened: as in `ReceiveMessage`, but for the telling.
    """

    message_id: MessageId
    chat: str
    sender: str
    from_me: bool
    kind: str
    content: Json = field(repr=False)
    status: Status
    at: datetime
    created_at: datetime
    chats: frozenset[str] = frozenset()
    senders: frozenset[str] = frozenset()
    entry: tuple[str, str] | None = None
    expires_at: datetime | None = None
    about: MessageId | None = None
    opened: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreHistory(Operation[None]):
    """Keep messages of the past, each once; one that is stored already stays as it is. No event tells of them."""

    messages: Sequence[HistoricMessage]

    @property
    def weight(self) -> int:  # noqa: D102 (as its parent's)
        return len(self.messages)

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("message", message.message_id) for message in self.messages]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishHistory(Operation[bool]):
    """A part of the history is stored: its stanza is no longer unprocessed, which the event tells. False: it was.

    Attributes:
        message_ids: of the stanza that brought the part.
        event_type, event: the event and its data.
    """

    message_ids: Sequence[str]
    event_type: str
    event: Json = field(repr=False)

    @property
    def weight(self) -> int:  # noqa: D102 (as its parent's)
        return len(self.message_ids)

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("entry", message_id) for message_id in self.message_ids]
