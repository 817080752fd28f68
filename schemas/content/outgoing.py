"""What a command may send, by `kind`: the models of `content`, checked as hard as WhatsApp's own clients would."""

from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from schemas.addresses import Phone
from schemas.content.content import (
    MAX_DESCRIPTION,
    MAX_NAME,
    MAX_TITLE,
    MAX_URL,
    MAX_VCARD,
    ContactCard,
    Contacts,
    LinkPreview,
    PlainLocation,
    PlainText,
    Poll,
    kind_of,
    tag_of,
)
from schemas.content.outgoing_media import (
    OutgoingAudio,
    OutgoingDocument,
    OutgoingImage,
    OutgoingSticker,
    OutgoingVideo,
    OutgoingVoice,
)
from schemas.content.vcards import MAX_CARD_FILE, cards_in, without_pictures
from schemas.model import MAX_TEXT, Many, Prose, StrictModel, Visible
from schemas.problems import problem_at
from schemas.web_addresses import web_address

OUTGOING_KINDS: Final = (
    *("text", "location", "contacts", "poll"),
    *("image", "video", "audio", "voice", "document", "sticker"),
)
"""The kinds `message.send` takes now."""

_MAX_CARDS: Final = 100
_MAX_PHONES: Final = 10
_AROUND_CARDS: Final = " \t\r\n\ufeff"
_MIN_OPTIONS, _MAX_OPTIONS = 2, 12  # as WhatsApp's own clients offer
_MAX_QUESTION: Final = 255
_MAX_OPTION: Final = 100


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of printable characters")
    return text


_Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME), Visible, AfterValidator(_one_line)]


class OutgoingLinkPreview(LinkPreview, StrictModel):
    """A link preview as a command gives it."""

    url: Annotated[str, StringConstraints(max_length=MAX_URL), AfterValidator(web_address)]
    title: Annotated[str, StringConstraints(min_length=1, max_length=MAX_TITLE), Prose]
    description: Annotated[str, StringConstraints(max_length=MAX_DESCRIPTION), Prose] | None = None


