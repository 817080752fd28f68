"""From a decrypted `Message` to the contract's `content`. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from gateway_worker.simulator.content.shapes import Content, Json, Quote
from gateway_worker.simulator.content.vcards import read_vcard
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import ContextInfo, Message

_VIEW_ONCE = ("viewOnceMessage", "viewOnceMessageV2", "viewOnceMessageV2Extension")
_COVERS = (
    "ephemeralMessage",
    *_VIEW_ONCE,
    "documentWithCaptionMessage",
    "editedMessage",
    "lottieStickerMessage",
    "groupMentionedMessage",
    "associatedChildMessage",
)
_YEAR_10000 = 253_402_300_800
_ACCOMPANYING = frozenset({"messageContextInfo", "senderKeyDistributionMessage"})


def unwrap(message: Message) -> Message:
    """The message itself, without the covers for disappearing and other special messages."""
    for cover in _COVERS:
        if message.HasField(cover):
            return unwrap(getattr(message, cover).message)
    return message


def covers_of(message: Message) -> frozenset[str]:
    """The names of the covers around it."""
    for cover in _COVERS:
        if message.HasField(cover):
            return frozenset({cover}) | covers_of(getattr(message, cover).message)
    return frozenset()


def parts_with_context(bare: Message) -> list[Any]:
    """The parts of an unwrapped message that can say in which context it was written."""
    return [
        part
        for field, part in bare.ListFields()
        if field.message_type and "contextInfo" in field.message_type.fields_by_name
    ]


def is_empty(message: Message) -> bool:
    """Whether it says nothing to a person, as one that only brings a sender key."""
    return all(field.name in _ACCOMPANYING for field, _ in message.ListFields())


def read_message(message: Message) -> Content:
    """What a decrypted message says; kinds we do not know are `unsupported`."""
    bare = unwrap(message)
    if bare.HasField("conversation"):
        return Content(content={"kind": "text", "text": bare.conversation})
    known = [field.name for field, _ in bare.ListFields() if field.name not in _ACCOMPANYING]
    name = known[0] if known else "empty"
    reader = _READERS.get(name)
    if reader is None:
        return Content(content={"kind": "unsupported", "whatsappType": name})
    part = getattr(bare, name)
    return _with_context(reader(part), part.contextInfo, view_once=_is_view_once(message, part))


def _is_view_once(message: Message, part: Any) -> bool:
    return any(message.HasField(cover) for cover in _VIEW_ONCE) or bool(getattr(part, "viewOnce", False))


def _with_context(content: Json, context: ContextInfo, *, view_once: bool) -> Content:
    quote = None
    if context.stanzaId:
        quote = Quote(message_id=context.stanzaId, author=context.participant)
    return Content(
        content=content,
        quote=quote,
        mentions=list(context.mentionedJid),
        mentions_all=context.nonJidMentions > 0,
        forwarded=context.isForwarded,
        view_once=view_once,
        disappearing=context.expiration,
    )


def _text(text: Message.ExtendedTextMessage) -> Json:
    content: Json = {"kind": "text", "text": text.text}
    if text.title:
        preview = {"url": text.matchedText, "title": text.title}
        if text.description:
            preview["description"] = text.description
        content["linkPreview"] = preview
    return content


def _file(kind: str, part: Any, **more: object) -> Json:
    """A kind with a file; of the file what its message says, which the phone checks when it fetches it."""
    media: Json = {"mimetype": part.mimetype, "size": part.fileLength, "sha256": part.fileSha256.hex()}
    for name in ("fileName", "width", "height"):
        if value := getattr(part, name, None):
            media[name] = value
    if getattr(part, "jpegThumbnail", b""):
        media["thumbnailSize"] = len(part.jpegThumbnail)
    content: Json = {"kind": kind, "media": media}
    content |= {name: value for name, value in more.items() if value}
    return content


def _image(part: Message.ImageMessage) -> Json:
    return _file("image", part, caption=part.caption)


def _video(part: Message.VideoMessage) -> Json:
    return _file("video", part, caption=part.caption, gif=part.gifPlayback, seconds=part.seconds)


def _video_note(part: Message.VideoMessage) -> Json:
    return _file("video", part, note=True, seconds=part.seconds)


def _audio(part: Message.AudioMessage) -> Json:
    content = _file("voice" if part.ptt else "audio", part, seconds=part.seconds)
    if part.waveform:
        content["media"]["waveform"] = list(part.waveform)
    return content


def _document(part: Message.DocumentMessage) -> Json:
    return _file("document", part, caption=part.caption)


def _sticker(part: Message.StickerMessage) -> Json:
    return _file("sticker", part, animated=part.isAnimated)


def _location(part: Message.LocationMessage) -> Json:
    content: Json = {"kind": "location", "latitude": part.degreesLatitude, "longitude": part.degreesLongitude}
    return content | {name: getattr(part, name) for name in ("name", "address") if getattr(part, name)}


def _contact(part: Message.ContactMessage) -> Json:
    return {"kind": "contacts", "contacts": [_card(part)]}


def _contacts(part: Message.ContactsArrayMessage) -> Json:
    return {"kind": "contacts", "contacts": [_card(contact) for contact in part.contacts]}


def _card(part: Message.ContactMessage) -> Json:
    return {"name": part.displayName, **read_vcard(part.vcard), "vcard": part.vcard}


def _poll(part: Message.PollCreationMessage) -> Json:
    options = [option.optionName for option in part.options]
    return {"kind": "poll", "question": part.name, "options": options, "selectable": part.selectableOptionsCount}


def _event(part: Message.EventMessage) -> Json:
    content: Json = {"kind": "event", "name": part.name}
    if 0 < part.startTime < _YEAR_10000:
        content["startsAt"] = datetime.fromtimestamp(part.startTime, UTC).isoformat().replace("+00:00", "Z")
    return content | ({"description": part.description} if part.description else {})


_READERS: dict[str, Callable[[Any], Json]] = {
    "extendedTextMessage": _text,
    "imageMessage": _image,
    "videoMessage": _video,
    "ptvMessage": _video_note,
    "audioMessage": _audio,
    "documentMessage": _document,
    "stickerMessage": _sticker,
    "locationMessage": _location,
    "contactMessage": _contact,
    "contactsArrayMessage": _contacts,
    "pollCreationMessage": _poll,
    "pollCreationMessageV2": _poll,
    "pollCreationMessageV3": _poll,
    "eventMessage": _event,
}
