"""What each command about the account itself and whom it has blocked does, one sentence each."""

from collections.abc import Mapping

from consumers.dispatch import Handler
from consumers.ports import Manager, OwnAccount
from consumers.replies import Reply, accepted, result
from schemas.commands.account import DescribePrivacy, DescribeProfile, RejectCall, SetPrivacy, SetProfile
from schemas.commands.commands import Command
from schemas.commands.contacts import BlockContact, UnblockContact
from schemas.model import StrictModel


class OwnAccountHandlers:
    """The handlers of the account's own affairs, by the command's type."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def table(self) -> Mapping[str, Handler]:
        """Type → handler."""
        return {
            "profile.describe.v1": self.describe_profile,
            "profile.set.v1": self.set_profile,
            "privacy.describe.v1": self.describe_privacy,
            "privacy.set.v1": self.set_privacy,
            "call.reject.v1": self.reject_call,
            "contact.block.v1": self.block,
            "contact.unblock.v1": self.unblock,
        }

    async def describe_profile(self, command: Command[DescribeProfile]) -> Reply:
        """Tell how the account shows itself."""
        return result(command, await self._of(command).describe_profile(command))

    async def set_profile(self, command: Command[SetProfile]) -> Reply:
        """Change how the account shows itself."""
        await self._of(command).set_profile(command)
        return accepted(command)

    async def describe_privacy(self, command: Command[DescribePrivacy]) -> Reply:
        """Tell who sees what of the account."""
        return result(command, await self._of(command).describe_privacy(command))

    async def set_privacy(self, command: Command[SetPrivacy]) -> Reply:
        """Change who sees what of the account."""
        await self._of(command).set_privacy(command)
        return accepted(command)

    async def reject_call(self, command: Command[RejectCall]) -> Reply:
        """Decline a call."""
        await self._of(command).reject_call(command)
        return accepted(command)

    async def block(self, command: Command[BlockContact]) -> Reply:
        """Block a person."""
        await self._of(command).block(command)
        return accepted(command)

    async def unblock(self, command: Command[UnblockContact]) -> Reply:
        """Block a person no longer."""
        await self._of(command).unblock(command)
        return accepted(command)

    def _of(self, command: Command[StrictModel]) -> OwnAccount:
        return self._manager.of(command.session_id).own_account
