"""What a message carries, by `kind`.

`Content` is what arrives and what an engine sends. What a command may carry is checked harder: `outgoing`.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Final, Literal, cast

from pydantic import Discriminator, Field, Tag

from schemas.bounds import cut, first
from schemas.content.offers import MAX_BUTTONS, MAX_ROWS, Button, Invite, Row, Selected
from schemas.model import MAX_TEXT, Instant, Model

MAX_URL: Final = 2048
MAX_TITLE: Final = 512
MAX_DESCRIPTION: Final = 2048
MAX_NAME: Final = 512
MAX_VCARD: Final = 16_384
MAX_OBJECT: Final = 1024  # S3's own limit
MAX_MIMETYPE: Final = 255
MAX_CARDS: Final = 256
MAX_POLL_OPTIONS: Final = 64  # WhatsApp's clients offer 12; strangers may send more


class LinkPreview(Model):
    """What a message shows of a link; given by the sender, nothing is fetched.

    Attributes:
        url: the link.
        title: what stands in bold.
        description: what stands below the title.
    """

    url: Annotated[str, cut(MAX_URL)]
    title: Annotated[str, cut(MAX_TITLE)]
    description: Annotated[str, cut(MAX_DESCRIPTION)] | None = None


class Offering(Model):
    """What a business's message offers beside its text.

    Attributes:
        buttons: what can be pressed; received messages only.
        rows: what can be chosen; received messages only.
    """

    buttons: Annotated[
        Annotated[Sequence[Button], first(MAX_BUTTONS)] | None, Field(repr=False, description="received messages only")
    ] = None
    rows: Annotated[
        Annotated[Sequence[Row], first(MAX_ROWS)] | None, Field(repr=False, description="received messages only")
    ] = None


class PlainText(Model):
    """A text of at most 65,536 characters.

    Attributes:
        text: what it says.
        link_preview: what it shows of a link in it.
    """

    kind: Literal["text"] = "text"
    text: Annotated[str, cut(MAX_TEXT), Field(repr=False)]
    link_preview: LinkPreview | None = None


class Text(PlainText, Offering):
    """A text, or a message of a business as a phone shows it: header, body and footer, a line each or more.

    It is empty where somebody wrote from an advertisement and said nothing.
    """

    selected: Annotated[
        Selected | None, Field(description="the text is that of a button or row: somebody chose it")
    ] = None
    invite: Annotated[Invite | None, Field(description="it invites to a group or a channel")] = None


class PlainLocation(Model):
    """A place; degrees, north and east positive.

    Attributes:
        name: what the place is called.
        address: where it is, in words.
    """

    kind: Literal["location"] = "location"
    latitude: Annotated[float, Field(repr=False)]
    longitude: Annotated[float, Field(repr=False)]
    name: Annotated[Annotated[str, cut(MAX_NAME)] | None, Field(repr=False)] = None
    address: Annotated[Annotated[str, cut(MAX_DESCRIPTION)] | None, Field(repr=False)] = None


class Location(PlainLocation):
    """A place, or where somebody is who shares it while moving."""

    live: Annotated[bool | None, Field(description="it moves; further places come without a message of their own")] = (
        None
    )
    caption: Annotated[Annotated[str, cut(MAX_TEXT)] | None, Field(repr=False)] = None


class ContactCard(Model):
    """A person: what we could read of the card; and the card itself, where it holds more.

    Attributes:
        name: what the person is called.
        phones: as WhatsApp vouches for them (E.164), else as somebody wrote them.
        organization: where the person works.
        email: the person's address.
        vcard: the card as it came, without its pictures.
    """

    name: Annotated[str, cut(MAX_NAME)] | None = None
    phones: Sequence[str] = ()
    organization: Annotated[str, cut(MAX_NAME)] | None = None
    email: Annotated[str, cut(MAX_NAME)] | None = None
    vcard: Annotated[str, cut(MAX_VCARD)] | None = None


class Contacts(Model):
    """One person or several.

    Attributes:
        contacts: one card for each person.
    """

    kind: Literal["contacts"] = "contacts"
    contacts: Annotated[Sequence[ContactCard], first(MAX_CARDS), Field(repr=False)]


class Poll(Model):
    """A question and its options; `selectable` tells how many may be chosen, 0 any number.

    Attributes:
        question: what is asked.
        options: what can be chosen.
        selectable: how many may be chosen; 0: any number.
    """

    kind: Literal["poll"] = "poll"
    question: Annotated[str, cut(MAX_TITLE), Field(repr=False)]
    options: Annotated[Sequence[Annotated[str, cut(MAX_TITLE)]], first(MAX_POLL_OPTIONS), Field(repr=False)]
    selectable: int = 1


class Place(Model):
    """Where something is; degrees where they are known.

    Attributes:
        name: what the place is called.
        address: where it is, in words.
    """

    latitude: Annotated[float | None, Field(repr=False)] = None
    longitude: Annotated[float | None, Field(repr=False)] = None
    name: Annotated[Annotated[str, cut(MAX_NAME)] | None, Field(repr=False)] = None
    address: Annotated[Annotated[str, cut(MAX_DESCRIPTION)] | None, Field(repr=False)] = None


class Event(Model):
    """Something that is planned: an event of a group, a call (events only).

    Attributes:
        name: what it is called.
        description: what it is about.
        place: where it is.
    """

    kind: Literal["event"] = "event"
    name: Annotated[str, cut(MAX_TITLE), Field(repr=False)]
    description: Annotated[Annotated[str, cut(MAX_DESCRIPTION)] | None, Field(repr=False)] = None
    starts_at: Annotated[Instant | None, Field(description="when it begins")] = None
    ends_at: Annotated[Instant | None, Field(description="when it ends, where that is said")] = None
    place: Place | None = None
    join_link: Annotated[Annotated[str, cut(MAX_URL)] | None, Field(repr=False, description="of its call")] = None
    cancelled: Annotated[bool | None, Field(description="it will not take place")] = None


class Album(Model):
    """The header of an album (events only). Its parts are messages whose `association` names it."""

    kind: Literal["album"] = "album"
    images: Annotated[int, Field(description="pictures that follow")]
    videos: Annotated[int, Field(description="videos that follow")]


class MediaState(StrEnum):
    """How far the file of a message is; incoming ones are fetched by a job of their own.

    Attributes:
        PENDING: on its way: into the bucket (incoming), or to WhatsApp (outgoing)
        READY: it is there
        FAILED: it could not be fetched
        SKIPPED: it is not downloaded by itself: ``media.fetch.v1`` gets it
    """

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"
    SKIPPED = "skipped"


class Media(Model):
    """A message's file, by reference. What the sender's phone said of it until `state` is ready; then what we found.

    Attributes:
        object: its key in the media bucket, where it is once `state` is ready.
        mimetype: its media type.
        size: bytes, decrypted.
        sha256: lower-case hex of the decrypted file.
        file_name: what it is called.
        state: how far it is.
    """

    object: Annotated[str, cut(MAX_OBJECT)] | None = None
    mimetype: Annotated[str, cut(MAX_MIMETYPE)] | None = None
    size: int | None = None
    sha256: Annotated[str, cut(64)] | None = None
    file_name: Annotated[Annotated[str, cut(MAX_NAME)] | None, Field(repr=False)] = None
    state: MediaState


_Caption = Annotated[Annotated[str, cut(MAX_TEXT)] | None, Field(repr=False)]


class Image(Offering):
    """A picture."""

    kind: Literal["image"] = "image"
    media: Media
    caption: _Caption = None


class Video(Offering):
    """A video; `gif` plays in a loop without sound, `note` is a round one.

    Attributes:
        gif: it plays in a loop, without sound.
        note: it is a round one.
    """

    kind: Literal["video"] = "video"
    media: Media
    caption: _Caption = None
    gif: bool | None = None
    note: bool | None = None


class Audio(Model):
    """A sound file.

    Attributes:
        seconds: how long it lasts.
    """

    kind: Literal["audio"] = "audio"
    media: Media
    seconds: int | None = None


class Voice(Model):
    """A voice message (push to talk).

    Attributes:
        seconds: how long it lasts.
    """

    kind: Literal["voice"] = "voice"
    media: Media
    seconds: int | None = None


class Document(Offering):
    """Any file."""

    kind: Literal["document"] = "document"
    media: Media
    caption: _Caption = None


class Sticker(Model):
    """A sticker; a WebP picture.

    Attributes:
        animated: it moves.
    """

    kind: Literal["sticker"] = "sticker"
    media: Media
    animated: bool | None = None


class SetAsideReason(StrEnum):
    """Why something was set aside: kept as it came, told as `unsupported`, and never tried again by itself.

    Attributes:
        FAILED: our code could not read or describe it
        REFUSED: the database refused what it holds
        TOO_LARGE: it fits neither an event nor what our processes pass to each other
        ENDED_PROCESS: a process died, or stood still, whenever it was being read
    """

    FAILED = "failed"
    REFUSED = "refused"
    TOO_LARGE = "too_large"
    ENDED_PROCESS = "ended_process"


class Unsupported(Model):
    """Something we cannot express yet (events only). `whatsapp_type` is the field of WAProto's `Message`.

    `reason` tells that it was set aside; then `whatsapp_type` is `unknown` where nobody could look.

    Attributes:
        whatsapp_type: the field of WAProto's `Message` that it came in; `unknown` where nobody could look.
        reason: why it was set aside; missing: there are only no words for it yet.
    """

    kind: Literal["unsupported"] = "unsupported"
    whatsapp_type: Annotated[str, cut(128)]
    reason: SetAsideReason | None = None


def kind_of(value: object, otherwise: str | None = None) -> object:
    """The `kind` of JSON or of a model; `otherwise` of what is neither."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, object]", value).get("kind")
    return getattr(value, "kind", otherwise)


