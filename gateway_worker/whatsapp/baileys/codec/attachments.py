"""From the bridge's JSON to the kinds with a file. Pure."""

from collections.abc import Mapping
from typing import Any

from gateway_worker.whatsapp.remote_files import KeyClass, RemoteFile
from schemas.content.content import (
    MEDIA_KINDS,
    Audio,
    Content,
    Document,
    Image,
    Media,
    MediaState,
    Sticker,
    Video,
    Voice,
)


def file_content_of(payload: Mapping[str, Any]) -> Content | None:  # noqa: PLR0911 (one line per kind reads best)
    """A content with a file, not fetched yet; None when it is of another kind."""
    if payload["kind"] not in MEDIA_KINDS:
        return None
    media = media_of(payload["media"])
    match payload["kind"]:
        case "image":
            return Image(media=media, caption=payload["caption"])
        case "video":
            return Video(media=media, caption=payload["caption"], gif=payload["gif"], note=payload["note"])
        case "audio":
            return Audio(media=media, seconds=payload["seconds"])
        case "voice":
            return Voice(media=media, seconds=payload["seconds"])
        case "document":
            return Document(media=media, caption=payload["caption"])
        case _:
            return Sticker(media=media, animated=payload["animated"])


def remote_file_of(payload: Mapping[str, Any]) -> RemoteFile | None:
    """Where the file of a content lies; None when it has none, or does not say."""
    media = payload.get("media")
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


def media_of(payload: Mapping[str, Any]) -> Media:
    """What the sender's phone says of a file."""
    return Media(
        mimetype=payload["mimetype"],
        size=payload["size"],
        sha256=payload["sha256"],
        file_name=payload["file_name"],
        state=MediaState.PENDING,
    )


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)