class OutgoingText(PlainText, StrictModel):
    """A text as a command gives it: 1 to 65,536 characters, something visible among them."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT), Visible, Prose, Field(repr=False)]
    link_preview: OutgoingLinkPreview | None = None  # pyright: ignore[reportIncompatibleVariableOverride] (frozen, so narrower is safe)


_Address = Annotated[str, StringConstraints(max_length=MAX_DESCRIPTION), Prose]


class OutgoingLocation(PlainLocation, StrictModel):
    """A place as a command gives it."""

    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, repr=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, repr=False)]
    name: Annotated[Annotated[str, StringConstraints(max_length=MAX_NAME), Prose] | None, Field(repr=False)] = None
    address: Annotated[_Address | None, Field(repr=False)] = None


class OutgoingContactCard(ContactCard, StrictModel):
    """A person as a command gives it: `name` and `phones`, of which we make a vCard, or a `vcard` alone.

    A `vcard` may hold several cards: each is a contact. Photos and other pictures in it are not sent.
    """

    name: _Name | None = None
    phones: Annotated[Many[Phone], Field(max_length=_MAX_PHONES)] = ()  # pyright: ignore[reportIncompatibleVariableOverride] (frozen, so narrower is safe)
    organization: _Name | None = None
    email: Annotated[str, StringConstraints(max_length=MAX_NAME, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    vcard: Annotated[str, StringConstraints(max_length=MAX_CARD_FILE), Prose] | None = None

    @field_validator("vcard")
    @classmethod
    def _is_a_card(cls, vcard: str | None) -> str | None:
        if vcard is None:
            return None
        shown = without_pictures(vcard)
        ends = shown.strip(_AROUND_CARDS)
        if ends[:11].upper() != "BEGIN:VCARD" or ends[-9:].upper() != "END:VCARD":
            raise ValueError("must be a vCard: BEGIN:VCARD to END:VCARD")
        if any(len(card) > MAX_VCARD for card in cards_in(shown)):
            raise ValueError(f"must have at most {MAX_VCARD} characters for each card, pictures not counted")
        return shown

    @model_validator(mode="after")
    def _one_way(self) -> "OutgoingContactCard":
        fields = self.name, self.phones, self.organization, self.email
        if self.vcard is not None and any(fields):
            raise problem_at("vcard", "must stand alone: it says everything itself")
        if self.vcard is None and (self.name is None or not self.phones):
            raise problem_at("name" if self.name is None else "phones", "is required without a vcard")
        return self


def _people_of(contact: OutgoingContactCard) -> Iterator[OutgoingContactCard]:
    cards = [] if contact.vcard is None else cards_in(contact.vcard)
    if len(cards) <= 1:
        yield contact
        return
    for card in cards:
        yield contact.model_copy(update={"vcard": card})


class OutgoingContacts(Contacts, StrictModel):
    """People as a command gives them."""

    contacts: Annotated[Many[OutgoingContactCard], Field(min_length=1, max_length=_MAX_CARDS, repr=False)]  # pyright: ignore[reportIncompatibleVariableOverride] (frozen, so narrower is safe)

    @field_validator("contacts")
    @classmethod
    def _one_by_one(cls, contacts: tuple[OutgoingContactCard, ...]) -> tuple[OutgoingContactCard, ...]:
        """A file of several cards is as many contacts."""
        each = tuple(one for contact in contacts for one in _people_of(contact))
        if len(each) > _MAX_CARDS:
            raise ValueError(f"must be at most {_MAX_CARDS} cards")
        return each


_Question = Annotated[str, StringConstraints(min_length=1, max_length=_MAX_QUESTION), Visible, Prose]
_Option = Annotated[str, StringConstraints(min_length=1, max_length=_MAX_OPTION), Visible, Prose]
_Options = Annotated[Many[_Option], Field(min_length=_MIN_OPTIONS, max_length=_MAX_OPTIONS, repr=False)]


class OutgoingPoll(Poll, StrictModel):
    """A poll as a command gives it: 2 to 12 different options."""

    question: Annotated[_Question, Field(repr=False)]
    options: _Options  # pyright: ignore[reportIncompatibleVariableOverride] (frozen, so narrower is safe)
    selectable: Annotated[int, Field(ge=1)] = 1

    @field_validator("options")
    @classmethod
    def _differ(cls, options: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(options)) < len(options):
            raise ValueError("must differ from each other")
        return options

    @field_validator("selectable")
    @classmethod
    def _are_there(cls, selectable: int, fields: ValidationInfo) -> int:
        if selectable > len(fields.data.get("options", range(selectable))):
            raise ValueError("must not be more than there are options")
        return selectable


def _kind_is_known(value: object) -> object:
    """Name the kinds we take before anything else is looked at."""
    if kind_of(value, OUTGOING_KINDS[0]) not in OUTGOING_KINDS:
        kinds = ", ".join(OUTGOING_KINDS)
        raise PydanticCustomError("kind", "must be one of the supported kinds: {kinds}", {"kinds": kinds})
    return value


OutgoingContent = Annotated[
    Annotated[OutgoingText, Tag("kind=text")]
    | Annotated[OutgoingLocation, Tag("kind=location")]
    | Annotated[OutgoingContacts, Tag("kind=contacts")]
    | Annotated[OutgoingPoll, Tag("kind=poll")]
    | Annotated[OutgoingImage, Tag("kind=image")]
    | Annotated[OutgoingVideo, Tag("kind=video")]
    | Annotated[OutgoingAudio, Tag("kind=audio")]
    | Annotated[OutgoingVoice, Tag("kind=voice")]
    | Annotated[OutgoingDocument, Tag("kind=document")]
    | Annotated[OutgoingSticker, Tag("kind=sticker")],
    Discriminator(tag_of, custom_error_type="kind", custom_error_message="must be one of the supported kinds"),
    BeforeValidator(_kind_is_known),
]
"""The content of `message.send`, by `kind`."""
