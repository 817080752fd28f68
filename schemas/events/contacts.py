"""The data of the events about people: calls, presence, and what changes about them."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from schemas.events.groups import PictureChange
from schemas.model import MAX_ATTRIBUTE, Instant, Model
from schemas.names import SessionId

MAX_ABOUT: Final = 1_024  # characters; WhatsApp's own clients allow 139


class Caller(Model):
    """Who calls. `phone` is E.164."""

    jid: str
    lid: str | None = None
    phone: str | None = None


class CallReceived(Model):
    """``call.received.v1``: somebody called, or has called while the session was away.

    `group` is the group's JID in a group call; `rejected`: the session declines it (`rejectCalls`).

    Attributes:
        call_id: WhatsApp's id of the call.
        caller: who calls.
        video: a video call; otherwise one of voice alone.
        group: the group's JID, in a group call.
        rejected: the session declined it (`rejectCalls`).
    """

    session_id: SessionId
    call_id: str
    caller: Annotated[Caller, Field(alias="from")]
    video: bool
    group: str | None = None
    rejected: bool
    timestamp: Instant


class CallOutcome(StrEnum):
    """How a call ended.

    Attributes:
        MISSED: nobody took it
        REJECTED: it was declined, on whichever device
        ANSWERED: somebody took it, on another device
    """

    MISSED = "missed"
    REJECTED = "rejected"
    ANSWERED = "answered"


class CallEnded(Model):
    """``call.ended.v1``: a call rings no longer. One that was taken on the phone may go on there.

    Attributes:
        call_id: WhatsApp's id of the call.
        caller: who called.
        group: the group's JID, in a group call.
        outcome: how it ended.
        missed: nobody took it.
        seconds: how long people talked, where WhatsApp says it.
    """

    session_id: SessionId
    call_id: str
    caller: Annotated[Caller, Field(alias="from")]
    group: str | None = None
    outcome: CallOutcome
    missed: bool
    seconds: int | None = None
    timestamp: Instant


class SeenState(StrEnum):
    """What others do: in a chat, or at all.

    Attributes:
        TYPING: writes a text
        RECORDING: records a voice message
        PAUSED: writes or records no longer
        AVAILABLE: is there
        UNAVAILABLE: is not there any more
    """

    TYPING = "typing"
    RECORDING = "recording"
    PAUSED = "paused"
    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"


class PresenceUpdated(Model):
    """``presence.updated.v1``: what somebody does. `participant` tells who, in groups; `last_seen` where it is shown.

    It has no sequence, is not stored, and may be left out when there are too many: the next one says how things are.

    Attributes:
        participant: who does it, in a group.
        state: what is done.
        last_seen: when the person was last there, where that is shown.
    """

    session_id: SessionId
    chat: str
    participant: str | None = None
    state: SeenState
    last_seen: Instant | None = None
    timestamp: Instant


class ContactChange(StrEnum):
    """What changed about a contact: the key of the event that tells of it."""

    PUSH_NAME = "pushName"
    SAVED_NAME = "savedName"
    VERIFIED_NAME = "verifiedName"
    ABOUT = "about"
    PICTURE = "picture"
    LID = "lid"
    PHONE = "phone"


Name = Annotated[str, Field(max_length=MAX_ATTRIBUTE)]


class ContactUpdated(Model):
    """``contact.updated.v1``: something about a person is new to the session; `changed` says what.

    All that is known is there, as it is now: what is in `changed` and missing is gone. `pushName` is what people call
    themselves, `savedName` what the account's owner calls them, `verifiedName` a business's. `picture` is there only
    when it changed (``contact.picture.v1`` gets it). `jid` is the number's, where that is known, else the LID.

    Attributes:
        push_name: what the person calls itself.
        saved_name: what the account's owner calls the person.
        verified_name: what a business is called, as WhatsApp has verified it.
        about: the person's own line about itself.
        picture: what became of the picture; ``contact.picture.v1`` gets it.
        changed: what is new.
    """

    session_id: SessionId
    jid: str
    lid: str | None = None
    phone: str | None = None
    push_name: Name | None = None
    saved_name: Name | None = None
    verified_name: Name | None = None
    about: Annotated[str, Field(max_length=MAX_ABOUT)] | None = None
    picture: PictureChange | None = None
    changed: Sequence[ContactChange]
    timestamp: Instant


class ContactBlocked(Model):
    """``contact.blocked.v1``: the account has blocked a person, or no longer, on whichever device.

    `jid` is the number's, where that is known, else the LID. ``contact.blocked.v1`` as a command lists all of them.

    Attributes:
        blocked: it is blocked from now on; false: no longer.
    """

    session_id: SessionId
    jid: str
    lid: str | None = None
    phone: str | None = None
    blocked: bool
    timestamp: Instant


class ProfileChange(StrEnum):
    """What changed about the account itself: the key of the event that tells of it."""

    PUSH_NAME = "pushName"
    ABOUT = "about"
    PICTURE = "picture"


class ProfileUpdated(Model):
    """``profile.updated.v1``: the session's own account changed, or is known only now; `changed` says what.

    `pushName` is what the account calls itself. The phone tells it to a newly linked session; where that takes longer
    than a moment, ``session.status.v1`` `connected` comes without it, and this event follows. ``session.describe.v1``
    shows it. What is in `changed` stands beside it, as it is now; a missing `about` is gone.

    Attributes:
        push_name: what the account calls itself.
        about: the status text.
        picture: what became of the picture; ``profile.describe.v1`` gets it.
        changed: what is new.
    """

    session_id: SessionId
    push_name: Name | None = None
    about: Annotated[str, Field(max_length=MAX_ABOUT)] | None = None
    picture: PictureChange | None = None
    changed: Sequence[ProfileChange]
    timestamp: Instant
