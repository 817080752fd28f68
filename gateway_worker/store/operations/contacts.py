"""What is known of a contact, and what of it is new. Pure.

A fact has the time at which WhatsApp's server knew it: what is older than what is known changes nothing, for messages
come again and out of order. An empty value says that there is none (any more).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas.addresses import LID_SERVER
from schemas.events.contacts import ContactChange

OWN: Final = ""
"""The account itself, as a contact: under no name, so that it stands in no list."""
ADDRESSES: Final = (ContactChange.LID, ContactChange.PHONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFact:
    """One fact. `at` in Unix seconds; 0: nobody knows since when."""

    value: str = field(repr=False)
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person, or what is told of one.

    Attributes:
        jid: the number's, where it is known, else the LID.
        lid, phone: the other names, as far as they are known; `phone` E.164 with ``+``.
        facts: names, status text, picture (its id).
        blocked: whether the account has blocked that person; None: nothing is told of it.
    """

    jid: str
    lid: str | None = None
    phone: str | None = None
    facts: Mapping[ContactChange, ContactFact] = field(default_factory=dict[ContactChange, ContactFact])
    blocked: bool | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names under which the same person may be known."""
        return (self.jid,) if self.lid in {None, self.jid} else (self.jid, self.lid or "")


def learn(
    known: Sequence[Contact], reported: Contact, *, from_before: bool = False
) -> tuple[Contact, Sequence[ContactChange]]:
    """The contact as it is known now, and what a backend is to hear of.

    Args:
        known: what was known: nothing, one contact, or two under two names that turn out to be one person.
        reported: what is reported now.
        from_before: it was so before this device was linked: to be known, and not to be told.
    """
    facts = _newest(known)
    changed: list[ContactChange] = []
    for name, fact in reported.facts.items():
        before = facts.get(name)
        if before is None and not fact.value and name is not ContactChange.PICTURE:
            continue
        if before is not None and (fact.at < before.at or fact.value == before.value):
            continue
        facts[name] = fact
        changed.append(name)
    contact = _under_one_name(known, reported, facts)
    changed += [each for each in ADDRESSES if any(_address(one, each) != _address(contact, each) for one in known)]
    return contact, [] if from_before else changed


def _newest(known: Sequence[Contact]) -> dict[ContactChange, ContactFact]:
    facts: dict[ContactChange, ContactFact] = {}
    for contact in known:
        for name, fact in contact.facts.items():
            if name not in facts or fact.at > facts[name].at:
                facts[name] = fact
    return facts


def _under_one_name(known: Sequence[Contact], reported: Contact, facts: Mapping[ContactChange, ContactFact]) -> Contact:
    everyone = (reported, *known)
    blocked = [each.blocked for each in known if each.blocked is not None]
    return Contact(
        jid=min((each.jid for each in everyone), key=lambda jid: jid.endswith(LID_SERVER)),
        lid=next((each.lid for each in everyone if each.lid is not None), None),
        phone=next((each.phone for each in everyone if each.phone is not None), None),
        facts=facts,
        blocked=max(blocked, default=None) if reported.blocked is None else reported.blocked,
    )


def _address(contact: Contact, which: ContactChange) -> str | None:
    return contact.lid if which is ContactChange.LID else contact.phone
