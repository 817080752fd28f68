"""The account itself in the port's words: how it shows itself, to whom, and what of that is another. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from schemas.content.account import Audience


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How the account shows itself.

    Attributes:
        jid: by its number; `lid` and `phone` (E.164 with ``+``) as far as they are known.
        name: what it calls itself; None while nobody has said it.
        about: its status text; empty: none.
        picture_id, picture_url: its picture; None: none.
    """

    jid: str
    lid: str | None
    phone: str | None
    name: str | None = field(repr=False)
    about: str = field(repr=False)
    picture_id: str | None
    picture_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileReported:
    """The account has another status text or picture, on whichever device it was changed.

    Attributes:
        about: the text, empty: none; None: it is not said.
        picture: whatever tells the picture from another one; empty: none; None: it is not said.
        timestamp: Unix seconds; None: just now.
    """

    about: str | None = field(default=None, repr=False)
    picture: str | None = None
    timestamp: int | None = None


class OwnAccount(Protocol):
    """What one connection can do with the account itself, and about others for it.

    Every call raises `NotConnected` once the connection is over, `Refused` with WhatsApp's code, `OutcomeUnknown` when
    no answer came. All may be repeated.
    """

    async def profile(self) -> Profile:
        """How it shows itself."""
        ...

    async def set_about(self, text: str) -> None:
        """Have another status text; none when it is empty."""
        ...

    async def set_picture(self, picture: bytes | None, *, group_id: str | None = None) -> None:
        """Have another picture (a square JPEG), or none: the account itself, or a group."""
        ...

    async def privacy(self) -> Mapping[str, Audience]:
        """Who sees what, by the names of `PrivacySettings`; what WhatsApp says in words of its own is missing."""
        ...

    async def set_privacy(self, name: str, audience: Audience) -> None:
        """Change who sees one of these."""
        ...

    async def reject_call(self, call_id: str, creator: str) -> None:
        """Decline a call of who is named so in it; it is told as ended."""
        ...

    async def block(self, jid: str, *, on: bool) -> None:
        """Block a person, or no longer; returns when WhatsApp has it and the owner was told."""
        ...
