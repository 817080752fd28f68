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

    Attributes:
        by: who changed it, where WhatsApp says it.
        subject: what the group is called now.
        description: what it says about itself now; empty: that was removed.
        disappearing_seconds: new messages disappear after so long, 0: they stay.
        picture: what became of its picture.
        invite_code: the new code of its link; the old one is void.
        whatsapp_type: a change that has no word here, in WhatsApp's.
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
    """What happened to people in a group.

    Attributes:
        ADD: were added
        REMOVE: were removed
        PROMOTE: are admins now
        DEMOTE: are admins no longer
        JOIN: came in by a link
        LEAVE: left
        MODIFY: have another number
        REQUEST: ask to come in
        WITHDRAW: ask no longer
        REJECT: were turned down
    """

    ADD = "add"
    REMOVE = "remove"
    PROMOTE = "promote"
    DEMOTE = "demote"
    JOIN = "join"
    LEAVE = "leave"
    MODIFY = "modify"
    REQUEST = "request"
    WITHDRAW = "withdraw"
    REJECT = "reject"


class GroupParticipantsChanged(Model):
    """``group.participants.v1``: people came, went, have another role or number, or ask to come in (admins are told).

    `previous` is who somebody was before, with another number; `method` how somebody asks, in WhatsApp's word.
    `includesMe`: the session's own account is among them. When it comes into a group, `participants` may be all who are
    in it, and `subject` is what it is called.

    Attributes:
        action: what happened.
        participants: to whom.
        includes_me: the session's own account is among them.
        by: who did it, where WhatsApp says it.
        subject: what the group is called, when the account comes into it.
        previous: who somebody was before, with another number.
        method: how somebody asks to come in, in WhatsApp's word.
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
