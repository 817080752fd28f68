"""How people are named to a backend. Pure."""

from collections.abc import Callable

from gateway_worker.whatsapp.incoming import Sender
from schemas.addresses import jid_of_phone
from schemas.content.changes import MessageSender

NamesOf = Callable[[str], frozenset[str]]
"""All names of a chat or a person that are known, the given one among them."""


def message_sender(sender: Sender) -> MessageSender:
    """Named by the number where that is known; the row keeps the name by which WhatsApp addresses the sender there."""
    jid = sender.jid if sender.phone is None else jid_of_phone(sender.phone)
    return MessageSender(jid=jid, lid=sender.lid, phone=sender.phone, push_name=sender.push_name)
