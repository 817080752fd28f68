"""The data of the event that tells how far the phone's history is stored."""

from typing import Annotated

from pydantic import Field

from schemas.model import Instant, Model
from schemas.names import SessionId


class HistorySynced(Model):
    """``history.synced.v1``: a part of the phone's history is stored and can be asked for (``message.history.v1``).

    `progress` is the phone's own estimate in percent; `chats`, `messages` and `contacts` (people whose names came: no
    ``contact.updated.v1`` tells these) are those of this part; `is_last`: the phone has given all it was asked for.

    Attributes:
        progress: the phone's own estimate, in percent.
        chats: how many chats this part had.
        messages: how many messages of this part are stored.
        contacts: how many people's names came; no ``contact.updated.v1`` tells these.
        is_last: the phone has given all that it was asked for.
    """

    session_id: SessionId
    progress: Annotated[int, Field(ge=0, le=100)]
    chats: int
    messages: int
    contacts: int = 0
    is_last: bool
    timestamp: Instant
