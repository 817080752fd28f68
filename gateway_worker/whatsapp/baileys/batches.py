"""Facts that came in a row and can be stored at once: receipts of a group, pictures that changed while away. Pure."""

from collections.abc import Sequence
from typing import Final

from gateway_worker.whatsapp.baileys.codec.facts import merged
from gateway_worker.whatsapp.facts import Fact, ReceiptArrived, ReceiptsArrived
from gateway_worker.whatsapp.people import ContactsReported

MAX_BATCH: Final = 500
MAX_WEIGHT: Final = 4_000  # ids of messages, and people: each is a row


def go_together(first: Fact, second: Fact) -> bool:
    """Whether one transaction may hold both. People come one at a time, or many together: those are a batch already."""
    match first, second:
        case ReceiptArrived(), ReceiptArrived():
            return True
        case ContactsReported(contacts=[_], from_before=False), ContactsReported(contacts=[_], from_before=False):
            return True
        case _:
            return False


def weight_of(fact: Fact) -> int:
    """How many rows it is."""
    match fact:
        case ReceiptArrived():
            return len(fact.message_ids)
        case ContactsReported():
            return len(fact.contacts)
        case _:
            return 1


def together(facts: Sequence[Fact]) -> Fact:
    """All of them as one; they go together, and there is at least one."""
    if len(facts) == 1:
        return facts[0]
    contacts = [contact for fact in facts if isinstance(fact, ContactsReported) for contact in fact.contacts]
    if contacts:
        return ContactsReported(contacts=contacts)
    receipts: list[ReceiptArrived] = []
    for fact in facts:
        if isinstance(fact, ReceiptArrived):
            both = merged(receipts[-1], fact) if receipts else None
            receipts[-1:] = [*receipts[-1:], fact] if both is None else [both]
    return receipts[0] if len(receipts) == 1 else ReceiptsArrived(receipts=receipts)
