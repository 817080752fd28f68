"""Files of messages: read from the media bucket, and small ones taken from a form."""

import base64
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from gateway_worker.objects.client import S3Client
from gateway_worker.objects.media import MediaObjects
from schemas.content.outgoing_media import MAX_INLINE

_SHOWN: Final = re.compile(r"(image/(jpeg|png|gif|webp)|(audio|video)/[a-z0-9.+-]{1,64})(; ?codecs=[a-z0-9.]{1,32})?")
"""What a browser may show in a page of ours; everything else is a download."""
_RANGE: Final = re.compile(r"bytes=([0-9]{1,15})-([0-9]{1,15})?")
KINDS: Final = ("image", "video", "audio", "voice", "document", "sticker")
Document = dict[str, Any]


class TooLargeError(Exception):
    """A file does not fit into a command."""


@dataclass(slots=True)
class Files:
    """The media bucket, to read from. Every call raises as `S3Client` says."""

    client: S3Client
    bucket: str

    @asynccontextmanager
    async def reading(
        self, key: str, wanted: tuple[int, int]
    ) -> AsyncGenerator[tuple[AsyncIterator[bytes], str | None]]:
        """The bytes of an object, piece by piece: see `MediaObjects.reading_part`."""
        async with MediaObjects(self.client, self.bucket).reading_part(key, *wanted) as part:
            yield part

    async def stop(self) -> None:
        """Close the connections."""
        await self.client.stop()


def part_of(header: str | None) -> tuple[int, int]:
    """What a ``Range`` header asks for, as offset and length; all of it where that is not one plain range.

    Players ask for parts: to go to a place in a film, and one browser for whatever it plays.
    """
    found = _RANGE.fullmatch(header or "")
    if found is None:
        return 0, 0
    first, last = int(found[1]), int(found[2] or -1)
    return (first, last - first + 1) if last >= first else (first if last < 0 else 0, 0)


def shown_as(mimetype: str) -> str | None:
    """As what a browser may show it; None: as nothing, it is a download."""
    plain = mimetype.strip(" ").lower()
    return plain if _SHOWN.fullmatch(plain) else None


def belongs_to(key: str, session_id: str) -> bool:
    """Whether an object is one that a session's messages may name."""
    return key.startswith((f"{session_id}/", "uploads/")) and ".." not in key.split("/")


def content_of(body: bytes, mimetype: str, name: str, kind: str | None, caption: str) -> Document:
    """What `message.send` takes for a file.

    Raises:
        TooLargeError: it has more than a command may carry.
    """
    if len(body) > MAX_INLINE:
        raise TooLargeError
    media = {"base64": base64.b64encode(body).decode(), "mimetype": mimetype, "fileName": name}
    return _with_caption(kind or kind_of(mimetype), media, caption)


def content_at(url: str, kind: str | None, caption: str) -> Document:
    """What `message.send` takes for a file at an address."""
    return _with_caption(kind or "document", {"url": url}, caption)


def kind_of(mimetype: str) -> str:
    """What a file is sent as, unless somebody says otherwise."""
    plain = mimetype.partition(";")[0].strip().lower()
    if plain == "image/webp":
        return "sticker"
    return {"image": "image", "video": "video", "audio": "audio"}.get(plain.partition("/")[0], "document")


def _with_caption(kind: str, media: Document, caption: str) -> Document:
    content: Document = {"kind": kind, "media": {name: value for name, value in media.items() if value}}
    if caption and kind in {"image", "video", "document"}:
        content["caption"] = caption
    return content
