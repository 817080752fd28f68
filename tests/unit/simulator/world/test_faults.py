"""Faults that last for a time, lose receipts, or show at the next login."""

from dataclasses import replace

from gateway_worker.simulator.control.fault_actions import FaultRequest, add_fault
from gateway_worker.simulator.world.fault import FaultKind
from gateway_worker.simulator.world.faults import current
from gateway_worker.simulator.world.model import Account
from tests.unit.simulator.stage import Client, Stage

BOB = "15550000002"
REQUEST = FaultRequest(kind=FaultKind.DROP, phone=None, code=0, after=0.0, count=None)


def _add(stage: Stage, asked: FaultRequest) -> None:
    stage.turn(lambda turn: add_fault(turn, asked))


def test_a_storm_ends_every_login_of_everybody_until_its_time_is_over(stage: Stage) -> None:
    ann, bob = stage.person(), stage.person(BOB)
    clients = [stage.companion(ann), stage.companion(bob)]
    _add(stage, replace(REQUEST, kind=FaultKind.STREAM_ERROR, code=503, seconds=10.0))
    stage.run(1)
    for client in clients:
        assert [error.attrs["code"] for error in client.got("stream:error")] == ["503"]
        client.leave()
        client.log_in()
        stage.run(1)
        assert len(client.got("stream:error")) == 1
        client.leave()
    stage.run(10)
    for client in clients:
        client.log_in()
        stage.run(1)
        assert client.got("success")
        assert client.got("stream:error") == []
    assert current(stage.core.world, stage.now) == []


def test_drop_without_a_phone_cuts_everybody(stage: Stage) -> None:
    clients = [stage.companion(stage.person()), stage.companion(stage.person(BOB))]
    _add(stage, replace(REQUEST, count=1))
    stage.run(1)
    assert [stage.closed[client.id].abrupt for client in clients] == [True, True]


def _text_for(stage: Stage, client: Client, sender: Account, account: Account, text: str) -> str:
    message_id = stage.send(sender, account, text)
    (stanza,) = client.got("message", id=message_id)
    client.confirm(stanza)
    return message_id


def test_lost_receipts_are_not_acked_not_forwarded_and_the_message_comes_again(stage: Stage) -> None:
    ann, bob = stage.person(), stage.person(BOB)
    client = stage.companion(ann)
    _add(stage, replace(REQUEST, kind=FaultKind.MUTE_RECEIPTS, phone=ann.phone))
    message_id = _text_for(stage, client, bob, ann, "hello")
    assert client.got("ack", id=message_id) == []
    assert [r.device for r in bob.primary.messages[message_id].receipts] == []
    assert stage.core.world.stats.receipts_lost == 1
    _add(stage, replace(REQUEST, kind=FaultKind.MUTE_RECEIPTS, count=0))
    client.leave()
    client.log_in()
    client.ask("passive", client.signed_prekey())
    assert [queued for _, queued in ann.devices[1].queue] == [message_id]


def test_redeliver_at_login_puts_confirmed_messages_before_what_is_newer(stage: Stage) -> None:
    ann, bob = stage.person(), stage.person(BOB)
    client = stage.companion(ann)
    first = _text_for(stage, client, bob, ann, "first")
    second = _text_for(stage, client, bob, ann, "second")
    newer = stage.send(bob, ann, "not confirmed yet")
    _add(stage, replace(REQUEST, kind=FaultKind.REDELIVER, phone=ann.phone, count=2, at_login=True))
    stage.run()
    assert len(client.got("message", id=first)) == 1  # nothing comes before the next login
    assert [message_id for _, message_id in ann.devices[1].queue] == [first, second, newer]


def test_redeliver_at_login_loses_the_confirmations_of_the_next_messages_too(stage: Stage) -> None:
    ann, bob = stage.person(), stage.person(BOB)
    client = stage.companion(ann)
    _add(stage, replace(REQUEST, kind=FaultKind.REDELIVER, phone=ann.phone, count=1, at_login=True))
    lost = _text_for(stage, client, bob, ann, "confirmed in vain")
    kept = _text_for(stage, client, bob, ann, "confirmed")
    assert [message_id for _, message_id in ann.devices[1].queue] == [lost]
    assert [receipt.device for receipt in bob.primary.messages[kept].receipts] == [f"{ann.phone}:1@s.whatsapp.net"]
    assert stage.core.world.faults == []
