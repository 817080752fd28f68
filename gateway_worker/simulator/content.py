"""Between the contract's `content` and WhatsApp's `Message`. One entry per kind; text now. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from gateway_worker.simulator.errors import Invalid
from gateway_worker.simulator.requests import is_text
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import ContextInfo, Message

MAX_TEXT = 65_536
"""Characters of a text message."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The message that another one answers: its id, its author (a JID) and, if known, itself."""

    message_id: str
    author: str
    message: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a message says: `content` as in the contract, the quote and the mentioned JIDs."""

    content: Json
    quote: Quote | None
    mentions: list[str]

    def to_json(self) -> Json:
        """The keys `content`, `quote?` and `mentions?`."""
        out: Json = {"content": self.content}
        if self.quote:
            out["quote"] = {"messageId": self.quote.message_id, "sender": self.quote.author}
        if self.mentions:
            out["mentions"] = self.mentions
        return out


def unwrap(message: Message) -> Message:
    """The message itself, without the covers for disappearing and other special messages."""
    for cover in ("ephemeralMessage", "viewOnceMessage", "viewOnceMessageV2", "documentWithCaptionMessage"):
        if message.HasField(cover):
            return unwrap(getattr(message, cover).message)
    return message


def read_message(message: Message) -> Content:
    """What a decrypted message says; kinds we do not know are `unsupported`."""
    message = unwrap(message)
    if message.HasField("conversation"):
        return Content(content={"kind": "text", "text": message.conversation}, quote=None, mentions=[])
    if message.HasField("extendedTextMessage"):
        text = message.extendedTextMessage
        return _with_context(_read_text(text), text.contextInfo)
    known = [field.name for field, _ in message.ListFields() if field.name not in _ACCOMPANYING]
    name = known[0] if known else "empty"
    return Content(content={"kind": "unsupported", "whatsappType": name}, quote=None, mentions=[])


_ACCOMPANYING = frozenset({"messageContextInfo", "senderKeyDistributionMessage"})


def _read_text(text: Message.ExtendedTextMessage) -> Json:
    content: Json = {"kind": "text", "text": text.text}
    if text.title:
        preview = {"url": text.matchedText, "title": text.title}
        if text.description:
            preview["description"] = text.description
        content["linkPreview"] = preview
    return content


def _with_context(content: Json, context: ContextInfo) -> Content:
    quote = None
    if context.stanzaId:
        quote = Quote(message_id=context.stanzaId, author=context.participant)
    return Content(content=content, quote=quote, mentions=list(context.mentionedJid))


def write_message(content: Mapping[str, Any], *, quote: Quote | None, mentions: list[str]) -> Message:
    """The message for a `content` of the control API. `Invalid` for a kind or fields that are not supported."""
    writer = _WRITERS.get(str(content.get("kind")))
    if writer is None:
        raise Invalid("content.unsupported", f"content.kind must be one of: {', '.join(_WRITERS)}")
    return writer(content, _context(quote, mentions))


def _context(quote: Quote | None, mentions: list[str]) -> ContextInfo | None:
    if not quote and not mentions:
        return None
    context = ContextInfo(mentionedJid=mentions)
    if quote:
        context.stanzaId, context.participant = quote.message_id, quote.author
        if quote.message is not None:
            context.quotedMessage.CopyFrom(_plain(quote.message))
    return context


def _plain(message: Message) -> Message:
    """A quoted message quotes nothing itself."""
    plain = Message()
    plain.CopyFrom(unwrap(message))
    plain.ClearField("messageContextInfo")
    if plain.HasField("extendedTextMessage"):
        plain.extendedTextMessage.ClearField("contextInfo")
    return plain


def _write_text(content: Mapping[str, Any], context: ContextInfo | None) -> Message:
    text, preview = content.get("text"), content.get("linkPreview")
    if not is_text(text) or not 0 < len(text) <= MAX_TEXT:
        raise Invalid("content.invalid", f"content.text must be a text of 1 to {MAX_TEXT} characters")
    if context is None and preview is None:
        return Message(conversation=text)
    extended = Message.ExtendedTextMessage(text=text, contextInfo=context)
    if preview is not None:
        _write_preview(extended, preview)
    return Message(extendedTextMessage=extended)


def _write_preview(extended: Message.ExtendedTextMessage, preview: object) -> None:
    values = cast("dict[str, object]", preview) if isinstance(preview, dict) else {}
    url, title, description = (values.get(name, "") for name in ("url", "title", "description"))
    if not (is_text(url) and is_text(title) and is_text(description) and url and title):
        raise Invalid("content.invalid", "content.linkPreview must hold the texts url, title and description?")
    extended.matchedText, extended.title, extended.description = url, title, description


_WRITERS: dict[str, Callable[[Mapping[str, Any], ContextInfo | None], Message]] = {"text": _write_text}
