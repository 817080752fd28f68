"""How what is known of a person is written down, before it is encrypted."""

import json

from gateway_worker.store.compact_json import dumps
from gateway_worker.store.operations.contacts import Contact, ContactFact
from schemas.events.contacts import ContactChange


def contact_value(contact: Contact) -> bytes:
    """What is stored of it, to be encrypted."""
    facts = {name.value: [fact.value, fact.at] for name, fact in contact.facts.items()}
    return dumps({"lid": contact.lid, "phone": contact.phone, "facts": facts})


def contact_of(jid: str, value: bytes, *, blocked: bool) -> Contact:
    """From what `contact_value` made. Who is blocked is told by a column of its own: they are looked for."""
    stored = json.loads(value)
    facts = {ContactChange(name): ContactFact(value=value, at=at) for name, (value, at) in stored["facts"].items()}
    return Contact(jid=jid, lid=stored["lid"], phone=stored["phone"], facts=facts, blocked=blocked)
