"""The ledger: what the server and the phones saw of every message."""

from gateway_worker.simulator.control import views
from gateway_worker.simulator.control.fault_actions import FaultRequest, add_fault
from gateway_worker.simulator.phone.phone import go_offline, go_online
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.fault import FaultKind
from gateway_worker.simulator.world.model import Account
from gateway_worker.simulator.world.records import MAX_RECORDS, Ledger
from tests.unit.simulator.stage import Stage

BOB = "15550000002"


def _people(stage: Stage) -> tuple[Account, Account]:
    return stage.person(), stage.person(BOB)


def _records(stage: Stage, phone: str | None = None, since: int = 0) -> list[views.Json]:
    return views.ledger(stage.core.world, since, phone)


def _record(stage: Stage, message_id: str) -> views.Json:
    (record,) = [record for record in _records(stage) if record["messageId"] == message_id]
    return record


def test_a_message_of_a_companion_is_accepted_acked_decrypted_and_receipted_once(stage: Stage) -> None:
    ann, bob = _people(stage)
    stage.companion(ann).write(bob, "hello", "M1")
    stage.run()
    record = _record(stage, "M1")
    assert (record["from"], record["to"]) == (f"{ann.phone}:1@s.whatsapp.net", bob.pn_jid)
    assert (record["timesAccepted"], record["acked"], record["refused"]) == (1, 1, [])
    assert [note["device"] for note in record["accepted"]] == [record["from"]]
    phone, copy = record["delivered"][bob.pn_jid], record["delivered"][ann.pn_jid]
    assert (phone["own"], phone["arrivals"], phone["decrypted"], phone["failures"]) == (False, 1, 1, {})
    assert [receipt["type"] for receipt in phone["receipts"]] == ["delivery"]
    assert (copy["own"], copy["decrypted"]) == (True, 1)


def test_a_message_to_a_companion_is_receipted_as_often_as_it_says(stage: Stage) -> None:
    ann, bob = _people(stage)
    client = stage.companion(ann)
    message_id = stage.send(bob, ann, "hello")
    (stanza,) = client.got("message", id=message_id)
    client.confirm(stanza)
    client.confirm(stanza, "read")
    companion = _record(stage, message_id)["delivered"][f"{ann.phone}:1@s.whatsapp.net"]
    assert (companion["arrivals"], companion["decrypted"], companion["receipted"]) == (1, 0, 2)
    assert [receipt["type"] for receipt in companion["receipts"]] == ["delivery", "read"]


def test_what_waits_for_a_companion_has_not_arrived(stage: Stage) -> None:
    ann, bob = _people(stage)
    stage.companion(ann).leave()
    message_id = stage.send(bob, ann, "hello")
    companion = _record(stage, message_id)["delivered"][f"{ann.phone}:1@s.whatsapp.net"]
    assert (companion["arrivals"], companion["firstArrival"]) == (0, None)


def test_a_message_sent_again_under_its_id_is_accepted_twice_and_is_a_copy_at_the_phone(stage: Stage) -> None:
    ann, bob = _people(stage)
    client = stage.companion(ann)
    client.write(bob, "hello", "M1")
    client.write(bob, "hello", "M1")
    record = _record(stage, "M1")
    assert (record["timesAccepted"], record["acked"]) == (2, 2)
    assert record["delivered"][bob.pn_jid]["decrypted"] == 2
    assert bob.primary.messages["M1"].copies == 2
    assert stage.core.world.stats.copies == 2  # Ann's own phone has it twice, too


def test_a_refused_message_shows_its_code_and_was_not_accepted(stage: Stage) -> None:
    ann, bob = _people(stage)
    client = stage.companion(ann)
    asked = FaultRequest(kind=FaultKind.NACK, phone=ann.phone, code=463, after=0.0, count=1)
    stage.turn(lambda turn: add_fault(turn, asked))
    client.say(client.stanza(bob, "hello", "M1"))
    stage.run()
    record = _record(stage, "M1")
    assert (record["refused"], record["timesAccepted"], record["delivered"]) == ([463], 0, {})


def test_orders_tell_what_happened_first(stage: Stage) -> None:
    ann, bob = _people(stage)
    client = stage.companion(ann)
    for name in ("M1", "M2", "M3"):
        client.write(bob, name, name)
    read = [_record(stage, name)["delivered"][bob.pn_jid]["firstDecrypted"]["order"] for name in ("M1", "M2", "M3")]
    assert read == sorted(read)
    assert [record["messageId"] for record in _records(stage, since=_record(stage, "M1")["order"])] == ["M2", "M3"]


def test_it_can_be_asked_for_one_phone_and_be_emptied(stage: Stage) -> None:
    ann, bob = _people(stage)
    carol = stage.person("15550000003")
    stage.send(ann, bob, "for Bob")
    stage.send(ann, carol, "for Carol")
    assert [record["to"] for record in _records(stage, phone=BOB)] == [bob.pn_jid]
    assert len(_records(stage, phone=ann.phone)) == 2
    last = stage.core.world.ledger.last_order
    assert stage.core.world.ledger.clear() == 2
    assert _records(stage) == []
    stage.send(ann, bob, "later")
    assert _records(stage)[0]["order"] > last


def test_it_is_bounded_and_counts_what_it_dropped() -> None:
    book = Ledger()
    for number in range(MAX_RECORDS + 2):
        stanza = Node("message", {"id": str(number), "to": "15550000002@s.whatsapp.net"})
        book.open(0.0, stanza, sender="15550000001:1@s.whatsapp.net", phone="15550000001")
    assert (len(book.records), len(book.by_id), book.dropped) == (MAX_RECORDS, MAX_RECORDS, 2)


def test_a_counter_that_was_used_twice_is_a_failure_with_its_cause_and_a_lost_message(stage: Stage) -> None:
    ann, bob = _people(stage)
    client = stage.companion(ann)
    stanza = client.stanza(bob, "hello", "M1")
    client.say(stanza)
    client.say(stanza)  # the same bytes again: the server repeats, nothing is lost
    again = client.stanza(bob, "other", "M2")
    for to, old in zip(again.need("participants").children(), stanza.need("participants").children(), strict=True):
        to.content = old.content  # a ratchet that went back
    client.say(again)
    stats = stage.core.world.stats
    assert stats.reused_counters == 4  # Bob's phone and Ann's own, twice each
    assert stats.broken_ratchets == 2
    assert stats.decrypt_failure_causes == {"reusedCounter": 4}
    assert _record(stage, "M2")["delivered"][bob.pn_jid]["failures"] == {"reusedCounter": 1}


def test_an_offline_phone_has_it_once_it_is_back(stage: Stage) -> None:
    ann, bob = _people(stage)
    stage.turn(lambda turn: go_offline(turn, bob.primary))
    message_id = stage.send(ann, bob, "hello")
    assert _record(stage, message_id)["delivered"][bob.pn_jid]["arrivals"] == 0
    stage.turn(lambda turn: go_online(turn, bob.primary))
    assert _record(stage, message_id)["delivered"][bob.pn_jid]["decrypted"] == 1
