"""What each command about labels does, one sentence each."""

from collections.abc import Mapping

from consumers.dispatch import Handler
from consumers.ports import Labels, Manager
from consumers.replies import Reply, accepted, result
from schemas.commands.commands import Command
from schemas.commands.labels import CreateLabel, DeleteLabel, LabelChat, LabelMessage, UpdateLabel
from schemas.model import StrictModel


class LabelHandlers:
    """The handlers of labels, by the command's type."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def table(self) -> Mapping[str, Handler]:
        """Type → handler."""
        return {
            "label.create.v1": self.create,
            "label.update.v1": self.update,
            "label.delete.v1": self.delete,
            "chat.label.v1": self.label_chat,
            "message.label.v1": self.label_message,
        }

    async def create(self, command: Command[CreateLabel]) -> Reply:
        """Make a label."""
        return result(command, await self._of(command).create(command))

    async def update(self, command: Command[UpdateLabel]) -> Reply:
        """Call a label otherwise, or give it another colour."""
        await self._of(command).update(command)
        return accepted(command)

    async def delete(self, command: Command[DeleteLabel]) -> Reply:
        """Have a label no more."""
        await self._of(command).delete(command)
        return accepted(command)

    async def label_chat(self, command: Command[LabelChat]) -> Reply:
        """Put a label on a chat, or take it off."""
        await self._of(command).label_chat(command)
        return accepted(command)

    async def label_message(self, command: Command[LabelMessage]) -> Reply:
        """Put a label on a message, or take it off."""
        await self._of(command).label_message(command)
        return accepted(command)

    def _of(self, command: Command[StrictModel]) -> Labels:
        return self._manager.of(command.session_id).labels