def tag_of(value: object) -> str:
    """The tag by which a union of kinds finds its member; `problems` leaves it out of paths."""
    return f"kind={kind_of(value)}"


Content = Annotated[
    Annotated[Text, Tag("kind=text")]
    | Annotated[Location, Tag("kind=location")]
    | Annotated[Contacts, Tag("kind=contacts")]
    | Annotated[Poll, Tag("kind=poll")]
    | Annotated[Event, Tag("kind=event")]
    | Annotated[Album, Tag("kind=album")]
    | Annotated[Image, Tag("kind=image")]
    | Annotated[Video, Tag("kind=video")]
    | Annotated[Audio, Tag("kind=audio")]
    | Annotated[Voice, Tag("kind=voice")]
    | Annotated[Document, Tag("kind=document")]
    | Annotated[Sticker, Tag("kind=sticker")]
    | Annotated[Unsupported, Tag("kind=unsupported")],
    Discriminator(tag_of, custom_error_type="kind", custom_error_message="must be a known kind"),
]
"""The content of a message, by `kind`."""

MEDIA_KINDS: Final = frozenset({"image", "video", "audio", "voice", "document", "sticker"})
CONTENT_KINDS: Final = MEDIA_KINDS | {"text", "location", "contacts", "poll", "event", "album", "unsupported"}
FORWARDED_KINDS: Final = MEDIA_KINDS | {"text", "location", "contacts"}
"""What may be passed on: the rest counts in its own chat alone, or is no content."""
