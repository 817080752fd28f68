"""vCards as WhatsApp's clients write and read them: version 3.0 (RFC 2426), a number's `waid` beside it. Pure.

Strangers write them, and they are read in an event loop: all cards of one message share a `Budget`, so that their
reading takes a few milliseconds whatever they hold. What is beyond it is not read, and what is read is bounded.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from schemas.content import MAX_CARDS, MAX_VCARD, ContactCard

MAX_PHONES: Final = 32  # of one card; further ones are left out
_MAX_VALUE: Final = 1_024  # characters of one line's value that are looked at
_MAX_PARAMETERS: Final = 512  # characters of a line's name and parameters; a longer one is no line of ours

_LINE: Final = re.compile(r"(?:[\w-]+\.)?(?P<name>[\w-]+)(?P<parameters>(?:;.*)?)")
_WAID: Final = re.compile(r"waid=(\d{5,20})", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\+?[\d\s().-]{5,40}")
_BACKSLASH: Final = "\0"  # stands for an escaped one meanwhile; no text of ours holds it
_READ: Final = ("FN", "ORG", "EMAIL", "TEL")


@dataclass(slots=True)
class Budget:
    """What may still be read of the cards of one message."""

    characters: int = 262_144  # a card may hold a photo
    lines: int = 2_048  # looked at
    values: int = 768  # taken apart


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


def display_name(card: ContactCard, budget: Budget | None = None) -> str:
    """What a chat shows before the card is opened."""
    return card.name or read_card(card.vcard or "", budget).name or ""


def read_cards(texts: Iterable[str]) -> list[ContactCard]:
    """The cards of one message, in order; what is beyond the budget of all together is not read."""
    budget = Budget()
    return [read_card(text, budget) for text, _ in zip(texts, range(MAX_CARDS), strict=False)]


def read_card(text: str, budget: Budget | None = None) -> ContactCard:
    """The fields of a vCard; the card as it came where it has neither a name nor a number that we can read."""
    name = organization = email = None
    phones: dict[str, None] = {}
    for property_, parameters, value in _properties(text, budget or Budget()):
        match property_:
            case "FN":
                name = name or value
            case "ORG":
                organization = organization or value.rstrip("; ") or None
            case "EMAIL":
                email = email or value
            case _ if len(phones) < MAX_PHONES and (phone := _phone(parameters, value)) is not None:
                phones[phone] = None
            case _:
                pass
    if not name and not phones:
        return ContactCard(vcard=text[:MAX_VCARD])
    return ContactCard(name=name or None, phones=list(phones), organization=organization, email=email or None)


def _properties(text: str, budget: Budget) -> Iterator[tuple[str, str, str]]:
    """Name, parameters and value of the lines that we read."""
    for line in _lines(text, budget):
        head, colon, value = line.partition(":")
        if not colon or len(head) > _MAX_PARAMETERS or (found := _LINE.fullmatch(head)) is None:
            continue
        if (name := found["name"].upper()) not in _READ:
            continue
        budget.values -= 1
        if budget.values < 0:
            return
        yield name, found["parameters"], _unescape(value[:_MAX_VALUE].rstrip("\r")).strip()


def _lines(text: str, budget: Budget) -> Iterator[str]:
    """Its lines, unfolded: a long line goes on in the next one, behind a blank."""
    text = text[: max(0, budget.characters)]
    budget.characters -= len(text)
    unfolded = text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "")
    lines = unfolded.split("\n", max(0, budget.lines))[: max(0, budget.lines)]
    budget.lines -= len(lines)
    yield from lines


def _phone(parameters: str, value: str) -> str | None:
    """E.164 where WhatsApp vouches for it (`waid`), else the number as somebody wrote it."""
    if (waid := _WAID.search(parameters)) is not None:
        return f"+{waid[1]}"
    number = value.removeprefix("tel:").partition(";")[0]  # version 4.0 writes an URI (RFC 3966)
    return number if _NUMBER.fullmatch(number) else None


def _escape(text: str) -> str:
    return re.sub(r"([\\;,])", r"\\\1", text)


def _unescape(value: str) -> str:
    if "\\" not in value:
        return value
    kept = value.replace("\\\\", _BACKSLASH).replace("\\n", "\n").replace("\\N", "\n").replace("\\", "")
    return kept.replace(_BACKSLASH, "\\")
