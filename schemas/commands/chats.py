"""The data of the commands about chats as a whole, and about what this account alone does with messages."""

from typing import Annotated, Final

from pydantic import Field, StringConstraints, model_validator

from schemas.addresses import Address, Jid, Person, StoredChat, jid_of, stored_chat
from schemas.commands.messages import Reference
from schemas.commands.sessions import SessionCommand
from schemas.model import Instant, MessageIdField, StrictModel
from schemas.names import MessageId
from schemas.problems import problem_at

MAX_CHATS: Final = 200
"""Of a page: the last message of each is decrypted for it."""

_Chat = Annotated[Address, Field(repr=False)]


class _AboutChat(StrictModel):
    """Something that the account's owner does with a chat: for this account alone, on all of its devices.

    Attributes:
        chat: the chat: a number in E.164, or the JID of a person or group.
    """

    chat: _Chat

    @property
    def jid(self) -> Jid:
        """`chat` as a JID."""
        return jid_of(self.chat)


class UpdateChat(_AboutChat):
    """``chat.update.v1``: archive, pin, mute a chat or mark it as unread, or the reverse, as on the phone.

    What is given becomes so, the rest stays; ``chat.updated`` tells what is another than before. A chat that is
    archived is not pinned any more.

    Attributes:
        archived: whether it is to be among the archived chats.
        pinned: whether it is to stand at the top of the chats.
        muted: whether its messages are to make no sound.
        muted_until: mute it until then; without it, until somebody says otherwise.
        unread: true marks it as unread; false marks all of it as read, without read receipts to those who wrote.
    """

    archived: bool | None = None
    pinned: bool | None = None
    muted: bool | None = None
    muted_until: Instant | None = None
    unread: bool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "UpdateChat":
        if self.muted_until is not None and self.muted is False:
            raise problem_at("mutedUntil", "is for a chat that is to be muted")
        if all(each is None for each in (self.archived, self.pinned, self.muted, self.muted_until, self.unread)):
            raise problem_at("archived", "must be given, or pinned, muted, mutedUntil or unread")
        if self.archived and self.pinned:
            raise problem_at("pinned", "cannot be for a chat that is to be archived")
        return self


class AboutOwnView(_AboutChat):
    """A message as this account sees it; `sender` tells it from others under its id.

    Attributes:
        message_id: of the message it is about.
        sender: who wrote that message; without it, anybody.
    """

    message_id: MessageIdField
    sender: Annotated[Person | None, Field(repr=False)] = None

    @property
    def reference(self) -> Reference:
        """Which it is."""
        sender = None if self.sender is None else jid_of(self.sender)
        return Reference(message_id=MessageId(self.message_id), chat=self.jid, sender=sender)


class StarMessage(AboutOwnView):
    """``message.star.v1``: star a message, or no longer, as on the phone; ``message.starred`` tells it.

    Attributes:
        starred: whether it is to be starred.
    """

    starred: bool = True


class DeleteMessage(AboutOwnView):
    """``message.delete.v1``: delete a message for this account alone; others keep it. ``message.deleted`` tells it.

    To delete it for everyone there is ``message.revoke``.
    """


class ClearChat(_AboutChat):
    """``chat.clear.v1``: delete the messages of a chat for this account alone; ``chat.cleared`` tells it.

    Attributes:
        keep_starred: starred messages stay.
    """

    keep_starred: bool = False


class DeleteChat(_AboutChat):
    """``chat.delete.v1``: delete a chat with its messages for this account alone; ``chat.deleted`` tells it."""


class ListChats(SessionCommand):
    """``chat.list.v1``: the chats, the one with the newest message first, at most `limit`, from behind `cursor`.

    Attributes:
        archived: only those that are archived, or only those that are not; without it, all.
        limit: at most so many.
    """

    archived: bool | None = None
    cursor: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,16}\.[!-~]{1,128}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_CHATS)] = 50


class DescribeChat(SessionCommand):
    """``chat.describe.v1``: one chat, as ``chat.list`` shows it.

    Attributes:
        chat: the chat: a number in E.164, or the JID of a person, a group or one of WhatsApp's bots.
    """

    chat: Annotated[StoredChat, Field(repr=False)]

    @property
    def jid(self) -> Jid:
        """`chat` as a JID."""
        return stored_chat(self.chat)
