"""Facts that share a transaction."""

from gateway_worker.whatsapp.baileys.batches import go_together, together
from gateway_worker.whatsapp.baileys.codec.facts import fact_of
from gateway_worker.whatsapp.facts import PasskeyRequired, ReceiptArrived, ReceiptKind, ReceiptsArrived
from gateway_worker.whatsapp.people import ContactReport, ContactsReported


def receipt(message_id: str, participant: str) -> ReceiptArrived:
    return ReceiptArrived(
        message_ids=[message_id], chat="1@g.us", kind=ReceiptKind.READ, timestamp=5, participant=participant
    )


def news(*jids: str, from_before: bool = False) -> ContactsReported:
    return ContactsReported(contacts=[ContactReport(jid=jid) for jid in jids], from_before=from_before)


def test_a_contact_has_the_ports_words() -> None:
    seen = {"jid": "1@lid", "lid": "1@lid", "phone": None, "picture": "7", "timestamp": 5}
    fact = fact_of({"fact": "contacts", "contacts": [seen], "from_before": False})
    assert fact == ContactsReported(contacts=[ContactReport(jid="1@lid", lid="1@lid", picture="7", timestamp=5)])


def test_people_that_come_one_by_one_are_stored_together() -> None:
    assert go_together(news("1@lid"), news("2@lid"))
    assert together([news("1@lid"), news("2@lid")]) == news("1@lid", "2@lid")
    assert not go_together(news("1@lid"), news("2@lid", "3@lid"))
    assert not go_together(news("1@lid"), news("2@lid", from_before=True))
    assert not go_together(news("1@lid"), PasskeyRequired(options={}, expires_in=1))


def test_receipts_in_a_row_are_stored_together() -> None:
    a, b, c = receipt("A", "1@lid"), receipt("B", "1@lid"), receipt("B", "2@lid")
    assert go_together(a, b)
    both = ReceiptArrived(
        message_ids=["A", "B"], chat="1@g.us", kind=ReceiptKind.READ, timestamp=5, participant="1@lid"
    )
    assert together([a, b]) == both
    assert together([a, b, c]) == ReceiptsArrived(receipts=[both, c])
    assert together([a]) is a
    assert not go_together(a, PasskeyRequired(options={}, expires_in=1))
