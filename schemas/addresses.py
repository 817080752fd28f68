"""Phone numbers (E.164) and JIDs: what a command may name, and how one becomes the other. Pure.

A *JID* is ``<user>@<server>``, without a device number here: a user by phone number (PN, ``@s.whatsapp.net``, also
written ``@c.us``), a user by LID (``@lid``), a group (``@g.us``).
"""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Final, NewType

import phonenumbers
from phonenumbers import ValidationResult
from pydantic import AfterValidator, Field, StringConstraints

Jid = NewType("Jid", str)

USER_SERVER: Final = "s.whatsapp.net"
LID_SERVER: Final = "lid"
GROUP_SERVER: Final = "g.us"

_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_USER: Final = re.compile(r"[1-9][0-9]{4,19}")
_GROUP: Final = re.compile(r"[0-9]{5,32}(-[0-9]{5,32})?")
_REFUSED: Final = {
    "newsletter": "is a newsletter, which is not supported yet",
    "bot": "is a bot of WhatsApp's: only the account's phone can write to it",
    "broadcast": "is a broadcast list or the status, which are not supported",
}
_BOT: Final = re.compile(r"[0-9]{5,20}@bot")
_MAX_LENGTH: Final = 100
_MOBILES: Final = tuple(
    (re.compile(shape), form)
    for shape, form in (
        (r"(55\d{2})9(\d{8})", r"\1\2"),
        (r"(55\d{2})([6-9]\d{7})", r"\g<1>9\2"),  # landlines begin with 2 to 5
        (r"521(\d{10})", r"52\1"),
        (r"52(\d{10})", r"521\1"),
        (r"549(\d{10})", r"54\1"),
        (r"54(\d{10})", r"549\1"),
    )
)


class AddressKind(StrEnum):
    """What a JID names."""

    USER = "user"
    LID = "lid"
    GROUP = "group"


def parse_phone(text: str) -> str:
    """Check an E.164 number such as ``+15550001111``: its shape, its country code, and its length for that country.

    Numbers nobody is assigned pass: whether somebody has it, WhatsApp knows better.

    Raises:
        ValueError: with the reason, to be read after the field's name.
    """
    if not _PHONE.fullmatch(text):
        raise ValueError("must be an E.164 number: + and 7 to 15 digits, e.g. +15550001111")
    if (reason := _impossible(text)) is not None:
        raise ValueError(reason)
    return text


@lru_cache(maxsize=4096)  # a backend writes to the same people again; parsing costs more than all other checks
def _impossible(phone: str) -> str | None:
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return "has a country code that does not exist"
    match phonenumbers.is_possible_number_with_reason(number):
        case ValidationResult.IS_POSSIBLE | ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
            return None
        case ValidationResult.TOO_SHORT:
            return "is too short for its country"
        case ValidationResult.INVALID_COUNTRY_CODE:
            return "has a country code that does not exist"
        case _:
            return None if _is_older_form(phone) else "has a length its country does not have"


def _is_older_form(phone: str) -> bool:
    """Mexican mobiles: WhatsApp goes on writing ``+52 1``, which the numbering plan dropped in 2019."""
    return re.fullmatch(r"\+521[0-9]{10}", phone) is not None


def parse_jid(text: str) -> Jid:
    """Check a user, LID or group JID and write it the one way (``@c.us`` becomes ``@s.whatsapp.net``).

    Raises:
        ValueError: with the reason, to be read after the field's name.
    """
    user, separator, server = text.partition("@")
    server = USER_SERVER if server == "c.us" else server
    if server in _REFUSED:
        raise ValueError(_REFUSED[server])
    shape = {USER_SERVER: _USER, LID_SERVER: _USER, GROUP_SERVER: _GROUP}.get(server)
    if not separator or shape is None or not shape.fullmatch(user):
        raise ValueError("must be an E.164 number, or a user, LID or group JID without a device number")
    return Jid(f"{user}@{server}")


def jid_of(address: str) -> Jid:
    """The JID of an address: a number becomes a PN JID, a JID is written the one way.

    Raises:
        ValueError: it is neither.
    """
    if "@" in address:
        return parse_jid(address)
    return Jid(f"{parse_phone(address)[1:]}@{USER_SERVER}")


