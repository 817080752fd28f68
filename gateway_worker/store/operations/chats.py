"""Chats as a whole, and what of them this account alone does: archive, pin, mute, read, star, delete for itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway_worker.store.operations.operation import Operation, Touched
from schemas.names import MessageId

FOR_EVER: Final = -1
"""`muted_until` of a chat that is muted until somebody says otherwise; 0: it is not muted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTo:
    """Up to where a chat was read: up to the newest of these messages, or to a time; neither: all of it."""

    message_ids: Sequence[str] = ()
    through: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatChange:
    """What is another than before about a chat; None: as it was.

    Attributes:
        chat: by the name under which it is kept; `names` are all that are known.
        told_as: by which of them the app state names it.
        muted_until: Unix milliseconds, `FOR_EVER` or 0.
        marked_unread: somebody has marked it so, whatever was read.
        read: messages of it were read, on whichever device.
        label: a label (its id) is on it, or no longer.
        at: when it was done.
    """

    chat: str
    names: frozenset[str] = frozenset()
    told_as: str | None = None
    archived: bool | None = None
    pinned: bool | None = None
    muted_until: int | None = None
    marked_unread: bool | None = None
    read: ReadTo | None = None
    label: tuple[str, bool] | None = None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateChats(Operation[int]):
    """Keep changes of chats, in order, and tell what is another than before; answers how many were told.

    `from_before`: they were so before this device was linked: to be known, and not to be told.
    """

    changes: Sequence[ChatChange] = field(repr=False)
    from_before: bool = False

    @property
    def weight(self) -> int:  # noqa: D102 (as its parent's)
        return len(self.changes)

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("chats",)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStar(Operation[bool]):
    """Star a message, or no longer; answers whether it is another than before. One that is not stored is not starred.

    Attributes:
        chat: by the name under which it is kept; `names` are all that are known.
        from_me: whether this account wrote it.
        at: when it was done.
    """

    message_id: MessageId
    chat: str
    names: frozenset[str] = frozenset()
    from_me: bool
    starred: bool
    at: datetime
    from_before: bool = False

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("message", self.message_id)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DropMessage(Operation[bool]):
    """Delete a message for this account alone; answers whether it was there. Its fields are as in `SetStar`."""

    message_id: MessageId
    chat: str
    names: frozenset[str] = frozenset()
    from_me: bool
    at: datetime
    from_before: bool = False

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("message", self.message_id), ("chats",)]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyChat(Operation[bool]):
    """Delete the messages of a chat for this account alone, maybe with the chat; answers whether it is told.

    Attributes:
        chat: by the name under which it is kept; `names` are all that are known.
        through: what came later stays; None: nothing does.
        spares_starred: starred messages stay.
        with_chat: the chat goes too, unless something came later.
        at: when it was done.
    """

    chat: str
    names: frozenset[str] = frozenset()
    through: datetime | None = None
    spares_starred: bool = False
    with_chat: bool = False
    at: datetime
    from_before: bool = False

    alone = True  # a chat may have very many messages

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("chats",)]
