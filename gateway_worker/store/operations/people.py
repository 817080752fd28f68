"""Who is who, and what is known of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway_worker.store.operations.contacts import Contact
from gateway_worker.store.operations.operation import Operation, Touched


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinChats(Operation[None]):
    """What was stored as the chat of one name of a person belongs to the chat of the other from now on.

    `chats` is LID → PN, or a number as it was written → as WhatsApp writes it.
    """

    chats: Mapping[str, str] = field(repr=False)

    @property
    def weight(self) -> int:  # noqa: D102 (as its parent's)
        return len(self.chats)

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("chats",)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnContacts(Operation[int]):
    """Keep what is told of people; answers how many events tell that it is new.

    Attributes:
        contacts: in the order in which it was told.
        from_before: see `contacts.learn`.
    """

    contacts: Sequence[Contact]
    from_before: bool = False

    @property
    def weight(self) -> int:  # noqa: D102 (as its parent's)
        return len(self.contacts)
