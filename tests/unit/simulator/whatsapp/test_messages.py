"""Messages, receipts and queues, stanza by stanza."""

from collections.abc import Callable

import pytest

from gateway_worker.simulator.control import fault_actions
from gateway_worker.simulator.phone.phone import go_offline, go_online
from gateway_worker.simulator.phone.receiving import MAX_RETRIES
from gateway_worker.simulator.whatsapp import offline
from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.fault import FaultKind
from gateway_worker.simulator.world.model import Account
from tests.unit.simulator.stage import Client, Stage

BOB = "15550000002"

Spoil = Callable[[Node], object]


@pytest.fixture
def a(stage: Stage, ann: Account) -> Client:
    return stage.companion(ann)


@pytest.fixture
def b(stage: Stage, bob: Account) -> Client:
    return stage.companion(bob)


def test_a_message_is_acked_and_each_device_gets_its_own_copy(
    stage: Stage, ann: Account, bob: Account, a: Client, b: Client
) -> None:
    a2 = stage.companion(ann)
    ack = a.write(bob, "hello", "M1")
    assert ack.attrs == {"class": "message", "id": "M1", "from": bob.pn_jid, "t": ack.attrs["t"]}
    (arrived,) = b.got("message", id="M1")
    assert arrived.attrs["from"] == f"{ann.phone}:1@s.whatsapp.net"
    assert (arrived.attrs["sender_lid"], arrived.attrs["addressing_mode"]) == (ann.lid_jid, "pn")
    assert arrived.need("device-identity").data == a.identity
    assert b.read(arrived).conversation == "hello"
    (copy,) = a2.got("message", id="M1")
    assert (copy.attrs["recipient"], copy.attrs["peer_recipient_lid"]) == (bob.pn_jid, bob.lid_jid)
    assert "sender_lid" not in copy.attrs
    assert bob.primary.messages["M1"].message.conversation == "hello"
    assert ann.primary.messages["M1"].chat == bob.pn_jid


def test_a_message_by_lid_tells_the_number(ann: Account, bob: Account, a: Client, b: Client) -> None:
    a.write(bob, "hello", "M1", server="lid")
    (arrived,) = b.got("message", id="M1")
    assert (arrived.attrs["from"], arrived.attrs["sender_pn"]) == (f"{ann.lid}:1@lid", ann.pn_jid)


def _participant(stanza: Node) -> Node:
    return stanza.need("participants").children("to")[0]


def _enc(stanza: Node) -> Node:
    return _participant(stanza).need("enc")


def _without(name: str) -> Spoil:
    return lambda stanza: stanza.attrs.pop(name)


def _emptied(part: Callable[[Node], Node]) -> Spoil:
    return lambda stanza: setattr(part(stanza), "content", [])


def _enc_with(content: bytes | None) -> Spoil:
    return lambda stanza: setattr(_enc(stanza), "content", content)


def _enc_named(**attrs: str) -> Spoil:
    return lambda stanza: _enc(stanza).attrs.update(attrs)


def _without_device_identity(stanza: Node) -> None:
    stanza.content = stanza.children("participants")


def _with_a_nameless_participant(stanza: Node) -> None:
    del _participant(stanza).attrs["jid"]


def _with_a_stranger_among_participants(stanza: Node) -> None:
    _participant(stanza).tag = "too"


def _with_a_long_id(stanza: Node) -> None:
    stanza.attrs["id"] = "x" * 200


@pytest.mark.parametrize(
    "spoil",
    [
        _without("id"),
        _without("to"),
        _without("type"),
        _with_a_long_id,
        _without_device_identity,
        _with_a_nameless_participant,
        _with_a_stranger_among_participants,
        _emptied(lambda stanza: stanza),
        _emptied(lambda stanza: stanza.need("participants")),
        _emptied(_participant),
        _enc_named(v="1"),
        _enc_named(type="plain"),
        _enc_with(None),
        _enc_with(b""),
        _enc_with(bytes((1 << 20) + 1)),
    ],
)
def test_a_malformed_message_is_refused_with_479_and_goes_nowhere(
    stage: Stage, bob: Account, a: Client, b: Client, spoil: Spoil
) -> None:
    stanza = a.stanza(bob, "hello", "M1")
    spoil(stanza)
    a.say(stanza)
    (ack,) = a.got("ack", **{"class": "message"})
    assert ack.attrs["error"] == "479"
    assert b.got("message", id="M1") == []
    assert "M1" not in bob.primary.messages
    assert stage.core.world.stats.malformed == 1


