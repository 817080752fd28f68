"""Files: what is to be fetched, what lies at WhatsApp."""

from dataclasses import dataclass, field
from datetime import datetime

from gateway_worker.store.operations.operation import Operation, Touched
from gateway_worker.store.records import CausedBy, Json, MediaState
from schemas.names import MessageId


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMedia:
    """The file of a message: fetched by a job of its own while it is pending.

    Attributes:
        object: the key in the media bucket under which it is to be put.
        value: see `MediaRecord`.
    """

    state: MediaState
    object: str
    value: Json = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PutMedia(Operation[None]):
    """Have a message's file fetched (again)."""

    message_id: MessageId
    number: int = 0  # which of the messages under this id
    media: NewMedia

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("media", self.message_id)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryMedia(Operation[None]):
    """A file that is still to be fetched could not be now: try again later."""

    message_id: MessageId
    number: int = 0  # which of the messages under this id
    next_try: datetime
    value: Json = field(repr=False)

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("media", self.message_id)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleMedia(Operation[bool]):
    """A file is in the bucket, or will never be; answers False, and tells nothing, when that was settled before.

    `size`: its bytes, of one that is in the bucket. `caused_by`: the command that asked for it, if one did.
    """

    message_id: MessageId
    number: int = 0  # which of the messages under this id
    state: MediaState
    value: Json = field(repr=False)
    event_type: str
    event: Json = field(repr=False)
    error: Json | None = None
    size: int = 0
    caused_by: CausedBy | None = None

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("media", self.message_id)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PutUpload(Operation[None]):
    """Remember where a file lies at WhatsApp's media host.

    Attributes:
        file_class: as what it was uploaded.
        sha256: lower-case hex of the file.
        size: its bytes.
        reference: all that is needed to send it again, and to read it.
    """

    file_class: str
    sha256: str = field(repr=False)
    size: int
    reference: Json = field(repr=False)

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("upload", self.file_class, self.sha256)]
