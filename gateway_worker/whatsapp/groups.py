"""Groups, as the port speaks of them. Pure types, no I/O. JIDs are without a device number."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Rank(StrEnum):
    """What somebody is in a group."""

    MEMBER = "member"
    ADMIN = "admin"
    SUPERADMIN = "superadmin"


class PeopleAction(StrEnum):
    """What is done to people in a group."""

    ADD = "add"
    REMOVE = "remove"
    PROMOTE = "promote"
    DEMOTE = "demote"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMember:
    """Somebody in a group, in both addressings as far as they are known; `phone` E.164 with ``+``."""

    jid: str
    lid: str | None = None
    phone: str | None = None
    rank: Rank = Rank.MEMBER


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group as WhatsApp describes it.

    Attributes:
        created: Unix seconds, None where WhatsApp does not say.
        announcement: only admins write.
        locked: only admins change subject and description.
        join_approval: who comes by the link is let in by an admin.
        members_add: not only admins add people.
        disappearing: after how many seconds messages go; None: they stay.
        rank: our own.
        members: everybody; empty in a list of groups.
    """

    group_id: str
    subject: str
    description: str | None
    owner: GroupMember | None
    created: int | None
    size: int
    announcement: bool
    locked: bool
    disappearing: int | None
    rank: Rank | None
    join_approval: bool = False
    members_add: bool = False
    members: Sequence[GroupMember] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberOutcome:
    """What became of one person. `asked`: the JID as given; `code`: WhatsApp's own, ``"200"`` when it was done."""

    asked: str
    jid: str | None
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGroup:
    """A group that was made."""

    group_id: str
    members: Sequence[MemberOutcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Somebody who asks to come in: how, in WhatsApp's word, and since when (Unix seconds)."""

    person: GroupMember
    method: str | None = None
    since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """A group that was joined by its code; `pending`: an admin has to agree first."""

    group_id: str
    pending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MembersChanged:
    """People came, went, or have another rank.

    Attributes:
        action: ``add``, ``remove``, ``promote``, ``demote``, ``join`` (by a link), ``leave``, ``modify`` (another
            number), ``request`` (asks to come in), ``withdraw`` or ``reject`` (asks no longer).
        includes_me: the account itself is among them.
        subject: what the group is called, where the account came into it.
        previous: who somebody was before, with another number.
        method: how somebody asks to come in, in WhatsApp's word.
    """

    action: str
    people: Sequence[GroupMember]
    includes_me: bool
    subject: str | None = None
    previous: GroupMember | None = None
    method: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChanged:
    """A group is as these say now; None: not told. `picture` is ``changed`` or ``removed``."""

    subject: str | None = None
    description: str | None = None
    announcement: bool | None = None
    locked: bool | None = None
    join_approval: bool | None = None
    members_add: bool | None = None
    disappearing: int | None = None
    picture: str | None = None
    invite_code: str | None = None
    whatsapp_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupNotification:
    """A notification about a group. WhatsApp delivers it again, under its id, until it is acknowledged.

    `by` did it; `timestamp` in Unix seconds.
    """

    notification_id: str
    group_id: str
    by: GroupMember | None
    push_name: str | None
    timestamp: int
    changes: Sequence[MembersChanged | GroupChanged]


class Groups(Protocol):
    """What one connection can do with groups.

    Every call raises `NotConnected` once the connection is over, `Refused` with WhatsApp's code, `OutcomeUnknown` when
    no answer came. All but `create` may be repeated.
    """

    async def create(self, subject: str, people: Sequence[str]) -> NewGroup:
        """Make a group of these JIDs.

        Raises:
            RecipientUnknown: nobody of them is on WhatsApp; nothing was made.
            OutcomeUnknown: it may have been made.
        """
        ...

    async def describe(self, group_id: str) -> Group:
        """A group with its members."""
        ...

    async def list(self) -> Sequence[Group]:
        """All groups that the account is in."""
        ...

    async def change_people(
        self, group_id: str, action: PeopleAction, people: Sequence[str]
    ) -> Sequence[MemberOutcome]:
        """Add, remove, promote or demote; what became of each, in the order given."""
        ...

    async def set_subject(self, group_id: str, subject: str) -> None:
        """Give it another name."""
        ...

    async def set_description(self, group_id: str, description: str) -> None:
        """Give it another description; none when it is empty."""
        ...

    async def set_announcement(self, group_id: str, *, on: bool) -> None:
        """Let only admins write, or everybody."""
        ...

    async def set_locked(self, group_id: str, *, on: bool) -> None:
        """Let only admins change subject and description, or everybody."""
        ...

    async def set_disappearing(self, group_id: str, seconds: int) -> None:
        """Have new messages disappear after so many seconds; 0: they stay."""
        ...

    async def set_join_approval(self, group_id: str, *, on: bool) -> None:
        """Have an admin let in who comes by the link, or nobody."""
        ...

    async def set_members_add(self, group_id: str, *, on: bool) -> None:
        """Let everybody add people, or only admins."""
        ...

    async def requests(self, group_id: str) -> Sequence[Asking]:
        """Who asks to come in."""
        ...

    async def answer_requests(self, group_id: str, people: Sequence[str], *, approve: bool) -> Sequence[MemberOutcome]:
        """Let them in or turn them down; what became of each, in the order given."""
        ...

    async def invite(self, group_id: str, *, revoke: bool) -> str:
        """The code of its link; with `revoke` a new one."""
        ...

    async def join(self, code: str) -> Joining:
        """Come in by a code."""
        ...

    async def leave(self, group_id: str) -> None:
        """Leave it."""
        ...
