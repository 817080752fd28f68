"""What events say of messages and their chats. Pure."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.content.changes import (
    MessageSender,
)
from schemas.content.content import Content
from schemas.content.flags import Flags
from schemas.content.references import Ad, Association
from schemas.events.failures import Failure
from schemas.model import Instant, Model
from schemas.names import CommandId, MessageId, SessionId


class MessageState(StrEnum):
    """The status of an outgoing message, as it is told. It never goes backwards.

    Attributes:
        SENT: WhatsApp's server has acknowledged it
        DELIVERED: it is on a device of the recipient
        READ: the recipient has read it
        PLAYED: the recipient has listened to it, or looked at what can be seen once
        FAILED: it was not sent: `error` says why
    """

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    FAILED = "failed"


class MessageStatus(Model):
    """``message.status.v1``: `to` as the command gave it; `participant` only in groups; `error` only when failed.

    `chat` is the chat as it is, from `sent` on: a person's JID as WhatsApp writes the number, however `to` writes it.

    Attributes:
        command_id: the id of the command that sent it.
        to: the recipient, as the command wrote it.
        chat: the chat as it is, from `sent` on.
        status: how far it is.
        participant: in a group: whose status it is.
        error: with `failed`: why; with any other status: what overruled an earlier `failed`.
    """

    session_id: SessionId
    command_id: CommandId
    message_id: MessageId
    to: str
    chat: str | None = None
    status: MessageState
    timestamp: Instant
    participant: str | None = None
    error: Failure | None = None


class Quote(Model):
    """The message a reply refers to, by WhatsApp's id."""

    message_id: MessageId


class MessageReceived(Flags):
    """``message.received.v1``: a message arrived, or (`from_me`) was sent by the account's phone or another device.

    `disappearingSeconds`: so long after `timestamp` it disappears, also from here.

    Attributes:
        sender: who wrote it.
        content: what it says, by `kind`.
        quote: the message that it answers.
        mentions: the JIDs of those it mentions, at most 1,024.
        disappearing_seconds: so long after `timestamp` it disappears, also from here; missing: it stays.
    """

    session_id: SessionId
    message_id: MessageId
    chat: str
    sender: MessageSender
    from_me: bool
    is_group: bool
    timestamp: Instant
    content: Content
    quote: Quote | None = None
    mentions: Sequence[str] | None = None
    ad: Annotated[Ad | None, Field(description="what it was written from")] = None
    association: Annotated[Association | None, Field(description="the message that it is a part of")] = None
    wrappers: Annotated[
        Sequence[str] | None,
        Field(
            description="what it is beside its content, by the fields of WAProto that it lies in, the outermost first"
        ),
    ] = None
    disappearing_seconds: int | None = None
