"""The data of the events about people: calls, presence, and what changes about them."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.model import Instant, Model
from schemas.names import SessionId


class Caller(Model):
    """Who calls. `phone` is E.164."""

    jid: str
    lid: str | None = None
    phone: str | None = None


class CallReceived(Model):
    """``call.received.v1``: somebody called, or has called while the session was away.

    `group` is the group's JID in a group call; `rejected`: the session declines it (`rejectCalls`).
    """

    session_id: SessionId
    call_id: str
    caller: Annotated[Caller, Field(alias="from")]
    video: bool
    group: str | None = None
    rejected: bool
    timestamp: Instant


class SeenState(StrEnum):
    """What others do: in a chat, or at all."""

    TYPING = "typing"
    RECORDING = "recording"
    PAUSED = "paused"
    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"


class PresenceUpdated(Model):
    """``presence.updated.v1``: what somebody does. `participant` tells who, in groups; `last_seen` where it is shown.

    It has no sequence, is not stored, and may be left out when there are too many: the next one says how things are.
    """

    session_id: SessionId
    chat: str
    participant: str | None = None
    state: SeenState
    last_seen: Instant | None = None
    timestamp: Instant
