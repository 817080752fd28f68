"""Labels, and on what they are."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway_worker.store.operations.operation import Operation, Touched
from schemas.names import MessageId

MAX_LABELS: Final = 1_000
"""Of a session that are looked at, those that were deleted too; WhatsApp offers some dozens at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLabel(Operation[bool]):
    """Keep a label, or that there is no such one any more; answers whether that is another than before.

    Attributes:
        name: None: it was deleted.
        at: when it was done.
        from_before: it was so before this device was linked: to be known, and not to be told.
    """

    label_id: str
    name: str | None = field(repr=False)
    color: int = 0
    at: datetime
    from_before: bool = False

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("labels",)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelStoredMessage(Operation[bool]):
    """Put a label on a message, or take it off; answers whether it is another than before. Fields as in `SetStar`."""

    message_id: MessageId
    chat: str
    names: frozenset[str] = frozenset()
    from_me: bool
    label_id: str
    on: bool
    at: datetime
    from_before: bool = False

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("message", self.message_id)]


def with_label(labels: str, label_id: str, *, on: bool) -> str:
    """Ids of labels as they are kept, with one more or less: their numbers, and commas between them."""
    others = [each for each in labels.split(",") if each and each != label_id]
    return ",".join([*others, label_id] if on else others)


def all_labels(kept: Iterable[str]) -> str:
    """What is kept of several, as one."""
    return ",".join(dict.fromkeys(each for labels in kept for each in labels.split(",") if each))
