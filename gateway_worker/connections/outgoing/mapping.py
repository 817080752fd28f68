"""From a command of class M to what is stored of it and what the engine sends. Pure."""

from typing import Any

from gateway_worker.connections.messages.files import has_caption
from gateway_worker.connections.outgoing.changing import CHANGES, change_of, check_vote, stored_change
from gateway_worker.media.prepared import PreparedFile
from gateway_worker.store.operations.commands import BeginMessage
from gateway_worker.store.records import Json, MessageRecord
from gateway_worker.whatsapp.files import FileContent
from gateway_worker.whatsapp.outgoing import (
    Forwarding,
    Original,
    OutgoingMessage,
)
from schemas.addresses import AddressKind, kind_of
from schemas.commands.commands import Command
from schemas.commands.messages import (
    EditMessage,
    ForwardMessage,
    OutgoingCommand,
    RevokeMessage,
    SendMessage,
    VoteInPoll,
)
from schemas.content.content import (
    FORWARDED_KINDS,
    Audio,
    Document,
    Image,
    Media,
    MediaState,
    Sticker,
    Video,
    Voice,
)
from schemas.content.flags import SENT_UNMARKED
from schemas.content.outgoing_media import (
    OutgoingAudio,
    OutgoingDocument,
    OutgoingFile,
    OutgoingImage,
    OutgoingSticker,
    OutgoingVideo,
    OutgoingVoice,
)
from schemas.errors import CommandInvalid, MessageNotFound
from schemas.names import MessageId, SessionId

_TARGET = "data.messageId"
_LEFT_BEHIND = frozenset({"buttons", "rows", "selected"})
"""What a message that is passed on does not offer any more."""


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
        carried=command.envelope.carried,
        about=MessageId(data.message_id) if isinstance(data, CHANGES) else None,
    )


def outgoing(command: Command[OutgoingCommand], message_id: MessageId, original: Original | None) -> OutgoingMessage:
    """What the engine is given."""
    data = command.data
    of_sending = data if isinstance(data, SendMessage) else None
    return OutgoingMessage(
        message_id=message_id,
        to=data.recipient,
        content=_content(data),
        original=original,
        mentions=() if of_sending is None else of_sending.mentioned,
        mentions_all=of_sending is not None and of_sending.mentions_all,
        flags=SENT_UNMARKED if of_sending is None else of_sending.flags,
    )


def file_of(data: OutgoingCommand) -> OutgoingFile | None:
    """The content of a command, if it is one with a file."""
    return data.content if isinstance(data, SendMessage) and isinstance(data.content, OutgoingFile) else None


def check_source(data: OutgoingCommand, session_id: SessionId) -> None:
    """Whether the session may send the file that the command names.

    Raises:
        CommandInvalid: it belongs to another session.
    """
    content = file_of(data)
    if content is not None and not content.media.belongs_to(session_id):
        raise CommandInvalid.at("data.content.media.object", "must lie in the session's own folder or in uploads/")


def file_content(content: OutgoingFile, state: MediaState, file: PreparedFile | None = None) -> FileContent:
    """A content with a file as it is stored and shown: with what is known of the file, never with the file itself."""
    media = _media_content(content, state, file)
    seconds = None if file is None else file.seconds
    match content:
        case OutgoingImage():
            return Image(media=media, caption=content.caption)
        case OutgoingVideo():
            return Video(media=media, caption=content.caption, gif=content.gif or None, note=content.note or None)
        case OutgoingAudio():
            return Audio(media=media, seconds=seconds if content.seconds is None else content.seconds)
        case OutgoingVoice():
            return Voice(media=media, seconds=seconds if content.seconds is None else content.seconds)
        case OutgoingDocument():
            return Document(media=media, caption=content.caption)
        case OutgoingSticker():
            return Sticker(media=media, animated=(None if file is None else file.animated) or None)


def _media_content(content: OutgoingFile, state: MediaState, file: PreparedFile | None) -> Media:
    source = content.media
    return Media(
        object=source.object,
        mimetype=source.mimetype if file is None else file.mimetype,
        size=None if file is None else file.size,
        sha256=None if file is None else file.sha256,
        file_name=source.name if isinstance(content, OutgoingDocument) else source.file_name,
        state=state,
    )


def check_original(data: OutgoingCommand, record: MessageRecord, *, same_chat: bool, is_revoked: bool) -> None:
    """Whether the command can be about this message; `same_chat`: it belongs to the chat that the command names.

    Raises:
        MessageNotFound: it belongs to another chat, or was deleted for everyone.
        CommandInvalid: WhatsApp would not let us do that.
    """
    if not (same_chat or isinstance(data, ForwardMessage | SendMessage)):
        raise MessageNotFound
    if is_revoked and not isinstance(data, RevokeMessage):
        raise MessageNotFound
    match data:
        case EditMessage() if not (record.from_me and (record.kind == "text" or has_caption(record))):
            raise CommandInvalid.at(_TARGET, "must be a text or a caption that this session sent")
        case EditMessage() if has_caption(record) and data.content.link_preview is not None:
            raise CommandInvalid.at("data.content.linkPreview", "must not be given for a caption")
        case RevokeMessage() if not (record.from_me or kind_of(data.recipient) is AddressKind.GROUP):
            raise CommandInvalid.at(_TARGET, "must be a message that this session sent, except in a group")
        case ForwardMessage():
            _check_forwardable(record)
        case VoteInPoll():
            check_vote(data, record)
        case _:
            return


def _check_forwardable(record: MessageRecord) -> None:
    """Whether WhatsApp's clients would pass it on, as far as its kind says; the engine looks at the message itself."""
    if record.kind == "unsupported":
        type_ = record.content.get("whatsappType", "unknown")
        raise CommandInvalid.at(_TARGET, f"must not be of WhatsApp's type {type_}, which cannot be forwarded")
    if record.kind not in FORWARDED_KINDS or record.content.get("live"):
        what = "live location" if record.kind in FORWARDED_KINDS else record.kind
        raise CommandInvalid.at(_TARGET, f"must be of a kind that can be forwarded, which `{what}` is not")


def _content(data: OutgoingCommand) -> Any:
    match data:
        case SendMessage():
            return data.content
        case ForwardMessage():
            return Forwarding()
        case _:
            return change_of(data)


def _stored_content(data: OutgoingCommand, original: MessageRecord | None) -> Json:
    """The content object of its row. What is no content of the contract's is a kind of its own."""
    match data:
        case SendMessage():
            content = file_of(data)
            return (data.content if content is None else file_content(content, MediaState.PENDING)).to_data()
        case ForwardMessage():
            assert original is not None, "it was looked up before"
            return {name: value for name, value in original.content.items() if name not in _LEFT_BEHIND}
        case _:
            return stored_change(data, original)
