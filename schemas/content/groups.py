"""What the commands about groups answer: the `result` of a ``command.result.v1`` (contract, 3)."""

from collections.abc import Sequence
from enum import StrEnum

from schemas.model import Instant, Model


class GroupRole(StrEnum):
    """What somebody is in a group.

    Attributes:
        MEMBER: an ordinary member
        ADMIN: an admin
        SUPERADMIN: who made the group
    """

    MEMBER = "member"
    ADMIN = "admin"
    SUPERADMIN = "superadmin"


class Outcome(StrEnum):
    """What became of one participant.

    Attributes:
        DONE: it is done
        UNCHANGED: it was so already: added who is in it, removed who is not
        NEEDS_INVITE: the person's privacy settings: send the group's link instead
        NOT_FOUND: not on WhatsApp, or (promote, demote) not in the group
        REFUSED: anything else; WhatsApp's code says what
    """

    DONE = "done"
    UNCHANGED = "unchanged"
    NEEDS_INVITE = "needs_invite"
    NOT_FOUND = "not_found"
    REFUSED = "refused"


class ParticipantOutcome(Model):
    """What became of one `participant`, written as in the command; `whatsappCode` is WhatsApp's own, 200 if done.

    Attributes:
        participant: who, as the command wrote it.
        outcome: what became of it.
        whatsapp_code: WhatsApp's own code, 200 if done.
    """

    participant: str
    jid: str | None = None
    outcome: Outcome
    whatsapp_code: str


class GroupPerson(Model):
    """Somebody. `jid` is the number's where it is known, else the LID; `phone` is E.164."""

    jid: str
    lid: str | None = None
    phone: str | None = None


class GroupParticipant(GroupPerson):
    """Somebody in a group.

    Attributes:
        role: what the person is in the group.
    """

    role: GroupRole


class GroupCreated(Model):
    """``group.create.v1``: the group is there. `participants` tells of each who was to be in it.

    Attributes:
        subject: what it is called.
        participants: what became of each who was to be in it.
    """

    group_id: str
    subject: str
    participants: Sequence[ParticipantOutcome]


class GroupSummary(Model):
    """A group in a list. `announcement`: only admins write; `locked`: only admins change subject and description.

    `joinApproval`: who comes by the link is let in by an admin; `membersAdd`: not only admins add people.

    `role` is what the session's own account is in it; `disappearingSeconds` is missing where messages stay.

    Attributes:
        subject: what it is called.
        description: what it says about itself.
        owner: who made it, where WhatsApp says it.
        created_at: when it was made.
        size: how many are in it.
        disappearing_seconds: new messages disappear after so long; missing: they stay.
        role: what the session's own account is in it.
    """

    group_id: str
    subject: str
    description: str | None = None
    owner: GroupPerson | None = None
    created_at: Instant | None = None
    size: int
    announcement: bool
    locked: bool
    join_approval: bool | None = None
    members_add: bool | None = None
    disappearing_seconds: int | None = None
    role: GroupRole | None = None


class GroupDescription(GroupSummary):
    """``group.describe.v1``: a group with everybody in it.

    Attributes:
        participants: who is in it.
    """

    participants: Sequence[GroupParticipant]


class GroupPage(Model):
    """``group.list.v1``: `cursor` is there when there are more.

    Attributes:
        groups: in the order of their ids.
    """

    groups: Sequence[GroupSummary]
    cursor: str | None = None


class ParticipantsChanged(Model):
    """``group.participants.v1``: what became of each.

    Attributes:
        participants: what became of each.
    """

    group_id: str
    participants: Sequence[ParticipantOutcome]


class GroupInvite(Model):
    """``group.invite.v1``: whoever has the link may join.

    Attributes:
        code: the code of the link.
        link: by which people join.
    """

    group_id: str
    code: str
    link: str


class GroupJoined(Model):
    """``group.join.v1``: `pending`: an admin has to let the account in first.

    Attributes:
        pending: an admin has to let the account in first.
    """

    group_id: str
    pending: bool = False


class JoinRequest(GroupPerson):
    """Somebody who asks to come in; `method` is WhatsApp's word for how, ``invite_link`` for instance.

    Attributes:
        method: how, in WhatsApp's word, `invite_link` for instance.
        requested_at: since when.
    """

    method: str | None = None
    requested_at: Instant | None = None


class GroupRequestsAnswered(Model):
    """``group.requests.v1``: `requests` when they were listed, else what became of each of the `participants`.

    Attributes:
        requests: who asks, when they were listed.
        participants: what became of each, when they were approved or rejected.
    """

    group_id: str
    requests: Sequence[JoinRequest] | None = None
    participants: Sequence[ParticipantOutcome] | None = None