def test_devices_that_are_not_of_the_chat_get_nothing(stage: Stage, bob: Account, a: Client, b: Client) -> None:
    eve = stage.person("15550000003")
    stanza = a.stanza(bob, "hello", "M1")
    stanza.need("participants").children("to")[0].attrs["jid"] = eve.pn_jid
    a.say(stanza)
    assert "M1" not in eve.primary.messages
    assert stage.core.world.stats.unknown_devices == 1
    assert b.got("message", id="M1")


def test_phones_confirm_by_themselves_and_the_sender_alone_hears_of_its_own_copies(
    stage: Stage, ann: Account, bob: Account, a: Client, b: Client
) -> None:
    a.write(bob, "hello", "M1")
    stage.run()
    from_phones = [(node.attrs["from"], node.attrs.get("type")) for node in a.got("receipt", id="M1")]
    assert sorted(from_phones, key=str) == [(ann.pn_jid, "sender"), (bob.pn_jid, None)]
    assert b.got("receipt", id="M1") == []


def test_an_inactive_receipt_is_forwarded_as_it_is(bob: Account, a: Client, b: Client) -> None:
    a.write(bob, "hello", "M1")
    b.confirm(b.got("message", id="M1")[0], "inactive")
    assert [node.attrs["from"] for node in a.got("receipt", id="M1", type="inactive")] == [f"{BOB}:1@s.whatsapp.net"]


def test_a_private_read_is_told_to_own_devices_only(stage: Stage, bob: Account, a: Client, b: Client) -> None:
    b2 = stage.companion(bob)
    a.write(bob, "hello", "M1")
    b.confirm(b.got("message", id="M1")[0], "read-self")
    assert a.got("receipt", id="M1", type="read-self") == []
    (seen,) = b2.got("receipt", id="M1", type="read-self")
    assert (seen.attrs["from"], seen.attrs["recipient"]) == (bob.pn_jid, "15550000001:1@s.whatsapp.net")


def test_a_counter_that_a_phone_has_read_is_refused_and_counted(stage: Stage, bob: Account, a: Client) -> None:
    stanza = a.stanza(bob, "hello", "M1")
    a.say(stanza)
    stanza.attrs["id"] = "M2"
    a.say(stanza)
    stage.run()
    assert stage.core.world.stats.reused_counters == 2  # at Bob's phone and at the own one
    assert "M2" not in bob.primary.messages
    assert stage.core.world.stats.retries == 0


def test_the_same_message_sent_again_counts_as_a_copy(bob: Account, a: Client) -> None:
    for _ in range(3):
        a.write(bob, "hello", "M1")
    assert bob.primary.messages["M1"].copies == 3
    assert len(bob.primary.messages) == 1


def test_a_message_under_a_foreign_identity_is_refused(stage: Stage, bob: Account, a: Client) -> None:
    a.signal.identity = KeyPair.generate()
    a.write(bob, "hello", "M1")
    assert "M1" not in bob.primary.messages
    assert stage.core.world.stats.bad_signatures == 1
    assert stage.core.world.stats.decrypt_failures == 1


def test_a_device_identity_of_another_account_is_refused(stage: Stage, bob: Account, a: Client, b: Client) -> None:
    stanza = a.stanza(bob, "hello", "M1")
    stanza.need("device-identity").content = b.identity
    a.say(stanza)
    assert "M1" not in bob.primary.messages
    assert stage.core.world.stats.bad_signatures == 1


