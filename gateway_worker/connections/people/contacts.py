"""From what is told of people to the write that keeps it and tells what is new. Pure."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from gateway_worker.connections.base.times import instant
from gateway_worker.connections.people.identities import Identities
from gateway_worker.store.operations.contacts import OWN, Contact, ContactFact
from gateway_worker.store.operations.people import LearnContacts
from gateway_worker.whatsapp.account import ProfileReported
from gateway_worker.whatsapp.incoming import Arrived
from gateway_worker.whatsapp.people import ContactReport, ContactsReported
from schemas.addresses import LID_SERVER, USER_SERVER, jid_of_phone, phone_of
from schemas.events.contacts import MAX_ABOUT, ContactChange
from schemas.model import MAX_ATTRIBUTE

MAX_KNOWN: Final = 2_000  # people of one connection; who is beyond them costs a look into the database
_SERVERS: Final = (f"@{USER_SERVER}", f"@{LID_SERVER}")


def learnt_contacts(report: ContactsReported, identities: Identities, now: datetime) -> list[LearnContacts]:
    """What makes it durable; nothing when nobody is told of."""
    contacts = [_contact(each, identities, now) for each in report.contacts if each.jid.endswith(_SERVERS)]
    return [LearnContacts(contacts=contacts, from_before=report.from_before)] if contacts else []


def learnt_profile(report: ProfileReported, now: datetime) -> LearnContacts:
    """What makes durable how the account itself shows itself, and tells what is new of it."""
    at = int(now.timestamp()) if report.timestamp is None else _seconds(report.timestamp, now)
    values = {
        ContactChange.ABOUT: _bounded(report.about, MAX_ABOUT),
        ContactChange.PICTURE: _bounded(report.picture, MAX_ATTRIBUTE),
    }
    facts = {name: ContactFact(value=value, at=at) for name, value in values.items() if value is not None}
    return LearnContacts(contacts=[Contact(jid=OWN, facts=facts)])


def names_in(messages: Iterable[Arrived]) -> list[ContactReport]:
    """Those who wrote them, as they call themselves. Whoever has no name is not told of."""
    return [
        ContactReport(
            jid=message.sender.jid,
            lid=message.sender.lid,
            phone=message.sender.phone,
            push_name=message.sender.push_name,
            verified_name=message.sender.verified_name,
            timestamp=message.timestamp,
        )
        for message in messages
        if not message.from_me and (message.sender.push_name or message.sender.verified_name)
    ]


class KnownAuthors:
    """What the messages of one connection said of their authors last: most say nothing new.

    It goes with the connection, as does what could not be stored; the database decides what is new.
    """

    def __init__(self) -> None:
        self._last: OrderedDict[str, Contact] = OrderedDict()

    def learn(self, messages: Sequence[Arrived], identities: Identities, now: datetime) -> list[LearnContacts]:
        """What of these messages, in their order, may be new."""
        learnt = learnt_contacts(ContactsReported(contacts=names_in(messages)), identities, now)
        fresh = [contact for operation in learnt for contact in operation.contacts if self._is_fresh(contact)]
        return [LearnContacts(contacts=fresh)] if fresh else []

    def _is_fresh(self, contact: Contact) -> bool:
        last = self._last.pop(contact.jid, None)
        self._last[contact.jid] = contact
        if len(self._last) > MAX_KNOWN:
            self._last.popitem(last=False)
        return last is None or _timeless(last) != _timeless(contact)


def _timeless(contact: Contact) -> object:
    return contact.lid, contact.phone, {name: fact.value for name, fact in contact.facts.items()}


def _contact(report: ContactReport, identities: Identities, now: datetime) -> Contact:
    own = report.jid if report.jid.endswith(f"@{LID_SERVER}") else None
    lid, phone = identities.names_of(report.jid, report.lid or own, report.phone or phone_of(report.jid))
    at = int(now.timestamp()) if report.timestamp is None else _seconds(report.timestamp, now)
    values = {
        ContactChange.PUSH_NAME: _bounded(report.push_name, MAX_ATTRIBUTE),
        ContactChange.SAVED_NAME: _bounded(report.saved_name, MAX_ATTRIBUTE),
        ContactChange.VERIFIED_NAME: _bounded(report.verified_name, MAX_ATTRIBUTE),
        ContactChange.ABOUT: _bounded(report.about, MAX_ABOUT),
        ContactChange.PICTURE: _bounded(report.picture, MAX_ATTRIBUTE),
    }
    return Contact(
        jid=report.jid if phone is None else jid_of_phone(phone),
        lid=lid,
        phone=phone,
        facts={name: ContactFact(value=value, at=at) for name, value in values.items() if value is not None},
        blocked=report.blocked,
    )


def _bounded(text: str | None, limit: int) -> str | None:
    return None if text is None else text[:limit]


def _seconds(timestamp: int, now: datetime) -> int:
    """WhatsApp's time; 0 stays what it is: nobody knows since when."""
    return int(instant(timestamp, now).timestamp()) if timestamp else 0
