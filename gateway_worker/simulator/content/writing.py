"""From the contract's `content` to a `Message`, as a phone of a person would write it. Pure."""

from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeGuard, cast

from google.protobuf.json_format import ParseDict, ParseError

from gateway_worker.simulator.content.files import write_file
from gateway_worker.simulator.content.reading import parts_with_context, unwrap
from gateway_worker.simulator.content.shapes import Means, Quote
from gateway_worker.simulator.content.vcards import write_vcard
from gateway_worker.simulator.errors import Invalid
from gateway_worker.simulator.strict_body import Body, is_text
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import ContextInfo, Message
from gateway_worker.simulator.wire.raw import from_raw

MAX_TEXT = 65_536
"""Characters of a text message."""
MAX_OPTIONS = 12
MAX_CONTACTS = 257
MAX_VCARD = 524_288  # phones put photos into cards

_FILES = ("image", "video", "audio", "voice", "document", "sticker")


def write_message(
    content: Mapping[str, Any],
    means: Means,
    *,
    quote: Quote | None = None,
    mentions: list[str] | None = None,
    mentions_all: bool = False,
    forwarded: bool = False,
    view_once: bool = False,
) -> Message:
    """The message for a `content` of the control API. `Invalid` for a kind or fields that are not supported."""
    kind = str(content.get("kind"))
    context = _context(quote, mentions or [], mentions_all=mentions_all, forwarded=forwarded)
    if kind in _FILES:
        return write_file(kind, content, means, context, view_once=view_once)
    writer = _WRITERS.get(kind)
    if writer is None:
        raise Invalid("content.unsupported", f"content.kind must be one of: {', '.join([*_WRITERS, *_FILES])}")
    if view_once:
        raise Invalid("content.invalid", "only images, videos and voice messages are viewed once")
    return writer(content, context, means)


def _context(quote: Quote | None, mentions: list[str], *, mentions_all: bool, forwarded: bool) -> ContextInfo | None:
    if not (quote or mentions or mentions_all or forwarded):
        return None
    context = ContextInfo(mentionedJid=mentions)
    if mentions_all:
        context.nonJidMentions = 1
    if forwarded:
        context.isForwarded, context.forwardingScore = True, 1
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
    for part in parts_with_context(plain):
        part.ClearField("contextInfo")
    return plain


def _text(content: Mapping[str, Any], context: ContextInfo | None, _means: Means) -> Message:
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


def _location(content: Mapping[str, Any], context: ContextInfo | None, _means: Means) -> Message:
    latitude, longitude = content.get("latitude"), content.get("longitude")
    if not (_is_degrees(latitude, 90) and _is_degrees(longitude, 180)):
        raise Invalid("content.invalid", "content.latitude and content.longitude must be degrees")
    part = Message.LocationMessage(degreesLatitude=latitude, degreesLongitude=longitude, contextInfo=context)
    part.name, part.address = _short(content, "name"), _short(content, "address")
    return Message(locationMessage=part)


def _is_degrees(value: object, most: int) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and -most <= value <= most


def _contacts(content: Mapping[str, Any], context: ContextInfo | None, _means: Means) -> Message:
    listed = content.get("contacts")
    values = cast("list[object]", listed) if isinstance(listed, list) else []
    if not 0 < len(values) <= MAX_CONTACTS:
        raise Invalid("content.invalid", f"content.contacts must be a list of 1 to {MAX_CONTACTS}")
    cards = [_card(Body(value)) for value in values]
    if len(cards) == 1:
        cards[0].contextInfo.MergeFrom(context or ContextInfo())
        return Message(contactMessage=cards[0])
    name = f"{len(cards)} contacts"
    return Message(
        contactsArrayMessage=Message.ContactsArrayMessage(displayName=name, contacts=cards, contextInfo=context)
    )


def _card(body: Body) -> Message.ContactMessage:
    name, vcard = body.text("name", "Contact"), body.text("vcard", "", limit=MAX_VCARD)
    phones, organization, email = body.texts("phones"), body.text("organization", ""), body.text("email", "")
    body.done()
    return Message.ContactMessage(
        displayName=name, vcard=vcard or write_vcard(name, phones, organization=organization, email=email)
    )


def _poll(content: Mapping[str, Any], context: ContextInfo | None, _means: Means) -> Message:
    body = Body({name: value for name, value in content.items() if name != "kind"})
    question, options = body.text("question"), body.texts("options")
    selectable = body.whole("selectable", 0, MAX_OPTIONS)
    body.done()
    if not 1 < len(options) <= MAX_OPTIONS or len(set(options)) < len(options):
        raise Invalid("content.invalid", f"content.options must be 2 to {MAX_OPTIONS} different texts")
    selectable = 1 if selectable is None else selectable
    poll = Message.PollCreationMessage(
        name=question,
        options=[Message.PollCreationMessage.Option(optionName=option) for option in options],
        selectableOptionsCount=selectable,
        contextInfo=context,
    )
    return Message(pollCreationMessageV3=poll) if selectable == 1 else Message(pollCreationMessage=poll)


def _event(content: Mapping[str, Any], context: ContextInfo | None, _means: Means) -> Message:
    """An invitation that people answer."""
    body = Body({name: value for name, value in content.items() if name != "kind"})
    event = Message.EventMessage(name=body.text("name"), description=body.text("description", ""), contextInfo=context)
    starts_at = body.text("startsAt", "")
    body.done()
    if starts_at:
        event.startTime = _seconds(starts_at)
    return Message(eventMessage=event)


def _seconds(moment: str) -> int:
    """Unix seconds of an RFC 3339 text."""
    try:
        return int(datetime.fromisoformat(moment).timestamp())
    except (ValueError, OverflowError) as error:
        raise Invalid("content.invalid", "content.startsAt must be a date and time in RFC 3339") from error


def _raw(content: Mapping[str, Any], _context: ContextInfo | None, _means: Means) -> Message:
    """Anything that WhatsApp knows, as protobuf's own JSON; or any bytes, as a phone could encrypt them too."""
    try:
        if "base64" in content:
            return from_raw(b64decode(content["base64"], validate=True))
        return ParseDict(cast("dict[str, Any]", content.get("message")), Message())
    except (ParseError, TypeError, ValueError, AttributeError) as error:
        raise Invalid(
            "content.invalid", "content.message must be a Message in protobuf's JSON, or content.base64 bytes"
        ) from error


def _short(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name, "")
    if not is_text(value):
        raise Invalid("content.invalid", f"content.{name} must be a text")
    return value


_WRITERS: dict[str, Callable[[Mapping[str, Any], ContextInfo | None, Means], Message]] = {
    "text": _text,
    "location": _location,
    "contacts": _contacts,
    "poll": _poll,
    "event": _event,
    "raw": _raw,
}
