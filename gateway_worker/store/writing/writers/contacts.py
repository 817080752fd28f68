"""What is known of people: read, compared, written and told in one transaction."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from gateway_worker.store.contact_form import contact_of, contact_value
from gateway_worker.store.operations.contacts import ADDRESSES, OWN, Contact, learn
from gateway_worker.store.postgres.encryption import Cipher
from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import NewEvent, Transaction, columns
from schemas.events.contacts import ContactBlocked, ContactChange, ContactUpdated, ProfileChange, ProfileUpdated
from schemas.events.events import CONTACT_BLOCKED, CONTACT_UPDATED, PROFILE_UPDATED
from schemas.events.groups import PictureChange
from schemas.names import SessionId

_READ: Final = """
    SELECT c.session_id, c.jid, c.value, c.blocked FROM contacts AS c
    JOIN unnest($1::text[], $2::text[]) AS w (session_id, jid) ON c.session_id = w.session_id AND c.jid = w.jid
"""

_PUT: Final = """
    INSERT INTO contacts (session_id, jid, value, blocked)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bool[])
    ON CONFLICT (session_id, jid) DO UPDATE SET value = excluded.value, blocked = excluded.blocked
"""

_REMOVE: Final = """
    DELETE FROM contacts AS c USING unnest($1::text[], $2::text[]) AS r (session_id, jid)
    WHERE c.session_id = r.session_id AND c.jid = r.jid
"""

Name = tuple[SessionId, str]
_COLUMN: Final = "contacts"


async def learn_contacts(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `LearnContacts`: in their order, each as the ones before have left things."""
    ciphers = {each.session_id: transaction.session(each).identity for each in placed}
    stored = await _stored(transaction, placed, ciphers)
    known = dict(stored)
    for each in placed:
        told = [event for contact in each.operation.contacts for event in _learn(known, each, contact, transaction.now)]
        for event in told:
            transaction.emit(each, event)
        transaction.answer(each, len(told))
    put = [
        (*name, ciphers[name[0]].encrypt(contact_value(contact), _COLUMN, name[1]), contact.blocked is True)
        for name, contact in known.items()
        if stored.get(name) != contact
    ]
    if put:
        await transaction.wire.execute(_PUT, *columns(put))
    if removed := [name for name in stored if name not in known]:
        await transaction.wire.execute(_REMOVE, *columns(removed))


def _learn(known: dict[Name, Contact], placed: Placed, reported: Contact, now: datetime) -> Iterator[NewEvent]:
    """Two contacts that turn out to be one are one from now on. What is told of it."""
    found = [row for name in reported.names if (row := known.pop((placed.session_id, name), None)) is not None]
    from_before = placed.operation.from_before
    contact, changed = learn(found, reported, from_before=from_before)
    if contact.facts or contact.blocked:
        known[placed.session_id, contact.jid] = contact
    if changed:
        told = _profile if contact.jid == OWN else _event
        yield told(placed.session_id, contact, changed, now)
    if not from_before and (contact.blocked is True) != any(each.blocked for each in found):
        yield _blocked(placed.session_id, contact, now)


async def _stored(
    transaction: Transaction, placed: Iterable[Placed], ciphers: Mapping[SessionId, Cipher]
) -> dict[Name, Contact]:
    names = {
        (each.session_id, name): None
        for each in placed
        for contact in each.operation.contacts
        for name in contact.names
    }
    rows = await transaction.wire.fetch(_READ, *columns(names)) if names else ()
    return {
        (row["session_id"], row["jid"]): contact_of(
            row["jid"],
            ciphers[row["session_id"]].decrypt(row["value"], _COLUMN, row["jid"]),
            blocked=row["blocked"],
        )
        for row in rows
    }


def _event(session_id: SessionId, contact: Contact, changed: Sequence[ContactChange], now: datetime) -> NewEvent:
    facts = contact.facts
    texts = {name.value: fact.value for name, fact in facts.items() if fact.value and name is not ContactChange.PICTURE}
    event = ContactUpdated(
        session_id=session_id,
        jid=contact.jid,
        lid=contact.lid,
        phone=contact.phone,
        push_name=texts.get(ContactChange.PUSH_NAME),
        saved_name=texts.get(ContactChange.SAVED_NAME),
        verified_name=texts.get(ContactChange.VERIFIED_NAME),
        about=texts.get(ContactChange.ABOUT),
        picture=_picture(contact, changed),
        changed=changed,
        timestamp=_since(contact, changed, now),
    )
    return NewEvent(type=CONTACT_UPDATED.type, data=event.to_data())


def _profile(session_id: SessionId, own: Contact, changed: Sequence[ContactChange], now: datetime) -> NewEvent:
    """The account itself."""
    about = own.facts[ContactChange.ABOUT].value if ContactChange.ABOUT in changed else ""
    event = ProfileUpdated(
        session_id=session_id,
        about=about or None,
        picture=_picture(own, changed),
        changed=[ProfileChange(each.value) for each in changed],
        timestamp=_since(own, changed, now),
    )
    return NewEvent(type=PROFILE_UPDATED.type, data=event.to_data())


def _picture(contact: Contact, changed: Sequence[ContactChange]) -> PictureChange | None:
    if ContactChange.PICTURE not in changed:
        return None
    return PictureChange.CHANGED if contact.facts[ContactChange.PICTURE].value else PictureChange.REMOVED


def _since(contact: Contact, changed: Sequence[ContactChange], now: datetime) -> datetime:
    at = max((contact.facts[name].at for name in changed if name not in ADDRESSES), default=0)
    return datetime.fromtimestamp(at, UTC) if at else now


def _blocked(session_id: SessionId, contact: Contact, now: datetime) -> NewEvent:
    event = ContactBlocked(
        session_id=session_id,
        jid=contact.jid,
        lid=contact.lid,
        phone=contact.phone,
        blocked=contact.blocked is True,
        timestamp=now,
    )
    return NewEvent(type=CONTACT_BLOCKED.type, data=event.to_data())
