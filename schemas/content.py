"""What a message carries, by `kind`.

`Content` is what arrives and what an engine sends; `OutgoingContent` what a command may carry, which is checked harder.
Media, location, contacts and polls join with their own commands.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, StringConstraints, Tag
from pydantic_core import PydanticCustomError

from schemas.model import MAX_TEXT, Model, Prose, StrictModel

MAX_URL: Final = 2048
MAX_TITLE: Final = 512
MAX_DESCRIPTION: Final = 2048

OUTGOING_KINDS: Final = ("text",)
"""The kinds `message.send` takes now."""


def _cut(limit: int) -> AfterValidator:
    """Cut what strangers send us to `limit` characters: refusing it would lose the message."""
    return AfterValidator(lambda text: cast("str", text)[:limit])


class LinkPreview(Model):
    """What a message shows of a link; given by the sender, nothing is fetched."""

    url: Annotated[str, _cut(MAX_URL)]
    title: Annotated[str, _cut(MAX_TITLE)]
    description: Annotated[str, _cut(MAX_DESCRIPTION)] | None = None


class Text(Model):
    """A text of at most 65,536 characters."""

    kind: Literal["text"] = "text"
    text: Annotated[str, _cut(MAX_TEXT), Field(repr=False)]
    link_preview: LinkPreview | None = None


class Unsupported(Model):
    """Something we cannot express yet (events only). `whatsapp_type` is the field of WAProto's `Message`."""

    kind: Literal["unsupported"] = "unsupported"
    whatsapp_type: Annotated[str, _cut(128)]


def _kind_of(value: object, otherwise: str | None = None) -> object:
    """The `kind` of JSON or of a model; `otherwise` of what is neither."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, object]", value).get("kind")
    return getattr(value, "kind", otherwise)


def _tag_of(value: object) -> str:
    return f"kind={_kind_of(value)}"


Content = Annotated[
    Annotated[Text, Tag("kind=text")] | Annotated[Unsupported, Tag("kind=unsupported")],
    Discriminator(_tag_of, custom_error_type="kind", custom_error_message="must be text or unsupported"),
]
"""The content of a message, by `kind`."""


def _visible(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _web_address(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ValueError("must be an http or https address") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or not url.isprintable():
        raise ValueError("must be an http or https address")
    return url


class OutgoingLinkPreview(LinkPreview, StrictModel):
    """A link preview as a command gives it."""

    url: Annotated[str, StringConstraints(max_length=MAX_URL), AfterValidator(_web_address)]
    title: Annotated[str, StringConstraints(min_length=1, max_length=MAX_TITLE), Prose]
    description: Annotated[str, StringConstraints(max_length=MAX_DESCRIPTION), Prose] | None = None


class OutgoingText(Text, StrictModel):
    """A text as a command gives it: 1 to 65,536 characters, something visible among them."""

    text: Annotated[
        str, StringConstraints(min_length=1, max_length=MAX_TEXT), AfterValidator(_visible), Prose, Field(repr=False)
    ]
    link_preview: OutgoingLinkPreview | None = None  # pyright: ignore[reportIncompatibleVariableOverride] (frozen, so narrower is safe)


def _kind_is_known(value: object) -> object:
    """Name the kinds we take before anything else is looked at."""
    if _kind_of(value, OUTGOING_KINDS[0]) not in OUTGOING_KINDS:
        kinds = ", ".join(OUTGOING_KINDS)
        raise PydanticCustomError("kind", "must be one of the supported kinds: {kinds}", {"kinds": kinds})
    return value


OutgoingContent = Annotated[OutgoingText, BeforeValidator(_kind_is_known)]
"""The content of `message.send`, by `kind`."""
