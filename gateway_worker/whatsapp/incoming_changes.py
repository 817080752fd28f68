"""What a message does to an earlier one. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.content.content import Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """The message has another content now."""

    content: Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """The message was deleted for everyone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reacted:
    """Somebody reacted; an empty `emoji` takes it back."""

    emoji: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Voted:
    """Somebody voted in a poll: everything chosen now; None when the poll is not stored here.

    `unknown_options` were chosen too: nobody has told this account that they were added.
    """

    options: Sequence[str] | None
    unknown_options: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionAdded:
    """A poll has one more option."""

    option: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Commented:
    """Somebody wrote a comment below it; `content` None: it cannot be read here."""

    content: Content | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Somebody answered an invitation to an event; `response` None: it cannot be read here."""

    response: str | None
    extra_guests: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """It stands at the top of its chat, for so many `seconds`; or no longer."""

    pinned: bool
    seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """It stays in a chat whose messages disappear; or no longer."""

    kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Something else was done to it, of which no more can be told.

    Attributes:
        what: of which kind it is.
        whatsapp_type: the field of WAProto's `Message`.
        is_sealed: it is encrypted with the message's secret, which is not known here.
    """

    what: Literal["edit", "reaction", "poll", "other"]
    whatsapp_type: str
    is_sealed: bool


Change = Edited | Revoked | Reacted | Voted | OptionAdded | Commented | Answered | Pinned | Kept | Changed
