"""The data of the commands about groups (contract, section 3): the life cycle of a group. As strict as it says."""

import re
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AfterValidator, ConfigDict, Field, Strict, StringConstraints, model_validator

from schemas.addresses import AddressKind, Jid, Person, jid_of, kind_of, parse_jid
from schemas.content.outgoing_media import MediaSource
from schemas.model import Many, Prose, StrictModel, Visible, exactly_one
from schemas.problems import problem_at

MAX_SUBJECT: Final = 100  # characters
MAX_DESCRIPTION: Final = 2048
MAX_PARTICIPANTS: Final = 1023  # beside the one who makes the group
MAX_GROUPS: Final = 500  # of a page
INVITE_LINK: Final = "https://chat.whatsapp.com/"

_CODE: Final = r"[A-Za-z0-9_-]{8,64}"
_CODE_PATTERN: Final = re.compile(_CODE)
_LINK_PATTERN: Final = re.compile(rf"https?://chat\.whatsapp\.com/(?:invite/)?({_CODE})/?(?:\?[!-~]*)?")


def _group(text: str) -> str:
    if kind_of(parse_jid(text)) is not AddressKind.GROUP:
        raise ValueError("must be the JID of a group")
    return text


def _code(text: str) -> str:
    code_of(text)
    return text


def code_of(text: str) -> str:
    """The code of an invitation, given as it is or as the whole link.

    Raises:
        ValueError: it is neither.
    """
    if (link := _LINK_PATTERN.fullmatch(text)) is not None:
        return str(link[1])
    if not _CODE_PATTERN.fullmatch(text):
        raise ValueError(f"must be the code of an invitation, or its link ({INVITE_LINK}…)")
    return text


GroupIdField = Annotated[
    str,
    StringConstraints(max_length=100),
    AfterValidator(_group),
    Field(json_schema_extra={"pattern": r"^[0-9]{5,32}(-[0-9]{5,32})?@g\.us$"}),
]
"""The JID of a group."""

Subject = Annotated[str, StringConstraints(min_length=1, max_length=MAX_SUBJECT), Visible, Prose]
"""What a group is called."""

People = Annotated[Many[Person], Field(min_length=1, max_length=MAX_PARTICIPANTS, repr=False)]
"""People, by number or JID."""


class ParticipantAction(StrEnum):
    """What is done to people in a group.

    Attributes:
        ADD: take them into the group
        REMOVE: put them out
        PROMOTE: make them admins
        DEMOTE: make them ordinary members
    """

    ADD = "add"
    REMOVE = "remove"
    PROMOTE = "promote"
    DEMOTE = "demote"


class GroupCommand(StrictModel):
    """A command about one group. Abstract.

    Attributes:
        group_id: the JID of the group.
    """

    group_id: GroupIdField = Field(repr=False)


class CreateGroup(StrictModel):
    """``group.create.v1``: make a group. Who cannot be added is told in the result, and does not fail it.

    Attributes:
        subject: what it is to be called.
        participants: who is to be in it: numbers, or JIDs of people.
    """

    subject: Subject = Field(repr=False)
    participants: People

    @property
    def people(self) -> tuple[Jid, ...]:
        """`participants` as JIDs."""
        return tuple(jid_of(person) for person in self.participants)


class DescribeGroup(GroupCommand):
    """``group.describe.v1``: what WhatsApp says of a group that the account is in, participants included."""


class ListGroups(StrictModel):
    """``group.list.v1``: the groups that the account is in, in the order of their ids, from behind `cursor`.

    Attributes:
        limit: at most so many.
    """

    cursor: GroupIdField | None = Field(default=None, repr=False)
    limit: Annotated[int, Field(ge=1, le=MAX_GROUPS)] = 100


class ChangeParticipants(GroupCommand):
    """``group.participants.v1``: add or remove people, make them admins or ordinary members.

    Attributes:
        action: what is to be done.
        participants: to whom: numbers, or JIDs of people.
    """

    action: Annotated[ParticipantAction, Strict(strict=False)]
    participants: People

    @property
    def people(self) -> tuple[Jid, ...]:
        """`participants` as JIDs."""
        return tuple(jid_of(person) for person in self.participants)


