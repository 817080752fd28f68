"""JIDs, WhatsApp's addresses: `user@server`, or `user:device@server` for a companion. Pure."""

import re
from functools import lru_cache
from typing import NamedTuple

PN_SERVER = "s.whatsapp.net"
"""The server of phone-number addresses (PN)."""
SERVER = "@s.whatsapp.net"
"""The server itself. With the @, so that it travels as a JID: whatsmeow takes no plain text for one."""
LID_SERVER = "lid"
"""The server of addresses that hide the number (LID)."""
GROUP_SERVER = "g.us"
BROADCAST_SERVER = "broadcast"
STATUS = "status@broadcast"

_PHONE = re.compile(r"\+?([1-9][0-9]{5,14})\Z")


_MOBILES = tuple(
    (re.compile(shape), form)
    for shape, form in (
        (r"(55[1-9]{2})9(\d{8})", r"\1\2"),
        (r"(55[1-9]{2})([6-9]\d{7})", r"\g<1>9\2"),
        (r"521(\d{10})", r"52\1"),
        (r"52(\d{10})", r"521\1"),
        (r"549(\d{10})", r"54\1"),
        (r"54(\d{10})", r"549\1"),
    )
)
"""Brazil (9 behind the area code), Mexico (1) and Argentina (9, behind the country code) added or dropped a digit."""


class Jid(NamedTuple):
    """A parsed address; `device` 0 is the primary device, or no device at all."""

    user: str
    device: int
    server: str

    def __str__(self) -> str:
        return device_jid(self.user, self.device, self.server)

    @property
    def bare(self) -> str:
        """The address of the person, without a device."""
        return f"{self.user}@{self.server}"


def device_jid(user: str, device: int, server: str) -> str:
    """The text of an address; device 0 is not written."""
    return f"{user}:{device}@{server}" if device else f"{user}@{server}"


@lru_cache(maxsize=1 << 15)
def parse_jid(text: str) -> Jid:
    """`user[_agent][:device]@server`; without an @ the server is empty. Never fails: unknown users are unknown."""
    user, _, server = text.partition("@")
    user, _, device = user.partition(":")
    user = user.partition("_")[0]
    return Jid(user, int(device) if device.isascii() and device.isdigit() and len(device) < 6 else 0, server)  # noqa: PLR2004 - a device number is 16 bits


def parse_phone(text: str) -> str | None:
    """The digits of an E.164 number with or without its plus; None if it is none."""
    match = _PHONE.match(text.strip())
    return match[1] if match else None


def other_spelling(phone: str) -> str | None:
    """The digits of a mobile with the digit more or less under which people know it too; None where there is none."""
    return next((found.expand(form) for shape, form in _MOBILES if (found := shape.fullmatch(phone))), None)
