"""The app state: what the account's owner does on any device, for all of them to know. Pure.

The same words are used for what a device has done and for what this one is to do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class StateKind(StrEnum):
    """What is changed. `on` says which way."""

    ARCHIVED = "archived"  # a chat
    PINNED = "pinned"  # a chat
    MUTED = "muted"  # a chat, `until` a time or for ever
    READ = "read"  # a chat; not on: it is marked unread
    STARRED = "starred"  # a message
    MESSAGE_DELETED = "message_deleted"  # a message, for this account alone
    CLEARED = "cleared"  # all messages of a chat; on: the starred ones too
    CHAT_DELETED = "chat_deleted"  # a chat, with its messages
    LABEL = "label"  # a label, of no chat; not on: it was deleted
    CHAT_LABEL = "chat_label"  # a label is on a chat
    MESSAGE_LABEL = "message_label"  # a label is on a message
    OWN_NAME = "own_name"  # what the account calls itself: `name`, of no chat
    CONTACT = "contact"  # what a person is called on the phone; an empty name: saved no longer


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMessage:
    """A message in the app state.

    Attributes:
        participant: who wrote it, in a group, where that is not this account.
        timestamp: Unix seconds; 0 where it is not said.
    """

    message_id: str
    from_me: bool
    participant: str | None = None
    timestamp: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """One change.

    Attributes:
        chat: its JID, or the person's.
        until: Unix milliseconds of a chat that is muted; None: for ever.
        message: the message that is meant; of a chat as a whole, to be written: its last one.
        name: of a contact, a label, or the account's own; lid: of a contact.
        label: of which label; color: its colour.
        through: what came later than that is not meant, Unix seconds; None: it is not said.
        timestamp: when it was done, by the clock of whichever device; Unix seconds.
    """

    kind: StateKind
    chat: str
    on: bool = True
    until: int | None = None
    message: StateMessage | None = None
    name: str | None = field(default=None, repr=False)
    lid: str | None = None
    label: str | None = None
    color: int | None = None
    through: int | None = None
    timestamp: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChanges:
    """Changes in the order in which they were made. `from_before`: they were so before this device was linked."""

    changes: Sequence[StateChange]
    from_before: bool = False
