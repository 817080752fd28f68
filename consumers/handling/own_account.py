"""What each command about the account itself and whom it has blocked does, one sentence each."""

from collections.abc import Mapping

from consumers.dispatch import Handler
from consumers.ports import Manager, OwnAccount
from consumers.replies import Reply, accepted
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
            "contact.block.v1": self.block,
            "contact.unblock.v1": self.unblock,
        }

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
