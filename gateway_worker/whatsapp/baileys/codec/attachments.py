"""From the bridge's JSON to the kinds with a file. Pure."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway_worker.whatsapp.baileys.channel import messages
from gateway_worker.whatsapp.remote_files import KeyClass, RemoteFile
from schemas.content.content import Audio, Document, Image, Media, MediaState, Sticker, Video, Voice


def remote_file_of(content: Mapping[str, Any]) -> RemoteFile | None:
    """Where the file of a content lies; None when it has none, or does not say."""
    media: messages.Attachment | None = content.get("media")
    if not media or media["lies"] is None:
        return None
    lies = media["lies"]
    return RemoteFile(
        key_class=KeyClass(lies["file_class"]),
        url=lies["url"],
        direct_path=lies["direct_path"],
        media_key=bytes.fromhex(lies["media_key"]),
        sha256=_bytes(media["sha256"]),
        encrypted_sha256=_bytes(lies["encrypted_sha256"]),
        size=media["size"],
    )


def media_of(attachment: messages.Attachment) -> Media:
    """What the sender's phone says of a file, which is not fetched yet."""
    return Media(
        mimetype=attachment["mimetype"],
        size=attachment["size"],
        sha256=attachment["sha256"],
        file_name=attachment["file_name"],
        state=MediaState.PENDING,
    )


def _image(content: messages.ImageContent) -> Image:
    return Image(media=media_of(content["media"]), caption=content["caption"])


def _video(content: messages.VideoContent) -> Video:
    media = media_of(content["media"])
    return Video(media=media, caption=content["caption"], gif=content["gif"], note=content["note"])


def _audio(content: messages.AudioContent) -> Audio:
    return Audio(media=media_of(content["media"]), seconds=content["seconds"])


def _voice(content: messages.VoiceContent) -> Voice:
    return Voice(media=media_of(content["media"]), seconds=content["seconds"])


def _document(content: messages.DocumentContent) -> Document:
    return Document(media=media_of(content["media"]), caption=content["caption"])


def _sticker(content: messages.StickerContent) -> Sticker:
    return Sticker(media=media_of(content["media"]), animated=content["animated"])


FILES: Final[Mapping[str, Callable[[Any], Image | Video | Audio | Voice | Document | Sticker]]] = {
    "image": _image,
    "video": _video,
    "audio": _audio,
    "voice": _voice,
    "document": _document,
    "sticker": _sticker,
}
"""How each kind with a file is read."""


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)