def stored_chat(address: str) -> Jid:
    """The JID of a chat of which messages may be stored: also of one in which the account's phone alone can write.

    Raises:
        ValueError: it is no such thing.
    """
    return Jid(address) if _BOT.fullmatch(address) else jid_of(address)


def kind_of(jid: str) -> AddressKind:
    """What a (checked) JID names.

    Raises:
        ValueError: a server that is none of ours.
    """
    match jid.rpartition("@")[2]:
        case "s.whatsapp.net":
            return AddressKind.USER
        case "lid":
            return AddressKind.LID
        case "g.us":
            return AddressKind.GROUP
        case _:
            raise ValueError("is not a user, LID or group JID")


def jid_of_phone(phone: str) -> Jid:
    """The PN JID of a number that WhatsApp told, the inverse of `phone_of`: what WhatsApp has, no plan forbids."""
    return Jid(f"{phone.removeprefix('+')}@{USER_SERVER}")


@lru_cache(maxsize=4096)  # several for each message that arrives, of the same people again
def spellings(jid: str) -> frozenset[str]:
    """A JID in every way in which one and the same number is written: with and without the digit of mobiles.

    Brazil (a 9 behind the area code), Mexico (1) and Argentina (9, both behind the country code) added or dropped it;
    WhatsApp knows an account by the form it signed up with, people dial the other.
    """
    user, _, server = jid.partition("@")
    if server != USER_SERVER:
        return frozenset((jid,))
    other = next((found.expand(form) for shape, form in _MOBILES if (found := shape.fullmatch(user))), user)
    return frozenset((jid, f"{other}@{server}"))


def country_of(jid: str) -> str | None:
    """What numbers of one country begin with, as far as it tells them from others; None for what is no number.

    Calling codes have one digit (1, 7) or two or three: two digits may stand for several countries, never for half.
    """
    user, _, server = jid.partition("@")
    if server != USER_SERVER:
        return None
    return user[:1] if user.startswith(("1", "7")) else user[:2]


def phone_of(jid: str) -> str | None:
    """The E.164 number in a PN JID (a device number is left out); None for every other JID."""
    user, _, server = jid.partition("@")
    digits = user.partition(":")[0]
    return f"+{digits}" if server in {USER_SERVER, "c.us"} and _USER.fullmatch(digits) else None


def _address(text: str) -> str:
    jid_of(text)
    return text


def _person(text: str) -> str:
    if text.endswith(f"@{GROUP_SERVER}"):
        raise ValueError("must name a person, not a group")
    return _address(text)


Phone = Annotated[
    str,
    StringConstraints(max_length=_MAX_LENGTH),
    AfterValidator(parse_phone),
    Field(json_schema_extra={"pattern": r"^\+[1-9][0-9]{6,14}$"}),
]
"""An E.164 number."""


def _stored_chat(text: str) -> str:
    stored_chat(text)
    return text


_ADDRESS_PATTERN: Final = (
    r"^(\+[1-9][0-9]{6,14}|[1-9][0-9]{4,19}@(s\.whatsapp\.net|c\.us|lid)|[0-9]{5,32}(-[0-9]{5,32})?@g\.us)$"
)

Address = Annotated[
    str,
    StringConstraints(max_length=_MAX_LENGTH),
    AfterValidator(_address),
    Field(json_schema_extra={"pattern": _ADDRESS_PATTERN}),
]
"""An E.164 number or a user, LID or group JID, as it was given. `jid_of` makes it a JID."""

StoredChat = Annotated[
    str,
    StringConstraints(max_length=_MAX_LENGTH),
    AfterValidator(_stored_chat),
    Field(json_schema_extra={"pattern": _ADDRESS_PATTERN.replace(r"@g\.us)$", r"@g\.us|[0-9]{5,20}@bot)$")}),
]
"""An address, or the JID of a bot of WhatsApp's (``@bot``), whose chat can be read."""

Person = Annotated[
    str,
    StringConstraints(max_length=_MAX_LENGTH),
    AfterValidator(_person),
    Field(json_schema_extra={"pattern": _ADDRESS_PATTERN.replace(r"|[0-9]{5,32}(-[0-9]{5,32})?@g\.us", "")}),
]
"""An E.164 number, or a user or LID JID."""