def test_a_one_time_prekey_serves_one_signal_session(stage: Stage, bob: Account, a: Client) -> None:
    bundle = a.bundle(bob.pn_jid)
    name = f"{BOB}.0"
    bodies: list[Node] = []
    for _ in range(2):
        a.signal.start_session(name, bundle)
        bodies.append(a.encrypt(bob.devices[0], Message(conversation="hello")))
    for number, body in enumerate(bodies):
        identity = Node("device-identity", {}, a.identity)
        to = Node("participants", {}, [Node("to", {"jid": bob.pn_jid}, [body])])
        a.say(Node("message", {"to": bob.pn_jid, "id": f"M{number}", "type": "text"}, [to, identity]))
    assert list(bob.primary.messages) == ["M0"]
    assert stage.core.world.stats.reused_prekeys == 1


def test_a_phone_asks_for_what_it_cannot_read_but_not_for_ever(stage: Stage, bob: Account, a: Client) -> None:
    a.write(bob, "first", "M0")
    stanza = a.stanza(bob, "hello", "M1")
    _enc(stanza).content = b"\x33" + bytes(64)
    for _ in range(MAX_RETRIES + 3):
        a.say(stanza)
        stage.run()
    retries = a.got("receipt", id="M1", type="retry")
    assert [retry.need("retry").attrs["count"] for retry in retries] == [str(n + 1) for n in range(MAX_RETRIES)]
    assert retries[0].need("keys").child("key")
    assert retries[0].attrs["from"] == bob.pn_jid


def test_a_phone_sends_again_in_a_new_signal_session(stage: Stage, ann: Account, bob: Account, b: Client) -> None:
    message_id = stage.send(ann, bob, "hello")
    (first,) = b.got("message", id=message_id)
    retry = Node("retry", {"count": "1", "id": message_id, "t": "1", "v": "1"})
    attrs = {"id": message_id, "to": first.attrs["from"], "type": "retry"}
    for number in range(MAX_RETRIES + 2):
        b.say(Node("receipt", attrs, [retry, Node("registration", {}, (77).to_bytes(4))]))
        assert len(b.got("message", id=message_id)) == min(number + 2, MAX_RETRIES + 1)
    again = b.got("message", id=message_id)[1]
    assert again.need("enc").attrs["count"] == "1"
    assert b.read(again).conversation == "hello"


def test_the_queue_is_announced_and_comes_in_order_before_what_is_new(
    stage: Stage, ann: Account, bob: Account, b: Client
) -> None:
    b.leave()
    ids = [stage.send(ann, bob, f"message {number}") for number in range(25)]
    b.log_in()
    (preview,) = [node for node in b.got("ib") if node.child("offline_preview")]
    assert preview.need("offline_preview").attrs["message"] == "25"
    assert b.got("message") == []
    b.say(Node("ib", {}, [Node("offline_batch", {"count": "10"})]))
    ids.append(stage.send(ann, bob, "new"))
    assert [node.attrs["id"] for node in b.got("message")] == ids[:10]
    b.ask("passive", Node("active"), kind="set")
    stage.run()
    assert [node.attrs["id"] for node in b.got("message")] == ids
    assert all("offline" in node.attrs for node in b.got("message"))
    (end,) = [node for node in b.got("ib") if node.child("offline")]
    assert end.need("offline").attrs["count"] == "26"


def test_what_was_not_confirmed_comes_again_and_a_batched_receipt_settles_all(
    stage: Stage, ann: Account, bob: Account, b: Client
) -> None:
    ids = [stage.send(ann, bob, f"message {number}") for number in range(4)]
    b.confirm(b.got("message", id=ids[0])[0])
    b.leave()
    b.log_in()
    b.ask("passive", Node("active"), kind="set")
    stage.run()
    assert [node.attrs["id"] for node in b.got("message")] == ids[1:]
    items = [Node("item", {"id": id_}) for id_ in ids[2:]]
    b.say(Node("receipt", {"id": ids[1], "to": ann.pn_jid}, [Node("list", {}, items)]))
    assert bob.companions[0].queue == {}
    stage.run()
    assert {receipt.type for id_ in ids for receipt in ann.primary.messages[id_].receipts} == {"delivery"}
    assert all(len(ann.primary.messages[id_].receipts) == 2 for id_ in ids)


def test_an_ack_settles_too_and_its_error_is_counted(stage: Stage, ann: Account, bob: Account, b: Client) -> None:
    id_ = stage.send(ann, bob, "hello")
    b.say(Node("ack", {"class": "message", "id": id_, "to": ann.pn_jid, "error": "500"}))
    assert bob.companions[0].queue == {}
    assert stage.core.world.stats.refused_by_clients == 1


