"""Messages with a file: where in a `Message` the file is, and how a phone writes one. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from gateway_worker.simulator.content.reading import unwrap
from gateway_worker.simulator.content.shapes import Json, Means
from gateway_worker.simulator.errors import Invalid
from gateway_worker.simulator.strict_body import Body, decode_base64
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import ContextInfo, Message
from gateway_worker.simulator.wire.media import MediaKind

MAX_FILE = 100 << 20
"""Bytes of a file that a phone sends."""

MAX_CAPTION = 65_536
"""Characters of a caption."""

_VIEWED_ONCE = ("image", "video", "voice")
_KEYS_OF: dict[str, MediaKind] = {
    "imageMessage": "Image",
    "videoMessage": "Video",
    "ptvMessage": "Video",
    "audioMessage": "Audio",
    "documentMessage": "Document",
    "stickerMessage": "Image",
}
_FIELD_OF = {
    "image": "imageMessage",
    "video": "videoMessage",
    "audio": "audioMessage",
    "voice": "audioMessage",
    "document": "documentMessage",
    "sticker": "stickerMessage",
}
_MIMETYPES = {
    "image": "image/jpeg",
    "video": "video/mp4",
    "audio": "audio/mp4",
    "voice": "audio/ogg; codecs=opus",
    "document": "application/octet-stream",
    "sticker": "image/webp",
}
_WRITABLE = {
    "image": ("caption",),
    "video": ("caption", "gif", "note", "seconds"),
    "audio": ("seconds",),
    "voice": ("seconds",),
    "document": ("caption",),
    "sticker": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """The part of a message that names a file. `part` has its `mediaKey`, `directPath` and hashes."""

    kind: MediaKind
    part: Any


def file_part(message: Message) -> FilePart | None:
    """The file of a message; None if it has none."""
    bare = unwrap(message)
    for name, kind in _KEYS_OF.items():
        if bare.HasField(cast("Any", name)):
            return FilePart(kind=kind, part=getattr(bare, name))
    return None


def write_file(
    kind: str, content: Mapping[str, Any], means: Means, context: ContextInfo | None, *, view_once: bool
) -> Message:
    """The message for a kind with a file, which is uploaded. `Invalid` if a field is wrong."""
    if view_once and kind not in _VIEWED_ONCE:
        raise Invalid("content.invalid", "only images, videos and voice messages are viewed once")
    body = Body({name: value for name, value in content.items() if name != "kind"})
    media = Body(body.mapping("media"))
    file, mimetype = _decode(media.raw("base64")), media.text("mimetype", _MIMETYPES[kind])
    file_name = media.text("fileName", "")
    media.done()
    values = _values(kind, body)
    body.done()
    field = "ptvMessage" if values.pop("note", False) else _FIELD_OF[kind]
    uploaded = means.upload(file, _KEYS_OF[field])
    values |= {
        "url": uploaded.url,
        "directPath": uploaded.direct_path,
        "mediaKey": uploaded.media_key,
        "fileSha256": uploaded.sha256,
        "fileEncSha256": uploaded.blob_sha256,
        "fileLength": uploaded.size,
        "mediaKeyTimestamp": uploaded.timestamp,
        "mimetype": mimetype,
        "contextInfo": context,
    }
    if kind == "document":
        values |= {"fileName": file_name or "file", "title": file_name or "file"}
    return _cover(field, values, view_once=view_once)


def _values(kind: str, body: Body) -> Json:
    """What the contract says of the file besides itself, under WhatsApp's names."""
    values: Json = {}
    writable = _WRITABLE[kind]
    if "caption" in writable and (caption := body.text("caption", "", limit=MAX_CAPTION)):
        values["caption"] = caption
    if "seconds" in writable and (seconds := body.whole("seconds", 0, 1 << 20)) is not None:
        values["seconds"] = seconds
    if "gif" in writable and body.flag("gif"):
        values["gifPlayback"] = True
    if "note" in writable and body.flag("note"):
        values["note"] = True
    if kind == "voice":
        values["ptt"] = True
    return values


def _cover(field: str, values: Json, *, view_once: bool) -> Message:
    if view_once:
        values["viewOnce"] = True
    message = Message(**cast("dict[str, Any]", {field: values}))
    if view_once:
        return Message(viewOnceMessageV2=Message.FutureProofMessage(message=message))
    if field == "documentMessage" and "caption" in values:
        return Message(documentWithCaptionMessage=Message.FutureProofMessage(message=message))
    return message


def _decode(value: object) -> bytes:
    file = decode_base64(value, "content.media.base64")
    if not 0 < len(file) <= MAX_FILE:
        raise Invalid("content.invalid", f"content.media.base64 must hold 1 to {MAX_FILE} bytes")
    return file
