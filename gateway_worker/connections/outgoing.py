"""From a command of class M to what is stored of it and what the engine sends. Pure."""

from typing import Any

from gateway_worker.store.operations import BeginMessage
from gateway_worker.store.records import Json, MessageRecord
from gateway_worker.whatsapp.port import Edit, Forwarding, Original, OutgoingMessage, Reaction, Revocation
from schemas.addresses import AddressKind, Jid, kind_of
from schemas.commands import Command
from schemas.errors import CommandInvalid, MessageNotFound
from schemas.message_commands import (
    EditMessage,
    ForwardMessage,
    OutgoingCommand,
    ReactToMessage,
    RevokeMessage,
    SendMessage,
)
from schemas.names import MessageId

_TARGET = "data.messageId"


def begin_operation(
    command: Command[OutgoingCommand], message_id: MessageId, original: MessageRecord | None
) -> BeginMessage:
    """What makes the message durable as pending; `original` is the one it is about."""
    data = command.data
    content = _stored_content(data, original)
    return BeginMessage(
        key=command.key,
        body_hash=command.envelope.body_hash(),
        message_id=message_id,
        to=data.to,
        kind=str(content["kind"]),
        content=content,
        chat=data.recipient,
        type=command.kind.type,
        correlation_id=command.correlation_id,
        traceparent=command.envelope.traceparent,
        about=MessageId(data.message_id) if isinstance(data, EditMessage | RevokeMessage | ReactToMessage) else None,
    )


def outgoing(command: Command[OutgoingCommand], message_id: MessageId, original: Original | None) -> OutgoingMessage:
    """What the engine is given."""
    data = command.data
    mentions, view_once = (data.mentioned, data.view_once) if isinstance(data, SendMessage) else ((), False)
    return OutgoingMessage(
        message_id=message_id,
        to=data.recipient,
        content=_content(data),
        original=original,
        mentions=mentions,
        view_once=view_once,
    )


def needs_plaintext(data: OutgoingCommand) -> bool:
    """Whether the original's WAProto is needed, not only its name."""
    return isinstance(data, SendMessage | ForwardMessage)


def check_original(data: OutgoingCommand, record: MessageRecord) -> None:
    """Whether the command can be about this message.

    Raises:
        MessageNotFound: it belongs to another chat.
        CommandInvalid: WhatsApp would not let us do that.
    """
    of_that_chat = isinstance(data, ForwardMessage | SendMessage) or _same_chat(record.chat, data.recipient)
    if not of_that_chat:
        raise MessageNotFound
    match data:
        case EditMessage() if not (record.from_me and record.kind == "text"):
            raise CommandInvalid.at(_TARGET, "must be a text that this session sent")
        case RevokeMessage() if not (record.from_me or kind_of(data.recipient) is AddressKind.GROUP):
            raise CommandInvalid.at(_TARGET, "must be a message that this session sent, except in a group")
        case _:
            return


def _same_chat(one: str, other: Jid) -> bool:
    """Whether both may name the same chat: a person's PN and LID are two names of one."""
    return one == other or {one.rpartition("@")[2], other.rpartition("@")[2]} == {"s.whatsapp.net", "lid"}


def _content(data: OutgoingCommand) -> Any:
    match data:
        case SendMessage():
            return data.content
        case EditMessage():
            return Edit(content=data.content)
        case RevokeMessage():
            return Revocation()
        case ReactToMessage():
            return Reaction(emoji=data.emoji)
        case ForwardMessage():
            return Forwarding()
        case _:
            raise TypeError(type(data).__name__)


def _stored_content(data: OutgoingCommand, original: MessageRecord | None) -> Json:
    """The content object of its row. What is no content of the contract's is a kind of its own."""
    match data:
        case SendMessage():
            return data.content.to_data()
        case EditMessage():
            return {"kind": "edit", "messageId": data.message_id, "content": data.content.to_data()}
        case RevokeMessage():
            return {"kind": "revocation", "messageId": data.message_id}
        case ReactToMessage():
            return {"kind": "reaction", "messageId": data.message_id, "emoji": data.emoji}
        case ForwardMessage():
            assert original is not None, "it was looked up before"
            return original.content
        case _:
            raise TypeError(type(data).__name__)
