"""The data of the commands about the account itself: how it shows itself, and to whom."""

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AfterValidator, ConfigDict, Field, Strict, StringConstraints, model_validator

from schemas.content.account import Audience
from schemas.content.outgoing_media import MediaSource
from schemas.model import Prose, StrictModel, Visible, printable
from schemas.problems import problem_at

MAX_OWN_NAME: Final = 25  # characters, as WhatsApp's own clients allow
MAX_OWN_ABOUT: Final = 139


class ProfileAudience(StrEnum):
    """Whom something of a profile may be for, or who may add the account to groups.

    Attributes:
        ALL: everybody
        CONTACTS: who is in the address book
        CONTACTS_EXCEPT: who is in the address book, but for those whom the phone excludes
        NONE: nobody
    """

    ALL = "all"
    CONTACTS = "contacts"
    CONTACTS_EXCEPT = "contactsExcept"
    NONE = "none"


class OnlineAudience(StrEnum):
    """Who may see that the account is there.

    Attributes:
        ALL: everybody
        MATCH_LAST_SEEN: whoever sees when it was last there
    """

    ALL = "all"
    MATCH_LAST_SEEN = "matchLastSeen"


class CallAudience(StrEnum):
    """Whose calls may ring.

    Attributes:
        ALL: everybody's
        CONTACTS: of who is in the address book
        KNOWN: of whom the account knows
    """

    ALL = "all"
    CONTACTS = "contacts"
    KNOWN = "known"


class ReceiptAudience(StrEnum):
    """Who may see what was read.

    Attributes:
        ALL: everybody
        NONE: nobody, and the account does not see it of others
    """

    ALL = "all"
    NONE = "none"


_Everybody = Annotated[ProfileAudience, Strict(strict=False)]
_Online = Annotated[OnlineAudience, Strict(strict=False)]
_Calls = Annotated[CallAudience, Strict(strict=False)]
_Receipts = Annotated[ReceiptAudience, Strict(strict=False)]


def _at_least_one(schema: dict[str, Any]) -> None:
    schema["minProperties"] = 1


class DescribeProfile(StrictModel):
    """``profile.describe.v1``: how the account shows itself; WhatsApp is asked."""


class SetProfile(StrictModel):
    """``profile.set.v1``: change what is given, at least one; ``profile.updated`` tells it.

    Attributes:
        name: what the account calls itself from now on.
        about: its status text; an empty text removes it.
        picture: its picture: cut to a square from the middle, and made as large as WhatsApp's own clients make it.
        remove_picture: it has no picture any more.
    """

    model_config = ConfigDict(json_schema_extra=_at_least_one)

    name: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=MAX_OWN_NAME), AfterValidator(printable), Visible]
        | None,
        Field(repr=False),
    ] = None
    about: Annotated[Annotated[str, StringConstraints(max_length=MAX_OWN_ABOUT), Prose] | None, Field(repr=False)] = (
        None
    )
    picture: MediaSource | None = None
    remove_picture: bool = False

    @model_validator(mode="after")
    def _something(self) -> "SetProfile":
        if not self.remove_picture and all(each is None for each in (self.name, self.about, self.picture)):
            raise problem_at("name", "must be given, or about, picture or removePicture")
        if self.picture is not None and self.remove_picture:
            raise problem_at("removePicture", "must not be given beside a picture")
        return self


class RejectCall(StrictModel):
    """``call.reject.v1``: decline a call that rings; ``call.ended`` tells it. One that is over already stays as it is.

    Attributes:
        call_id: WhatsApp's id of the call, as ``call.received`` tells it.
    """

    call_id: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,128}$")]


class DescribePrivacy(StrictModel):
    """``privacy.describe.v1``: who sees what of the account; WhatsApp is asked."""


class SetPrivacy(StrictModel):
    """``privacy.set.v1``: change what is given, at least one. Whom `contactsExcept` excludes is chosen on the phone.

    Attributes:
        last_seen: who sees when the account was last there.
        online: who sees that it is there.
        picture: who sees its picture.
        about: who sees its status text.
        groups: who may add it to groups; others invite it.
        calls: whose calls ring.
        read_receipts: `none`: nobody sees what was read, and the account does not see it of others.
    """

    model_config = ConfigDict(json_schema_extra=_at_least_one)

    last_seen: _Everybody | None = None
    online: _Online | None = None
    picture: _Everybody | None = None
    about: _Everybody | None = None
    groups: _Everybody | None = None
    calls: _Calls | None = None
    read_receipts: _Receipts | None = None

    @model_validator(mode="after")
    def _something(self) -> "SetPrivacy":
        if not self.changes:
            names = "online, picture, about, groups, calls or readReceipts"
            raise problem_at("lastSeen", f"must be given, or {names}")
        return self

    @property
    def changes(self) -> dict[str, Audience]:
        """What is given, by the name of the field."""
        given = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: Audience(value.value) for name, value in given if value is not None}
