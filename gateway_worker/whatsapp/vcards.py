"""vCards as WhatsApp's clients write them (version 3.0, a number's `waid` beside it), and as others do. Pure.

Strangers write them, and they are read in an event loop: all cards of one message share a `Budget`, and are read a line
at a time (`reading`). What is beyond the budget is not read, and what is read is bounded.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from gateway_worker.whatsapp.card_lines import Budget, Property, components, in_one_line, properties
from schemas.content.content import MAX_CARDS, MAX_VCARD, ContactCard
from schemas.content.vcards import cards_in

MAX_PHONES: Final = 32  # of one card; further ones stand in the card itself

_MAX_PHONE: Final = 64
_LOOKED_AT: Final = 256  # characters of what may be a number
_WAID: Final = re.compile(r"waid=\"?(\d{5,20})", re.IGNORECASE)
_NAME_ORDER: Final = (3, 1, 2, 0, 4)  # prefix, given, others, family, suffix
_KEPT_PARAMETERS: Final = re.compile(r"(?:(?:^|;)(?:type=[\w,-]+|waid=\d+|value=(?:uri|text)|[\w-]+))*", re.IGNORECASE)
_UNSEEN: Final = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069]")
"""Marks that turn the direction of writing, and the like: iOS puts them around numbers."""


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
    if card.name is not None or card.vcard is None:
        return card.name or ""
    read = read_card(card.vcard, budget)
    return read.name or next(iter(read.phones), read.email or "")


def reading(texts: Iterable[str]) -> Iterator[ContactCard | None]:
    """The people of one message, in order; what is beyond the budget of all together is not read.

    A line at a time: None where whoever reads may do something else in between.
    """
    budget = Budget()
    cards = (card for text in texts for card in cards_in(text))
    for card in islice(cards, MAX_CARDS):
        yield from _reading(card, budget)


def read_card(text: str, budget: Budget | None = None) -> ContactCard:
    """The fields of a vCard, and the card as it came where it holds more than they do."""
    return next(card for card in _reading(text, budget or Budget()) if card is not None)


def _reading(text: str, budget: Budget) -> Iterator[ContactCard | None]:
    if budget.is_spent:
        yield ContactCard(vcard=text[:MAX_VCARD])
        return
    person = _Person()
    for found in properties(text, budget):
        person.note(found)
        yield None
    if budget.is_spent:
        person.is_whole = False
    yield ContactCard(
        name=person.called,
        phones=list(person.phones) or (),
        organization=person.organization,
        email=person.email,
        vcard=None if person.is_whole and person.is_anybody else _kept(text, budget, needed=not person.is_anybody),
    )


@dataclass(slots=True)
class _Person:
    """Who a card is about. `is_whole`: nothing in the card is left out."""

    name: str | None = None
    parts: str | None = None
    organization: str | None = None
    email: str | None = None
    phones: dict[str, None] = field(default_factory=dict[str, None])
    is_whole: bool = True

    @property
    def called(self) -> str | None:
        return self.name or self.parts or self.organization

    @property
    def is_anybody(self) -> bool:
        return bool(self.called or self.phones)

    def note(self, found: Property) -> None:
        match found.name:
            case "FN" if self.name is None:
                self.name = in_one_line(found.text) or None
            case "N" if self.parts is None:
                self.parts = _name_of(found)
            case "ORG" if self.organization is None:
                self.organization = self._organization_of(found)
            case "EMAIL" if self.email is None:
                self.email = in_one_line(found.text) or None
            case "TEL":
                self._note_phone(found)
            case _:
                self.is_whole = False
        if found.is_coded or found.is_cut or not _KEPT_PARAMETERS.fullmatch(found.parameters):
            self.is_whole = False

    def _organization_of(self, found: Property) -> str | None:
        units = [in_one_line(each) for each in components(found.value)]
        self.is_whole = self.is_whole and not any(units[1:])
        return ", ".join(filter(None, units)) or None

    def _note_phone(self, found: Property) -> None:
        phone, is_whole = _phone(found)
        if phone is None or (phone not in self.phones and len(self.phones) >= MAX_PHONES):
            self.is_whole = False
            return
        self.phones[phone] = None
        self.is_whole = self.is_whole and is_whole


def _phone(found: Property) -> tuple[str | None, bool]:
    """E.164 where WhatsApp vouches for it (`waid`), else the number as somebody wrote it; and whether that is all."""
    if (waid := _WAID.search(found.parameters)) is not None:
        return f"+{waid[1]}", True
    written = in_one_line(found.text[:_LOOKED_AT])
    if not written.isascii():
        written = _UNSEEN.sub("", written)
    written = " ".join(written.split())
    number, _, more = written.partition(";") if written.lower().startswith("tel:") else (written, "", "")
    number = number[4:] if number.lower().startswith("tel:") else number  # version 4.0 writes an URI (RFC 3966)
    is_number = len(number) <= _MAX_PHONE and any(letter.isdecimal() for letter in number)
    return (number if is_number else None), not more


def _name_of(found: Property) -> str | None:
    parts = [in_one_line(each) for each in components(found.value, keep_commas=False)]
    return " ".join(filter(None, (parts[at] for at in _NAME_ORDER if at < len(parts)))) or None


def _kept(text: str, budget: Budget, *, needed: bool) -> str | None:
    """The card as it came (the bridge has dropped its pictures), if there is room for it, or nothing else is told."""
    card = text[:MAX_VCARD]
    budget.kept -= len(card.encode(errors="replace"))
    return card if needed or budget.kept >= 0 else None


def _escape(text: str) -> str:
    return re.sub(r"([\\;,])", r"\\\1", text)
