"""Files as commands give them: where each lies, and what kind of message it becomes."""

import re
from typing import Annotated, Any, Final, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, WithJsonSchema, model_validator

from schemas.content.content import MAX_MIMETYPE, MAX_NAME, MAX_OBJECT, MAX_URL
from schemas.model import MAX_TEXT, Prose, StrictModel, exactly_one
from schemas.problems import problem_at
from schemas.web_addresses import open_address

MAX_INLINE: Final = 1024 * 1024  # bytes of a file within a command
MAX_SECONDS: Final = 24 * 3600
UPLOADS: Final = "uploads/"
"""The folder of the media bucket where backends put what any session may send."""

_MIMETYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+(\s*;\s*[\w.-]+=(\"[^\"\r\n]*\"|[\w.+-]+))*", re.ASCII)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_SOURCES: Final = ("url", "object", "base64")
_MAX_BASE64: Final = 24 * 1024 * 1024  # characters: what is over MAX_INLINE is too large, not malformed


def _key(key: str) -> str:
    """A key that names one object, the same to everybody who reads it."""
    parts = key.split("/")
    if not key.isprintable() or "\\" in key or any(part in {"", ".", ".."} for part in parts):
        raise ValueError("must be the key of an object, without empty parts, `.` or `..`")
    if len(key.encode()) > MAX_OBJECT:
        raise ValueError(f"must have at most {MAX_OBJECT} bytes")
    return key


def _base64(text: str) -> str:
    if len(text) % 4 or not _BASE64.fullmatch(text):
        raise ValueError("must be base64 with its padding (RFC 4648, section 4)")
    return text


def _mimetype(text: str) -> str:
    if not _MIMETYPE.fullmatch(text):
        raise ValueError("must be a media type such as image/jpeg")
    return text


def _file_name(name: str) -> str:
    if not name.isprintable() or not name.strip() or "/" in name or "\\" in name or name in {".", ".."}:
        raise ValueError("must be the name of a file, without folders")
    return name


def _one_source(schema: dict[str, Any]) -> None:
    schema.update(exactly_one(*_SOURCES))


_Url = Annotated[str, StringConstraints(max_length=MAX_URL), AfterValidator(open_address)]
_Key = Annotated[str, StringConstraints(max_length=MAX_OBJECT), AfterValidator(_key)]
_Inline = Annotated[
    str,
    StringConstraints(max_length=_MAX_BASE64),
    AfterValidator(_base64),
    WithJsonSchema({"type": "string", "contentEncoding": "base64"}),
]
_FileName = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME), AfterValidator(_file_name)]


class MediaSource(StrictModel):
    """A file: at an `url` (https), under a key of the media bucket, or within the command (at most 1 MiB decoded).

    What it is, is found by looking at it. A document is called what `mimetype` says, unless its bytes contradict that.

    Attributes:
        url: where it lies: an https address.
        object: its key in the media bucket, under `<sessionId>/` or `uploads/`.
        base64: the file itself, at most 1 MiB decoded.
        mimetype: what it is; without it, that is found out.
        file_name: what it is called; without it, as its address or key ends.
    """

    model_config = ConfigDict(json_schema_extra=_one_source)

    url: Annotated[_Url | None, Field(repr=False)] = None
    object: _Key | None = None
    base64: Annotated[_Inline | None, Field(repr=False)] = None
    mimetype: Annotated[str, StringConstraints(max_length=MAX_MIMETYPE), AfterValidator(_mimetype)] | None = None
    file_name: Annotated[_FileName | None, Field(repr=False)] = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "MediaSource":
        given = [name for name in _SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            raise problem_at(given[1] if given else "url", "must be given alone: url, object or base64")
        return self

    @property
    def name(self) -> str | None:
        """What the file is called: as it was given, else as its link or its key ends."""
        if self.file_name is not None:
            return self.file_name
        place = self.object if self.url is None else unquote(urlsplit(self.url).path)
        name = (place or "").rpartition("/")[2][-MAX_NAME:]
        return name if name.strip() and name.isprintable() else None

    def belongs_to(self, session_id: str) -> bool:
        """Whether the session may send it: an object must lie in its own folder, or among the uploads."""
        return self.object is None or self.object.startswith((f"{session_id}/", UPLOADS))


_Caption = Annotated[Annotated[str, StringConstraints(max_length=MAX_TEXT), Prose] | None, Field(repr=False)]
_Seconds = Annotated[int, Field(ge=0, le=MAX_SECONDS)] | None


class OutgoingImage(StrictModel):
    """A picture: JPEG or PNG as it is but for private metadata, other pictures (HEIC, AVIF, WebP, TIFF …) as JPEG."""

    kind: Literal["image"] = "image"
    media: MediaSource
    caption: _Caption = None


class OutgoingVideo(StrictModel):
    """A video: MP4 as it is but for private metadata, others as MP4; `gif` loops, and may be a GIF; `note` is round.

    Attributes:
        seconds: how long it lasts; without it, that is found out.
        gif: it plays in a loop, without sound.
        note: it is a round one.
    """

    kind: Literal["video"] = "video"
    media: MediaSource
    caption: _Caption = None
    seconds: _Seconds = None
    gif: bool = False
    note: bool = False

    @model_validator(mode="after")
    def _one_manner(self) -> "OutgoingVideo":
        if self.gif and self.note:
            raise problem_at("note", "must not be set together with gif")
        if self.note and self.caption:
            raise problem_at("caption", "must not be given with a note: WhatsApp shows none")
        return self


class OutgoingAudio(StrictModel):
    """A sound file: as it is where phones play it, else in Ogg or as AAC; its length is found out unless given.

    Attributes:
        seconds: how long it lasts; without it, that is found out.
    """

    kind: Literal["audio"] = "audio"
    media: MediaSource
    seconds: _Seconds = None


class OutgoingVoice(StrictModel):
    """A voice message (push to talk): Opus in Ogg as it is, other sound, that of telephones too, converted to that.

    Attributes:
        seconds: how long it lasts; without it, that is found out.
    """

    kind: Literal["voice"] = "voice"
    media: MediaSource
    seconds: _Seconds = None


class OutgoingDocument(StrictModel):
    """Any file."""

    kind: Literal["document"] = "document"
    media: MediaSource
    caption: _Caption = None


class OutgoingSticker(StrictModel):
    """A sticker: WebP that fits as it is, still or moving; other pictures are converted, moving ones as such."""

    kind: Literal["sticker"] = "sticker"
    media: MediaSource


OutgoingFile = OutgoingImage | OutgoingVideo | OutgoingAudio | OutgoingVoice | OutgoingDocument | OutgoingSticker
"""The contents with a file."""