def test_two_receipts_for_one_message_wait_side_by_side(stage: Stage, bob: Account, a: Client, b: Client) -> None:
    a.write(bob, "hello", "M1")
    a.leave()
    message = b.got("message", id="M1")[0]
    b.confirm(message)
    b.confirm(message, "read")
    a.log_in()
    a.ask("passive", Node("active"), kind="set")
    stage.run()
    waited = [node for node in a.got("receipt", id="M1") if node.attrs["from"] == f"{BOB}:1@s.whatsapp.net"]
    assert [node.attrs.get("type") for node in waited] == [None, "read"]


def test_a_queue_is_bounded(stage: Stage, bob: Account, b: Client) -> None:
    b.leave()
    device = bob.companions[0]
    notes = [Node("notification", {"id": str(number), "from": "x"}) for number in range(offline.MAX_QUEUE + 5)]
    stage.turn(lambda turn: [offline.deliver(turn, device, note) for note in notes])
    assert len(device.queue) == offline.MAX_QUEUE
    assert next(iter(device.queue)) == ("notification", "5")
    assert stage.core.world.stats.queue_overflows == 5


def test_a_phone_that_is_offline_gets_its_messages_when_it_is_back(stage: Stage, bob: Account, a: Client) -> None:
    stage.turn(lambda turn: go_offline(turn, bob.primary))
    a.write(bob, "hello", "M1")
    stage.run()
    assert a.got("receipt", id="M1", **{"from": bob.pn_jid}) == []
    stage.turn(lambda turn: go_online(turn, bob.primary))
    stage.run()
    assert bob.primary.messages["M1"].copies == 1
    assert len(a.got("receipt", id="M1", **{"from": bob.pn_jid})) == 1


def test_a_companion_gets_from_its_phone_what_it_could_not_read(stage: Stage, ann: Account, bob: Account) -> None:
    b = stage.companion(bob)
    id_ = stage.send(ann, bob, "hello")
    request = Message()
    request.protocolMessage.type = Message.ProtocolMessage.Type.PEER_DATA_OPERATION_REQUEST_MESSAGE
    asked = request.protocolMessage.peerDataOperationRequestMessage.placeholderMessageResendRequest.add()
    asked.messageKey.id = id_
    stanza = Node(
        "message",
        {"to": bob.pn_jid, "id": "P1", "type": "text", "category": "peer"},
        [b.encrypt(bob.devices[0], request), Node("device-identity", {}, b.identity)],
    )
    before = len(b.got("message"))
    b.say(stanza)
    b.read(b.got("message", id=id_)[0])
    (answer,) = b.got("message")[before:]
    response = b.read(answer).protocolMessage.peerDataOperationRequestResponseMessage
    assert response.stanzaId == "P1"
    (result,) = response.peerDataOperationResult
    assert b"hello" in result.placeholderMessageResendResponse.webMessageInfoBytes


@pytest.mark.parametrize("kind", [FaultKind.NACK, FaultKind.MUTE, FaultKind.DELAY])
def test_a_fault_on_a_phone_without_companions_hits_what_is_sent_to_it(
    stage: Stage, bob: Account, a: Client, kind: FaultKind
) -> None:
    eve = stage.person("15550000003")
    asked = fault_actions.FaultRequest(kind=kind, phone=eve.phone, code=463, after=5, count=1)
    stage.turn(lambda turn: fault_actions.add_fault(turn, asked))
    stage.run(6)
    a.say(a.stanza(bob, "not hit", "M1"))
    assert [node.attrs["id"] for node in a.got("ack", id="M1")] == ["M1"]
    a.say(a.stanza(eve, "hit", "M2"))
    assert a.got("ack", id="M2") == []
    stage.run(6)
    errors = [node.attrs.get("error") for node in a.got("ack", id="M2")]
    assert errors == {FaultKind.NACK: ["463"], FaultKind.MUTE: [], FaultKind.DELAY: [None]}[kind]
    assert ("M2" in eve.primary.messages) == (kind is not FaultKind.NACK)
    assert stage.core.world.faults == []
