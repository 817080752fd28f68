"""vCards as WhatsApp's clients write and read them: version 3.0 (RFC 2426), a number's `waid` beside it. Pure."""

import re
from typing import Final

from schemas.content import ContactCard

_FOLDED: Final = re.compile(r"\r?\n[ \t]")  # a long line goes on in the next one, behind a blank
_LINE: Final = re.compile(r"(?:[\w-]+\.)?(?P<name>[\w-]+)(?P<parameters>(?:;[^:]*)?):(?P<value>.*)")
_WAID: Final = re.compile(r"waid=(\d{5,20})", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\+?[\d\s().-]{5,40}")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def card_text(card: ContactCard) -> str:
    """The vCard of a card: its own, or one made of its fields."""
    if card.vcard is not None:
        return card.vcard
    name = _escape(card.name or "")
    lines = ["BEGIN:VCARD", "VERSION:3.0", f"N:;{name};;;", f"FN:{name}"]
    if card.organization is not None:
        lines.append(f"ORG:{_escape(card.organization)};")
    if card.email is not None:
        lines.append(f"EMAIL:{_escape(card.email)}")
    lines += [f"TEL;type=CELL;type=VOICE;waid={phone.removeprefix('+')}:{phone}" for phone in card.phones]
    return "\n".join([*lines, "END:VCARD"])


def display_name(card: ContactCard) -> str:
    """What a chat shows before the card is opened."""
    return card.name or read_card(card.vcard or "").name or ""


def read_card(text: str) -> ContactCard:
    """The fields of a vCard; the card as it came where it has neither a name nor a number that we can read."""
    name = organization = email = None
    phones: list[str] = []
    for line in _FOLDED.sub("", text).splitlines():
        if (found := _LINE.fullmatch(line)) is None:
            continue
        value = _unescape(found["value"]).strip()
        match found["name"].upper():
            case "FN":
                name = name or value
            case "ORG":
                organization = organization or value.rstrip("; ") or None
            case "EMAIL":
                email = email or value
            case "TEL" if (phone := _phone(found["parameters"], value)) is not None and phone not in phones:
                phones.append(phone)
            case _:
                pass
    if not name and not phones:
        return ContactCard(vcard=text)
    return ContactCard(name=name or None, phones=phones, organization=organization, email=email or None)


def _phone(parameters: str, value: str) -> str | None:
    """E.164 where WhatsApp vouches for it (`waid`), else the number as somebody wrote it."""
    if (waid := _WAID.search(parameters)) is not None:
        return f"+{waid[1]}"
    number = value.removeprefix("tel:").partition(";")[0]  # version 4.0 writes an URI (RFC 3966)
    return number if _NUMBER.fullmatch(number) else None


def _escape(text: str) -> str:
    return re.sub(r"([\\;,])", r"\\\1", text)


def _unescape(value: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)
