"""The data of the events about groups: what WhatsApp tells the session of the groups that its account is in."""

from collections.abc import Sequence
from enum import StrEnum

from schemas.content.groups import GroupPerson
from schemas.model import Instant, Model
from schemas.names import SessionId


class GroupAuthor(GroupPerson):
    """Who did it."""

    push_name: str | None = None


class PictureChange(StrEnum):
    """What became of a picture."""

    CHANGED = "changed"
    REMOVED = "removed"


class GroupUpdated(Model):
    """``group.updated.v1``: a group changed; what changed is there, as it is now.

    `description` is empty when it was removed, `disappearingSeconds` 0 when messages stay; `inviteCode` is the new code
    of a link that was revoked. `whatsappType` names a change that has no word here.
    """

    session_id: SessionId
    group_id: str
    by: GroupAuthor | None = None
    timestamp: Instant
    subject: str | None = None
    description: str | None = None
    announcement: bool | None = None
    locked: bool | None = None
    join_approval: bool | None = None
    members_add: bool | None = None
    disappearing_seconds: int | None = None
    picture: PictureChange | None = None
    invite_code: str | None = None
    whatsapp_type: str | None = None


class PeopleChange(StrEnum):
    """What happened to people in a group."""

    ADD = "add"
    REMOVE = "remove"
    PROMOTE = "promote"
    DEMOTE = "demote"
    JOIN = "join"  # by a link
    LEAVE = "leave"
    MODIFY = "modify"  # has another number
    REQUEST = "request"  # asks to come in
    WITHDRAW = "withdraw"  # asks no longer
    REJECT = "reject"  # was turned down


class GroupParticipantsChanged(Model):
    """``group.participants.v1``: people came, went, have another role or number, or ask to come in (admins are told).

    `previous` is who somebody was before, with another number; `method` how somebody asks, in WhatsApp's word.
    `includesMe`: the session's own account is among them. When it comes into a group, `participants` may be all who are
    in it, and `subject` is what it is called.
    """

    session_id: SessionId
    group_id: str
    action: PeopleChange
    participants: Sequence[GroupPerson]
    includes_me: bool
    by: GroupAuthor | None = None
    subject: str | None = None
    previous: GroupPerson | None = None
    method: str | None = None
    timestamp: Instant
