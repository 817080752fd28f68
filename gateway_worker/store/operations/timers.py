"""After how many seconds the messages of chats go."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatTimer:
    """The timer of a chat, as somebody told it.

    Attributes:
        chat: by the name under which it is kept.
        names: all its names that are known.
        seconds: 0: messages stay.
        changed_at: when it was set, by WhatsApp's clock.
        event: the data of the event that tells it.
    """

    chat: str
    names: frozenset[str] = frozenset()
    seconds: int
    changed_at: datetime
    event: Json = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTimers(Operation[int]):
    """Keep timers, in order, and tell each that is another than before; answers how many are.

    What was set before the one that is kept changes nothing; a chat that has none is one where messages stay.
    """

    timers: Sequence[ChatTimer]
    event_type: str

    @property
    def weight(self) -> int:  # noqa: D102 (as its parent's)
        return len(self.timers)