def _at_least_one(schema: dict[str, Any]) -> None:
    schema["minProperties"] = 2


class UpdateGroup(GroupCommand):
    """``group.update.v1``: change what is given, at least one.

    An empty `description` removes it; `announcement`: only admins write; `locked`: only admins change these;
    `joinApproval`: who comes by the link is let in by an admin; `membersAdd`: not only admins add people.

    Attributes:
        subject: what it is to be called.
        description: what it is to say about itself; an empty text removes that.
    """

    model_config = ConfigDict(json_schema_extra=_at_least_one)

    subject: Subject | None = Field(default=None, repr=False)
    description: Annotated[str, StringConstraints(max_length=MAX_DESCRIPTION), Prose] | None = Field(
        default=None, repr=False
    )
    announcement: bool | None = None
    locked: bool | None = None
    join_approval: bool | None = None
    members_add: bool | None = None

    @model_validator(mode="after")
    def _something(self) -> "UpdateGroup":
        settings = self.announcement, self.locked, self.join_approval, self.members_add
        if all(each is None for each in (self.subject, self.description, *settings)):
            raise problem_at(
                "subject", "must be given, or description, announcement, locked, joinApproval or membersAdd"
            )
        return self


class SetGroupPicture(GroupCommand):
    """``group.picture.v1``: another picture, or none; ``group.updated`` tells it. For who may change the subject.

    Attributes:
        picture: its picture: cut to a square from the middle, and made as large as WhatsApp's own clients make it.
        remove_picture: it has no picture any more.
    """

    model_config = ConfigDict(json_schema_extra=_at_least_one)

    picture: MediaSource | None = None
    remove_picture: bool = False

    @model_validator(mode="after")
    def _one(self) -> "SetGroupPicture":
        if (self.picture is not None) == self.remove_picture:
            raise problem_at("picture", "or removePicture must be given, not both")
        return self


class RequestAction(StrEnum):
    """What is done about those who ask to come into a group.

    Attributes:
        LIST: say who asks
        APPROVE: let them in
        REJECT: turn them down
    """

    LIST = "list"
    APPROVE = "approve"
    REJECT = "reject"


class GroupRequests(GroupCommand):
    """``group.requests.v1``: who asks to come in, or lets `participants` in, or turns them down. For admins.

    Attributes:
        action: what is to be done.
        participants: with whom: numbers, or JIDs of people; only to approve or reject.
    """

    action: Annotated[RequestAction, Strict(strict=False)] = RequestAction.LIST
    participants: Annotated[Many[Person], Field(max_length=MAX_PARTICIPANTS, repr=False)] = ()

    @property
    def people(self) -> tuple[Jid, ...]:
        """`participants` as JIDs."""
        return tuple(jid_of(person) for person in self.participants)

    @model_validator(mode="after")
    def _named(self) -> "GroupRequests":
        if (self.action is RequestAction.LIST) != (not self.participants):
            raise problem_at("participants", "must be given to approve or reject, and only then")
        return self


class InviteToGroup(GroupCommand):
    """``group.invite.v1``: the code and link by which people join; with `revoke` a new one, and the old one is void.

    Attributes:
        revoke: make a new link; the old one is void then.
    """

    revoke: bool = False


def _one_of_both(schema: dict[str, Any]) -> None:
    schema.update(exactly_one("code", "link"))


Invitation = Annotated[str, StringConstraints(max_length=256), AfterValidator(_code)]
"""The code of an invitation, or its whole link."""


class JoinGroup(StrictModel):
    """``group.join.v1``: come in by an invitation: its `code` or its `link`.

    Attributes:
        code: the code of the invitation, or `link`.
        link: the whole link of the invitation, or `code`.
    """

    model_config = ConfigDict(json_schema_extra=_one_of_both)

    code: Invitation | None = Field(default=None, repr=False)
    link: Invitation | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _one(self) -> "JoinGroup":
        if (self.code is None) == (self.link is None):
            raise problem_at("code", "or link must be given, not both")
        return self

    @property
    def invitation(self) -> str:
        """The bare code."""
        return code_of(self.code or self.link or "")


class LeaveGroup(GroupCommand):
    """``group.leave.v1``: leave a group."""
