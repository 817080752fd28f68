"""The commands about groups, as methods. `group` is the group's JID, people are E.164 numbers or JIDs."""

from collections.abc import Sequence
from typing import Any, Unpack

from gateway_worker.client.asking import Asking
from gateway_worker.client.commands import CommandOptions, valid
from gateway_worker.client.replies import Accepted
from schemas.commands.groups import (
    ChangeParticipants,
    CreateGroup,
    DescribeGroup,
    GroupRequests,
    InviteToGroup,
    JoinGroup,
    LeaveGroup,
    ListGroups,
    ParticipantAction,
    RequestAction,
    SetGroupPicture,
    UpdateGroup,
)
from schemas.content.groups import (
    GroupCreated,
    GroupDescription,
    GroupInvite,
    GroupJoined,
    GroupPage,
    GroupRequestsAnswered,
    ParticipantsChanged,
)


class GroupCalls(Asking):
    """Mixed into `Gateway`."""

    async def create_group(
        self, session: str, subject: str, people: Sequence[str], **options: Unpack[CommandOptions]
    ) -> GroupCreated:
        """Make a group. Never repeated by itself: ``command.outcome_unknown`` where a crash came between."""
        question = valid(CreateGroup, {"subject": subject, "participants": tuple(people)})
        return await self.query(session, question, GroupCreated, **options)

    async def describe_group(self, session: str, group: str, **options: Unpack[CommandOptions]) -> GroupDescription:
        """What WhatsApp says of a group, its participants included."""
        return await self.query(session, valid(DescribeGroup, {"group_id": group}), GroupDescription, **options)

    async def list_groups(
        self,
        session: str,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        **options: Unpack[CommandOptions],
    ) -> GroupPage:
        """The groups that the account is in, a page at a time: from behind `cursor`."""
        return await self.query(session, valid(ListGroups, {"cursor": cursor, "limit": limit}), GroupPage, **options)

    async def change_participants(
        self,
        session: str,
        group: str,
        action: ParticipantAction,
        people: Sequence[str],
        **options: Unpack[CommandOptions],
    ) -> ParticipantsChanged:
        """Add or remove people, make them admins or ordinary members; the result says what became of each."""
        question = valid(ChangeParticipants, {"group_id": group, "action": action, "participants": tuple(people)})
        return await self.query(session, question, ParticipantsChanged, **options)

    async def update_group(
        self,
        session: str,
        group: str,
        *,
        subject: str | None = None,
        description: str | None = None,
        announcement: bool | None = None,
        locked: bool | None = None,
        join_approval: bool | None = None,
        members_add: bool | None = None,
        **options: Unpack[CommandOptions],
    ) -> Accepted:
        """Change what is given, at least one; an empty description removes it."""
        fields = {
            "group_id": group,
            "subject": subject,
            "description": description,
            "announcement": announcement,
            "locked": locked,
            "join_approval": join_approval,
            "members_add": members_add,
        }
        return await self.order(session, valid(UpdateGroup, fields), **options)

    async def set_group_picture(
        self, session: str, group: str, picture: dict[str, Any] | None, **options: Unpack[CommandOptions]
    ) -> Accepted:
        """Another picture (``{"url": …}``, ``{"object": …}``), or none."""
        fields = {"group_id": group, "picture": picture, "remove_picture": picture is None}
        return await self.order(session, valid(SetGroupPicture, fields), **options)

    async def group_requests(
        self,
        session: str,
        group: str,
        action: RequestAction = RequestAction.LIST,
        people: Sequence[str] = (),
        **options: Unpack[CommandOptions],
    ) -> GroupRequestsAnswered:
        """Who asks to come in; or let people in, or turn them down."""
        question = valid(GroupRequests, {"group_id": group, "action": action, "participants": tuple(people)})
        return await self.query(session, question, GroupRequestsAnswered, **options)

    async def invite_to_group(
        self, session: str, group: str, *, revoke: bool = False, **options: Unpack[CommandOptions]
    ) -> GroupInvite:
        """The link by which people join; with `revoke` a new one, and the old one is void."""
        question = valid(InviteToGroup, {"group_id": group, "revoke": revoke})
        return await self.query(session, question, GroupInvite, **options)

    async def join_group(self, session: str, invitation: str, **options: Unpack[CommandOptions]) -> GroupJoined:
        """Come in by an invitation: its code or its link."""
        name = "link" if "://" in invitation else "code"
        return await self.query(session, valid(JoinGroup, {name: invitation}), GroupJoined, **options)

    async def leave_group(self, session: str, group: str, **options: Unpack[CommandOptions]) -> Accepted:
        """Leave a group."""
        return await self.order(session, valid(LeaveGroup, {"group_id": group}), **options)
