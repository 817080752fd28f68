"""What each command about groups does, one sentence each."""

from collections.abc import Mapping

from consumers.dispatch import Handler
from consumers.ports import Groups, Manager
from consumers.replies import Reply, accepted, result
from schemas.commands.commands import Command
from schemas.commands.groups import (
    ChangeParticipants,
    CreateGroup,
    DescribeGroup,
    GroupRequests,
    InviteToGroup,
    JoinGroup,
    LeaveGroup,
    ListGroups,
    UpdateGroup,
)
from schemas.model import StrictModel


class GroupHandlers:
    """The handlers of groups, by the command's type."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def table(self) -> Mapping[str, Handler]:
        """Type → handler."""
        return {
            "group.create.v1": self.create,
            "group.describe.v1": self.describe,
            "group.list.v1": self.list,
            "group.participants.v1": self.change_participants,
            "group.update.v1": self.update,
            "group.requests.v1": self.requests,
            "group.invite.v1": self.invite,
            "group.join.v1": self.join,
            "group.leave.v1": self.leave,
        }

    async def create(self, command: Command[CreateGroup]) -> Reply:
        """Make a group, once."""
        return result(command, await self._of(command).create(command))

    async def describe(self, command: Command[DescribeGroup]) -> Reply:
        """What WhatsApp says of a group."""
        return result(command, await self._of(command).describe(command))

    async def list(self, command: Command[ListGroups]) -> Reply:
        """A page of groups."""
        return result(command, await self._of(command).list(command))

    async def change_participants(self, command: Command[ChangeParticipants]) -> Reply:
        """Add, remove, promote or demote; what became of each."""
        return result(command, await self._of(command).change_participants(command))

    async def update(self, command: Command[UpdateGroup]) -> Reply:
        """Change what is given."""
        await self._of(command).update(command)
        return accepted(command)

    async def requests(self, command: Command[GroupRequests]) -> Reply:
        """Who asks to come in; lets them in, or turns them down."""
        return result(command, await self._of(command).requests(command))

    async def invite(self, command: Command[InviteToGroup]) -> Reply:
        """The link of a group."""
        return result(command, await self._of(command).invite(command))

    async def join(self, command: Command[JoinGroup]) -> Reply:
        """Come in by a link."""
        return result(command, await self._of(command).join(command))

    async def leave(self, command: Command[LeaveGroup]) -> Reply:
        """Leave a group."""
        await self._of(command).leave(command)
        return accepted(command)

    def _of(self, command: Command[StrictModel]) -> Groups:
        return self._manager.of(command.session_id).groups
