"""vCards (RFC 6350, version 3.0 as WhatsApp writes them, and 2.1): the few lines that the contract names. Pure."""

import quopri
import re
from typing import Any

Json = dict[str, Any]

_ESCAPED = re.compile(r"\\([\\,;nN])")
_UNSEEN = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_QUOTED = re.compile(r"^[^:\n]*QUOTED-PRINTABLE[^:\n]*:(?:[^\n]*=\n)*[^\n]*", re.IGNORECASE | re.MULTILINE)
_WESTERN = re.compile(r"charset=\"?(?:iso-8859-1|windows-1252)\b", re.IGNORECASE)


def read_vcard(vcard: str) -> Json:
    """`phones`, `organization?` and `email?` of a vCard; what it does not have is left out."""
    unfolded = vcard.replace("\r\n", "\n").replace("\n ", "")
    joined = _QUOTED.sub(lambda match: match[0].replace("=\n", ""), unfolded)
    lines = [_line(line) for line in joined.splitlines()]
    out: Json = {"phones": [_UNSEEN.sub("", value).replace(" ", "") for name, value in lines if name == "TEL"]}
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
    if "QUOTED-PRINTABLE" in head.upper():
        charset = "cp1252" if _WESTERN.search(head) else "utf-8"
        value = quopri.decodestring(value.encode()).decode(charset, errors="replace")
    return name, _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], value).strip()


def _escape(value: str) -> str:
    return re.sub(r"([\\,;])", r"\\\1", value).replace("\n", "\\n")
