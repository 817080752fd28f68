"""What each command about the owner's chats and address book does, one sentence each."""

from collections.abc import Mapping

from consumers.dispatch import Handler
from consumers.ports import ChatStates, Manager
from consumers.replies import Reply, accepted
from schemas.commands.chats import ClearChat, DeleteChat, DeleteMessage, StarMessage, UpdateChat
from schemas.commands.commands import Command
from schemas.commands.contacts import RemoveContact, SaveContact
from schemas.model import StrictModel


class ChatHandlers:
    """The handlers of chats, by the command's type."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def table(self) -> Mapping[str, Handler]:
        """Type → handler."""
        return {
            "chat.update.v1": self.update,
            "chat.clear.v1": self.clear,
            "chat.delete.v1": self.delete,
            "message.star.v1": self.star_message,
            "message.delete.v1": self.delete_message,
            "contact.save.v1": self.save_contact,
            "contact.remove.v1": self.remove_contact,
        }

    async def update(self, command: Command[UpdateChat]) -> Reply:
        """Archive, pin or mute a chat, or mark it as unread."""
        await self._of(command).update(command)
        return accepted(command)

    async def clear(self, command: Command[ClearChat]) -> Reply:
        """Delete the messages of a chat for this account."""
        await self._of(command).clear(command)
        return accepted(command)

    async def delete(self, command: Command[DeleteChat]) -> Reply:
        """Delete a chat for this account."""
        await self._of(command).delete(command)
        return accepted(command)

    async def star_message(self, command: Command[StarMessage]) -> Reply:
        """Star a message, or no longer."""
        await self._of(command).star_message(command)
        return accepted(command)

    async def delete_message(self, command: Command[DeleteMessage]) -> Reply:
        """Delete a message for this account."""
        await self._of(command).delete_message(command)
        return accepted(command)

    async def save_contact(self, command: Command[SaveContact]) -> Reply:
        """Save a person in the address book."""
        await self._of(command).save_contact(command)
        return accepted(command)

    async def remove_contact(self, command: Command[RemoveContact]) -> Reply:
        """Take a person from the address book."""
        await self._of(command).remove_contact(command)
        return accepted(command)

    def _of(self, command: Command[StrictModel]) -> ChatStates:
        return self._manager.of(command.session_id).chat_states
