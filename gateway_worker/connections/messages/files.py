"""The file of a message between the port, its row and what a backend is told of it. Pure."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, cast

from gateway_worker.connections.messages.current import CurrentMessage
from gateway_worker.store.operations.authors import is_group
from gateway_worker.store.operations.media import NewMedia
from gateway_worker.store.operations.media_view import media_of
from gateway_worker.store.records import CausedBy, Direction, Json, MediaRecord, MediaState, MessageName, MessageRecord
from gateway_worker.whatsapp.incoming import ReceivedMessage
from gateway_worker.whatsapp.remote_files import RemoteFile
from schemas.commands.session_settings import MAX_FILE, MediaOptions
from schemas.content.content import MEDIA_KINDS, Media
from schemas.names import SessionId

_SAFE: Final = re.compile(r"^[A-Za-z0-9_-]{1,128}$")
_DESCRIBED: Final = ("mimetype", "size", "sha256", "fileName")


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageOfFile:
    """What makes a message one: its id, its chat and who wrote it."""

    message_id: str
    chat: str
    author: str
    from_me: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file to be fetched: what its row keeps.

    Attributes:
        file: where it lies at WhatsApp.
        kind: of its content.
        chat: as backends know it.
        author: who sent it in a group.
        described: what the sender's phone said of it, in the contract's words.
        limit: most bytes that are wanted.
        refused_at: since when WhatsApp's media host does not have it, in Unix seconds.
        caused_by: the command that asked for it; None of one that is fetched by itself.
    """

    file: RemoteFile
    kind: str
    chat: str
    author: str | None
    from_me: bool
    described: Json = field(repr=False)
    limit: int = MAX_FILE
    refused_at: float | None = None
    caused_by: CausedBy | None = None

    def to_json(self) -> dict[str, Any]:
        """To be stored, encrypted. `media` is what `told_of` reads."""
        return {
            "file": self.file.to_json(),
            "kind": self.kind,
            "chat": self.chat,
            "author": self.author,
            "fromMe": self.from_me,
            "media": self.described,
            "limit": self.limit,
            "refusedAt": self.refused_at,
            **({} if self.caused_by is None else {"causedBy": self.caused_by.to_json()}),
        }

    @classmethod
    def of(cls, record: MediaRecord) -> "Wanted":
        """What a row keeps."""
        stored: Any = record.value
        return cls(
            file=RemoteFile.from_json(stored["file"]),
            kind=stored["kind"],
            chat=stored["chat"],
            author=stored["author"],
            from_me=stored["fromMe"],
            described=stored["media"],
            limit=stored["limit"],
            refused_at=stored["refusedAt"],
            caused_by=CausedBy.of(stored.get("causedBy")),
        )

    def found(self, **described: object) -> "Wanted":
        """With what was found out about the file itself."""
        return replace(self, described={**self.described, **described}, refused_at=None)

    def refused(self, now: datetime) -> "Wanted":
        """WhatsApp's host does not have it; since when, if that is not known."""
        return replace(self, refused_at=now.timestamp()) if self.refused_at is None else self

    def at(self, direct_path: str) -> "Wanted":
        """The sender's phone has put it there."""
        return replace(self, file=self.file.at(direct_path))

    def asked_for(self, caused_by: CausedBy) -> "Wanted":
        """Somebody wants it, however large it is."""
        return replace(self, limit=MAX_FILE, refused_at=None, caused_by=caused_by)


def object_of(session_id: SessionId, message: MessageOfFile, now: datetime) -> str:
    """The key of a received file in the media bucket: nothing in it is of the sender's choice, save a usual id.

    Another message under the same id has another key.
    """
    author = "" if message.from_me else message.author
    digest = hashlib.sha256(f"{message.message_id}\0{message.chat}\0{author}".encode()).hexdigest()
    name = f"{message.message_id}-{digest[:16]}" if _SAFE.match(message.message_id) else digest
    return f"{session_id}/received/{now:%Y/%m}/{name}"


def media_of_message(
    session_id: SessionId, message: ReceivedMessage, options: MediaOptions, now: datetime
) -> tuple[Media, NewMedia] | None:
    """What a backend is told of a message's file at first, and its row; None when it has none."""
    media = getattr(message.content, "media", None)
    if message.file is None or not isinstance(media, Media):
        return None
    state = MediaState.PENDING if is_wanted(message.file.size, options) else MediaState.SKIPPED
    named = MessageOfFile(
        message_id=message.message_id, chat=message.chat, author=message.sender.jid, from_me=message.from_me
    )
    key = object_of(session_id, named, now)
    described = {name: value for name, value in media.to_data().items() if name in _DESCRIBED}
    wanted = Wanted(
        file=message.file,
        kind=message.content.kind,
        chat=message.chat,
        author=message.sender.jid if message.is_group else None,
        from_me=message.from_me,
        described=described,
        limit=options.max_bytes or MAX_FILE,
    )
    shown = Media.model_validate(media_of(state, key, {"media": described}))
    return shown, NewMedia(state=state, object=key, value=wanted.to_json())


def fetched_media(message: MessageRecord, file: RemoteFile, media: Media, key: str, caused_by: CausedBy) -> NewMedia:
    """The row of a stored message's file that somebody asks for."""
    wanted = Wanted(
        file=file,
        kind=message.kind,
        chat=message.chat,
        author=message.sender if is_group(message.chat) else None,
        from_me=message.from_me,
        described={name: value for name, value in media.to_data().items() if name in _DESCRIBED},
        caused_by=caused_by,
    )
    return NewMedia(state=MediaState.PENDING, object=key, value=wanted.to_json())


def is_wanted(size: int | None, options: MediaOptions) -> bool:
    """Whether a file of (as its sender says) so many bytes is fetched by itself; none is above WhatsApp's limit."""
    said = size if size is not None and size <= MAX_FILE else 0
    return options.download and said <= (options.max_bytes or MAX_FILE)


def with_media(message: MessageRecord, now: CurrentMessage, files: Mapping[MessageName, MediaRecord]) -> CurrentMessage:
    """A stored message with its file as it stands. What is not kept any more can only be asked for again."""
    if now.content is None or now.content["kind"] not in MEDIA_KINDS:
        return now
    record, content = files.get((message.message_id, message.number)), cast("dict[str, Any]", now.content)
    if record is not None:
        media = media_of(record.state, record.object, record.value)
    elif message.direction is Direction.INCOMING:
        media: Json = {**content["media"], "state": MediaState.SKIPPED.value}
    else:
        return now
    return replace(now, content={**content, "media": media})


def has_caption(record: MessageRecord) -> bool:
    """Whether words stand below the file of a stored message."""
    return bool(record.content.get("caption"))
