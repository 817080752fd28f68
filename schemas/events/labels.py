"""The data of the event about labels."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.model import MAX_ATTRIBUTE, Instant, Model
from schemas.names import MessageId, SessionId


class LabelChange(StrEnum):
    """What became of a label.

    Attributes:
        CREATED: it is new
        CHANGED: it is called otherwise, or has another colour
        DELETED: there is no such label any more
        ADDED: it is on a chat or message now
        REMOVED: it is on that no longer
    """

    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"
    ADDED = "added"
    REMOVED = "removed"


class LabelUpdated(Model):
    """``label.updated.v1``: a label is another than before, or is on a chat or message, or no longer.

    Whichever of the account's devices did it.

    Attributes:
        label_id: WhatsApp's id of it.
        change: what became of it.
        name: what it is called; of one that is new or changed.
        color: the number of its colour in WhatsApp's palette; likewise.
        chat: on which chat, or the chat of the message.
        message_id: on which message; missing: on the chat as a whole.
    """

    session_id: SessionId
    label_id: str
    change: LabelChange
    name: Annotated[str, Field(max_length=MAX_ATTRIBUTE)] | None = None
    color: int | None = None
    chat: str | None = None
    message_id: MessageId | None = None
    timestamp: Instant
