"""The commands about chats as their owner has them, as methods. `chat` is an E.164 number, or a JID."""

from datetime import datetime
from typing import Unpack

from gateway_worker.client.asking import Asking
from gateway_worker.client.commands import CommandOptions, valid
from gateway_worker.client.replies import Accepted
from schemas.commands.chats import (
    ClearChat,
    DeleteChat,
    DeleteMessage,
    DescribeChat,
    ListChats,
    StarMessage,
    UpdateChat,
)
from schemas.commands.contacts import DescribeContact, ListContacts, RemoveContact, SaveContact
from schemas.results import ChatDescription, ChatPage, ContactDescription, ContactPage


class ChatCalls(Asking):
    """Mixed into `Gateway`."""

    async def update_chat(
        self,
        session: str,
        chat: str,
        *,
        archived: bool | None = None,
        pinned: bool | None = None,
        muted: bool | None = None,
        muted_until: datetime | None = None,
        unread: bool | None = None,
        **options: Unpack[CommandOptions],
    ) -> Accepted:
        """Archive, pin or mute a chat or mark it as unread, or the reverse; what is None stays as it is."""
        fields = {"archived": archived, "pinned": pinned, "muted": muted, "muted_until": muted_until, "unread": unread}
        return await self.order(session, valid(UpdateChat, {"chat": chat, **fields}), **options)

    async def clear_chat(
        self, session: str, chat: str, *, keep_starred: bool = False, **options: Unpack[CommandOptions]
    ) -> Accepted:
        """Delete the messages of a chat for this account alone."""
        return await self.order(session, valid(ClearChat, {"chat": chat, "keep_starred": keep_starred}), **options)

    async def delete_chat(self, session: str, chat: str, **options: Unpack[CommandOptions]) -> Accepted:
        """Delete a chat with its messages for this account alone."""
        return await self.order(session, valid(DeleteChat, {"chat": chat}), **options)

    async def star_message(
        self,
        session: str,
        chat: str,
        message_id: str,
        *,
        starred: bool = True,
        sender: str | None = None,
        **options: Unpack[CommandOptions],
    ) -> Accepted:
        """Star a message, or no longer."""
        fields = {"chat": chat, "message_id": message_id, "starred": starred, "sender": sender}
        return await self.order(session, valid(StarMessage, fields), **options)

    async def delete_message(
        self,
        session: str,
        chat: str,
        message_id: str,
        *,
        sender: str | None = None,
        **options: Unpack[CommandOptions],
    ) -> Accepted:
        """Delete a message for this account alone; `revoke` deletes it for everyone."""
        fields = {"chat": chat, "message_id": message_id, "sender": sender}
        return await self.order(session, valid(DeleteMessage, fields), **options)

    async def list_chats(
        self,
        session: str,
        *,
        archived: bool | None = None,
        cursor: str | None = None,
        limit: int | None = None,
        **options: Unpack[CommandOptions],
    ) -> ChatPage:
        """The chats, the one with the newest message first, a page at a time: from behind `cursor`."""
        fields = {"session_id": session, "archived": archived, "cursor": cursor, "limit": limit}
        return await self.query(session, valid(ListChats, fields), ChatPage, **options)

    async def save_contact(self, session: str, contact: str, name: str, **options: Unpack[CommandOptions]) -> Accepted:
        """Save a person in the address book, or under another name."""
        return await self.order(session, valid(SaveContact, {"contact": contact, "name": name}), **options)

    async def remove_contact(self, session: str, contact: str, **options: Unpack[CommandOptions]) -> Accepted:
        """Take a person from the address book."""
        return await self.order(session, valid(RemoveContact, {"contact": contact}), **options)

    async def list_contacts(
        self,
        session: str,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        **options: Unpack[CommandOptions],
    ) -> ContactPage:
        """The people of whom something is known, in the order of their JIDs: from behind `cursor`."""
        fields = {"session_id": session, "cursor": cursor, "limit": limit}
        return await self.query(session, valid(ListContacts, fields), ContactPage, **options)

    async def describe_contact(
        self, session: str, contact: str, **options: Unpack[CommandOptions]
    ) -> ContactDescription:
        """What is known of one person."""
        question = valid(DescribeContact, {"session_id": session, "contact": contact})
        return await self.query(session, question, ContactDescription, **options)

    async def describe_chat(self, session: str, chat: str, **options: Unpack[CommandOptions]) -> ChatDescription:
        """One chat, as `list_chats` shows it."""
        return await self.query(
            session, valid(DescribeChat, {"session_id": session, "chat": chat}), ChatDescription, **options
        )
