"""The commands about messages, chats and contacts, as methods. `to` and `chat` are E.164 numbers or JIDs."""

from collections.abc import Sequence
from typing import Literal, Unpack

from gateway_worker.client.asking import Asking
from gateway_worker.client.commands import CommandOptions, valid
from gateway_worker.client.replies import Accepted
from schemas.commands.contacts import GetPicture
from schemas.commands.messages import (
    CheckContacts,
    DescribeMessage,
    DisappearingSeconds,
    EditMessage,
    FetchMedia,
    ForwardMessage,
    ListMessages,
    MarkRead,
    PinMessage,
    PinSeconds,
    QuoteRequest,
    ReactToMessage,
    RevokeMessage,
    SendMessage,
    SetDisappearing,
    SetPresence,
    UnpinMessage,
    VoteInPoll,
)
from schemas.content.outgoing import OutgoingContent, OutgoingText
from schemas.results import ContactPicture, ContactsChecked, MessageDescription, MessagePage

Presence = Literal["typing", "recording", "paused", "available", "unavailable"]


class MessageCalls(Asking):
    """Mixed into `Gateway`."""

    async def send(
        self,
        session: str,
        to: str,
        content: OutgoingContent,
        *,
        quote: str | QuoteRequest | None = None,
        mentions: Sequence[str] | Literal["everyone"] = (),
        view_once: bool = False,
        disappearing_seconds: DisappearingSeconds | None = None,
        **options: Unpack[CommandOptions],
    ) -> Accepted:
        """Send a message. It is accepted when it is durable; `MessageStatus` events tell what becomes of it.

        `quote` is WhatsApp's id of the message that it replies to; ``mentions="everyone"`` are all in the group.
        """
        fields = {
            "to": to,
            "content": content,
            "quote": QuoteRequest(message_id=quote) if isinstance(quote, str) else quote,
            "mentions": mentions if isinstance(mentions, str) else tuple(mentions),
            "view_once": view_once,
            "disappearing_seconds": disappearing_seconds,
        }
        return await self.order(session, valid(SendMessage, fields), **options)

    async def edit(
        self, session: str, to: str, message_id: str, content: OutgoingText, **options: Unpack[CommandOptions]
    ) -> Accepted:
        """Another text for a message of yours, or its caption; WhatsApp takes it for 15 minutes."""
        fields = {"to": to, "message_id": message_id, "content": content}
        return await self.order(session, valid(EditMessage, fields), **options)

    async def revoke(
        self, session: str, to: str, message_id: str, *, sender: str | None = None, **options: Unpack[CommandOptions]
    ) -> Accepted:
        """Delete a message for everyone: yours, or in a group, as its admin, that of `sender`."""
        fields = {"to": to, "message_id": message_id, "sender": sender}
        return await self.order(session, valid(RevokeMessage, fields), **options)

    async def react(
        self,
        session: str,
        to: str,
        message_id: str,
        emoji: str,
        *,
        sender: str | None = None,
        **options: Unpack[CommandOptions],
    ) -> Accepted:
        """React with one emoji; an empty one removes the reaction."""
        fields = {"to": to, "message_id": message_id, "emoji": emoji, "sender": sender}
        return await self.order(session, valid(ReactToMessage, fields), **options)

    async def pin(
        self,
        session: str,
        to: str,
        message_id: str,
        seconds: PinSeconds = 604_800,
        *,
        sender: str | None = None,
        **options: Unpack[CommandOptions],
    ) -> Accepted:
        """Have a message stand at the top of its chat, for everybody."""
        fields = {"to": to, "message_id": message_id, "seconds": seconds, "sender": sender}
        return await self.order(session, valid(PinMessage, fields), **options)

    async def unpin(
        self, session: str, to: str, message_id: str, *, sender: str | None = None, **options: Unpack[CommandOptions]
    ) -> Accepted:
        """Take a message from the top of its chat, whoever pinned it."""
        fields = {"to": to, "message_id": message_id, "sender": sender}
        return await self.order(session, valid(UnpinMessage, fields), **options)

    async def vote(
        self,
        session: str,
        to: str,
        message_id: str,
        options: Sequence[str],
        *,
        sender: str | None = None,
        **options_: Unpack[CommandOptions],
    ) -> Accepted:
        """Choose options of a poll, in place of what was chosen before."""
        fields = {"to": to, "message_id": message_id, "options": tuple(options), "sender": sender}
        return await self.order(session, valid(VoteInPoll, fields), **options_)

    async def forward(
        self,
        session: str,
        to: str,
        message_id: str,
        *,
        chat: str | None = None,
        sender: str | None = None,
        **options: Unpack[CommandOptions],
    ) -> Accepted:
        """Send a stored message, of `chat` or of any, to somebody else."""
        fields = {"to": to, "message_id": message_id, "chat": chat, "sender": sender}
        return await self.order(session, valid(ForwardMessage, fields), **options)

    async def mark_read(
        self, session: str, chat: str, message_ids: Sequence[str], **options: Unpack[CommandOptions]
    ) -> Accepted:
        """Mark messages that came in as read."""
        fields = {"chat": chat, "message_ids": tuple(message_ids)}
        return await self.order(session, valid(MarkRead, fields), **options)

    async def fetch_media(
        self,
        session: str,
        message_id: str,
        *,
        chat: str | None = None,
        sender: str | None = None,
        **options: Unpack[CommandOptions],
    ) -> Accepted:
        """Put a message's file into the media bucket (again); `MediaReady` or `MediaFailed` tells when."""
        fields = {"message_id": message_id, "chat": chat, "sender": sender}
        return await self.order(session, valid(FetchMedia, fields), **options)

    async def set_presence(
        self, session: str, to: str, state: Presence, *, subscribe: bool = False, **options: Unpack[CommandOptions]
    ) -> Accepted:
        """What a chat sees of you; `subscribe` has `PresenceUpdated` tell of that person."""
        fields = {"to": to, "state": state, "subscribe": subscribe}
        return await self.order(session, valid(SetPresence, fields), **options)

    async def set_disappearing(
        self, session: str, to: str, seconds: DisappearingSeconds, **options: Unpack[CommandOptions]
    ) -> Accepted:
        """Have new messages of a chat disappear after so long; 0: they stay."""
        return await self.order(session, valid(SetDisappearing, {"to": to, "seconds": seconds}), **options)

    async def describe_message(
        self,
        session: str,
        message_id: str | None = None,
        *,
        of_command: str | None = None,
        chat: str | None = None,
        sender: str | None = None,
        **options: Unpack[CommandOptions],
    ) -> MessageDescription:
        """A message as it stands and how it came there, by WhatsApp's id or by the command that sent it."""
        fields = {"message_id": message_id, "command_id": of_command, "chat": chat, "sender": sender}
        question = valid(DescribeMessage, {"session_id": session, **fields})
        return await self.query(session, question, MessageDescription, **options)

    async def list_messages(
        self,
        session: str,
        chat: str,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        **options: Unpack[CommandOptions],
    ) -> MessagePage:
        """The stored messages of a chat, newest first, a page at a time: from behind `cursor`."""
        fields = {"session_id": session, "chat": chat, "cursor": cursor, "limit": limit}
        return await self.query(session, valid(ListMessages, fields), MessagePage, **options)

    async def check_contacts(
        self, session: str, phones: Sequence[str], **options: Unpack[CommandOptions]
    ) -> ContactsChecked:
        """Which of these numbers are on WhatsApp."""
        question = valid(CheckContacts, {"phones": tuple(phones)})
        return await self.query(session, question, ContactsChecked, **options)

    async def get_picture(
        self, session: str, to: str, *, preview: bool = False, **options: Unpack[CommandOptions]
    ) -> ContactPicture:
        """The profile picture of a person or a group; `preview`: the small one."""
        question = valid(GetPicture, {"to": to, "preview": preview})
        return await self.query(session, question, ContactPicture, **options)
