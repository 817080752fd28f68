"""vCards (RFC 6350, version 3.0 as WhatsApp writes them): the few lines that the contract names. Pure."""

import re
from typing import Any

Json = dict[str, Any]

_ESCAPED = re.compile(r"\\([\\,;nN])")


def read_vcard(vcard: str) -> Json:
    """`phones`, `organization?` and `email?` of a vCard; what it does not have is left out."""
    lines = [_line(line) for line in vcard.replace("\r\n ", "").replace("\n ", "").splitlines()]
    out: Json = {"phones": [value.replace(" ", "") for name, value in lines if name == "TEL"]}
    if organization := next((value for name, value in lines if name == "ORG"), ""):
        out["organization"] = organization.rstrip(";")
    if email := next((value for name, value in lines if name == "EMAIL"), ""):
        out["email"] = email
    return out


def write_vcard(name: str, phones: list[str], *, organization: str = "", email: str = "") -> str:
    """A vCard with WhatsApp's `waid`, so that the card can be tapped."""
    lines = ["BEGIN:VCARD", "VERSION:3.0", f"N:;{_escape(name)};;;", f"FN:{_escape(name)}"]
    lines += [f"ORG:{_escape(organization)};"] if organization else []
    lines += [f"EMAIL:{_escape(email)}"] if email else []
    lines += [f"TEL;type=CELL;waid={phone.lstrip('+')}:{phone}" for phone in phones]
    return "\n".join([*lines, "END:VCARD"])


def _line(line: str) -> tuple[str, str]:
    """The name of a line without its group and parameters, and its value."""
    head, _, value = line.partition(":")
    name = head.partition(";")[0].rpartition(".")[2].upper()
    return name, _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], value).strip()


def _escape(value: str) -> str:
    return re.sub(r"([\\,;])", r"\\\1", value).replace("\n", "\\n")
