"""The companion against a server that a test scripts, stanza by stanza."""

import pytest

from gateway_worker.simulator.wire.certificates import CertificateAuthority
from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.wire.errors import CertificateError, NodeError, PairingError
from gateway_worker.simulator.wire.frames import FrameBuffer, frame
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message
from gateway_worker.simulator.wire.linking.pairing import check_answer, offer_device, parse_qr
from gateway_worker.simulator.wire.nodes import Node, decode, encode
from gateway_worker.simulator.wire.noise import Established, ServerHandshake
from gateway_worker.simulator.wire.payload import Login, Registration, parse_payload
from gateway_worker.simulator.wire.signal.device import Ciphertext, SignalDevice, pad, unpad
from gateway_worker.simulator.wire.signal.ratchet import PreKeyBundle
from tests.support.companion.client import Companion, Credentials, new_credentials
from tests.support.companion.events import (
    Acknowledged,
    Ended,
    Event,
    Paired,
    QrShown,
    Ready,
    ReceiptArrived,
    Received,
    Unreadable,
)

NOW = 1_800_000_000
ROOT = KeyPair.generate()
STATIC = KeyPair.generate()
CHAIN = CertificateAuthority(ROOT).issue(STATIC.public, now=NOW)
ACCOUNT = KeyPair.generate()
ME, PARTNER = "4917000001:3@s.whatsapp.net", "4917000002@s.whatsapp.net"


class Script:
    """A server that says what the test tells it to."""

    def __init__(self, credentials: Credentials, *, root: bytes = ROOT.public, resume: bool = False) -> None:
        self.companion = Companion(credentials, root_public=root, now=NOW, resume=resume, prekeys=3)
        self.buffer = FrameBuffer(expect_intro=True)
        self.handshake = ServerHandshake(STATIC, CHAIN)
        self.established = self._shake_hands()

    def _shake_hands(self) -> Established:
        step = self.handshake.receive(self.buffer.feed(self.companion.start())[0])
        assert step.reply is not None
        self.companion.receive(frame(step.reply))
        if step.established is None:
            step = self.handshake.receive(self.buffer.feed(self.companion.output())[0])
        assert step.established is not None
        return step.established

    def heard(self) -> list[Node]:
        """What the companion has sent since."""
        return [decode(self.established.transport.decrypt(f)) for f in self.buffer.feed(self.companion.output())]

    def says(self, *nodes: Node) -> list[Event]:
        """The server sends these stanzas, in one message."""
        data = b"".join(frame(self.established.transport.encrypt(encode(node))) for node in nodes)
        return self.companion.receive(data)


def linked() -> Credentials:
    credentials = new_credentials()
    credentials.jid, credentials.device_identity = ME, b"proof"
    return credentials


def result(asked: Node, *content: Node) -> Node:
    return Node("iq", {"type": "result", "id": asked.attr("id")}, list(content))


def pair_success(secret: bytes, identity: bytes, number: int = 3) -> tuple[Node, bytes]:
    made = offer_device(ACCOUNT, companion_identity=identity, adv_secret=secret, raw_id=1, key_index=3, timestamp=NOW)
    jid = ME.replace(":3", f":{number}")
    children = [Node("device-identity", {}, made.content), Node("device", {"jid": jid, "lid": "9:3@lid"})]
    return Node("iq", {"type": "set", "id": "p"}, [Node("pair-success", {}, children)]), made.content


# --- connecting


def test_a_new_companion_registers_and_a_paired_one_logs_in() -> None:
    assert isinstance(parse_payload(Script(new_credentials()).established.payload), Registration)
    login = parse_payload(Script(linked()).established.payload)
    assert isinstance(login, Login)
    assert (login.username, login.device) == ("4917000001", 3)


def test_it_resumes_by_ik_once_it_knows_the_server() -> None:
    credentials = linked()
    assert Script(credentials, resume=True).established.pattern == "XX"
    assert Script(credentials, resume=True).established.pattern == "IK"


def test_it_refuses_another_root() -> None:
    with pytest.raises(CertificateError):
        Script(linked(), root=STATIC.public)


def test_it_brings_the_routing_info_of_its_last_connection() -> None:
    credentials = linked()
    Script(credentials).says(Node("ib", {}, [Node("edge_routing", {}, [Node("routing_info", {}, b"\1\2")])]))
    assert Script(credentials).buffer.routing_info == b"\1\2"


# --- pairing


def test_it_shows_its_qr_codes_and_countersigns() -> None:
    credentials = new_credentials()
    script = Script(credentials)
    refs = [Node("ref", {}, b"2@one"), Node("ref", {}, b"2@two")]
    (shown,) = script.says(Node("iq", {"type": "set", "id": "1"}, [Node("pair-device", {}, refs)]))
    assert isinstance(shown, QrShown)
    qr = parse_qr(shown.text)
    assert (qr.ref, qr.noise_key) == ("2@one", script.established.peer_static)
    second = script.companion.next_qr()
    assert second is not None
    assert parse_qr(second.text).ref == "2@two"
    assert script.companion.next_qr() is None
    assert script.heard() == [Node("iq", {"to": "@s.whatsapp.net", "type": "result", "id": "1"})]

    made = offer_device(
        ACCOUNT, companion_identity=qr.identity, adv_secret=qr.adv_secret, raw_id=1, key_index=3, timestamp=NOW
    )
    children = [Node("device-identity", {}, made.content), Node("device", {"jid": ME, "lid": "9:3@lid"})]
    events = script.says(Node("iq", {"type": "set", "id": "2"}, [Node("pair-success", {}, children)]))
    assert events == [Paired(ME)]
    (answer,) = script.heard()
    signed = answer.need("pair-device-sign").need("device-identity")
    assert signed.attrs == {"key-index": "3"}
    assert check_answer(made, signed.data) == credentials.device_identity


def test_it_refuses_to_be_paired_without_its_secret_or_under_another_number() -> None:
    for secret, number in ((bytes(32), 3), (None, 4)):
        credentials = new_credentials()
        node, _ = pair_success(secret or credentials.adv_secret, credentials.signal.identity.public, number)
        with pytest.raises(PairingError):
            Script(credentials).says(node)
        assert credentials.jid == ""


# --- logged in


def test_it_publishes_prekeys_if_the_server_has_none_and_then_is_active() -> None:
    script = Script(linked())
    assert script.says(Node("success")) == []
    (count,) = script.heard()
    script.says(result(count, Node("count", {"value": "0"})))
    (upload,) = script.heard()
    assert len(upload.need("list").children("key")) == 3
    script.says(result(upload))
    (active,) = script.heard()
    assert active.child("active")
    assert script.says(result(active, Node("active"))) == [Ready()]


def test_it_publishes_again_when_the_server_runs_low() -> None:
    script = Script(linked())
    script.says(Node("success"))
    script.says(result(script.heard()[0], Node("count", {"value": "7"})))
    assert [node.attrs["xmlns"] for node in script.heard()] == ["passive"]
    script.says(Node("notification", {"type": "encrypt", "from": "s", "id": "n"}, [Node("count", {"value": "2"})]))
    ack, upload = script.heard()
    assert (ack.tag, ack.attrs["class"]) == ("ack", "notification")
    assert upload.attrs["xmlns"] == "encrypt"


def test_an_answer_to_nothing_or_a_refusal_ends_it() -> None:
    with pytest.raises(NodeError):
        Script(linked()).says(Node("iq", {"type": "result", "id": "77"}))
    script = Script(linked())
    script.says(Node("success"))
    (count,) = script.heard()
    with pytest.raises(NodeError):
        script.says(Node("iq", {"type": "error", "id": count.attr("id")}))


@pytest.mark.parametrize(
    ("node", "code"),
    [
        (Node("failure", {"reason": "401"}), "401"),
        (Node("stream:error", {"code": "515"}), "515"),
        (Node("stream:error", {}, [Node("conflict", {"type": "replaced"})]), "replaced"),
    ],
)
def test_it_tells_how_the_stream_ended(node: Node, code: str) -> None:
    assert Script(linked()).says(node) == [Ended(code)]


# --- messages


def bundle_node(jid: str, bundle: PreKeyBundle) -> Node:
    prekey_id, prekey = bundle.prekey_id, bundle.prekey
    assert prekey_id is not None
    signed = [
        Node("id", {}, bundle.signed_prekey_id.to_bytes(3)),
        Node("value", {}, bundle.signed_prekey),
        Node("signature", {}, bundle.signed_prekey_signature),
    ]
    children = [
        Node("registration", {}, bundle.registration_id.to_bytes(4)),
        Node("identity", {}, bundle.identity),
        Node("key", {}, [Node("id", {}, prekey_id.to_bytes(3)), Node("value", {}, prekey)]),
        Node("skey", {}, signed),
    ]
    return Node("user", {"jid": jid}, children)


def users(**devices: str) -> Node:
    """A usync result: user → device numbers."""
    nodes = [
        Node(
            "user",
            {"jid": f"{user[1:]}@s.whatsapp.net"},
            [Node("devices", {}, [Node("device-list", {}, [Node("device", {"id": id_}) for id_ in ids.split()])])],
        )
        for user, ids in devices.items()
    ]
    return Node("usync", {}, [Node("list", {}, nodes)])


def test_it_sends_to_all_devices_and_asks_once() -> None:
    partner = SignalDevice(identity=KeyPair.generate(), registration_id=5)
    phone = SignalDevice(identity=KeyPair.generate(), registration_id=6)
    script = Script(linked())
    script.companion.send(PARTNER, Message(conversation="one"), "ID1")
    script.companion.send(PARTNER, Message(conversation="two"), "ID2")
    (asked,) = script.heard()
    script.says(result(asked, users(u4917000001="0 3", u4917000002="0 1")))
    (asked,) = script.heard()
    wanted = {user.attr("jid") for user in asked.need("key").children("user")}
    assert wanted == {"4917000001@s.whatsapp.net", PARTNER, "4917000002:1@s.whatsapp.net"}
    bundles = [
        bundle_node(PARTNER, partner.bundle(partner.new_prekeys(1)[0])),
        bundle_node("4917000001@s.whatsapp.net", phone.bundle(phone.new_prekeys(1)[0])),
        Node("user", {"jid": "4917000002:1@s.whatsapp.net"}, [Node("error", {"code": "406"})]),
    ]
    script.says(result(asked, Node("list", {}, bundles)))
    sent = script.heard()
    assert [node.attr("id") for node in sent] == ["ID1", "ID2"]
    for node, text in zip(sent, ("one", "two"), strict=True):
        assert node.need("device-identity").data == b"proof"
        copies = {to.attr("jid"): to.need("enc") for to in node.need("participants").children("to")}
        assert set(copies) == {PARTNER, "4917000001@s.whatsapp.net"}
        theirs = partner.decrypt(ME, Ciphertext(type="pkmsg", content=copies[PARTNER].data))
        assert Message.FromString(unpad(theirs)).conversation == text
        own = phone.decrypt(ME, Ciphertext(type="pkmsg", content=copies["4917000001@s.whatsapp.net"].data))
        assert Message.FromString(unpad(own)).deviceSentMessage.message.conversation == text
    assert script.says(Node("ack", {"class": "message", "id": "ID1"})) == [Acknowledged("ID1", "")]
    assert script.says(Node("ack", {"class": "message", "id": "ID2", "error": "463"})) == [Acknowledged("ID2", "463")]


def test_it_asks_for_devices_again_when_they_have_changed() -> None:
    script = Script(linked())
    script.companion.send(PARTNER, Message(conversation="one"), "ID1")
    (asked,) = script.heard()
    script.says(result(asked, users(u4917000001="3", u4917000002="")))
    assert [node.attr("id") for node in script.heard()] == ["ID1"]
    script.says(Node("notification", {"type": "devices", "from": PARTNER, "id": "n"}))
    script.companion.send(PARTNER, Message(conversation="two"), "ID2")
    _ack, asked = script.heard()
    assert [user.attrs for user in asked.need("usync").need("list").children()] == [{"jid": PARTNER}]


def incoming(sender: SignalDevice, credentials: Credentials, text: str, **attrs: str) -> Node:
    if not sender.has_session("me"):
        (prekey,) = credentials.signal.new_prekeys(1)
        sender.start_session("me", credentials.signal.bundle(prekey))
    content = sender.encrypt("me", pad(Message(conversation=text).SerializeToString()))
    enc = Node("enc", {"v": "2", "type": content.type}, content.content)
    return Node("message", {"from": PARTNER, "id": "IN1", "type": "text", **attrs}, [enc])


def test_it_reads_and_confirms_messages() -> None:
    credentials = linked()
    partner = SignalDevice(identity=KeyPair.generate(), registration_id=5)
    script = Script(credentials)
    (received,) = script.says(incoming(partner, credentials, "hello"))
    assert isinstance(received, Received)
    assert (received.message.conversation, received.chat, received.own) == ("hello", PARTNER, False)
    assert script.heard() == [Node("receipt", {"id": "IN1", "to": PARTNER})]
    script.companion.mark_read("IN1", PARTNER)
    assert script.heard() == [Node("receipt", {"id": "IN1", "to": PARTNER, "type": "read"})]


def test_one_device_has_one_session_in_pn_and_lid_addressing() -> None:
    credentials = linked()
    partner = SignalDevice(identity=KeyPair.generate(), registration_id=5)
    script = Script(credentials)
    script.says(incoming(partner, credentials, "by pn"))
    lid = {"from": "777@lid", "sender_pn": PARTNER}
    (received,) = script.says(incoming(partner, credentials, "by lid", **lid))
    assert isinstance(received, Received)
    assert (received.message.conversation, str(received.sender)) == ("by lid", PARTNER)


def test_what_it_cannot_read_is_refused() -> None:
    credentials = linked()
    script = Script(credentials)
    message = incoming(SignalDevice(identity=KeyPair.generate(), registration_id=5), credentials, "hello")
    script.says(message)
    script.heard()
    (unreadable,) = script.says(message)
    assert isinstance(unreadable, Unreadable)
    assert script.heard()[0].attrs == {"class": "message", "id": "IN1", "to": PARTNER, "type": "text", "error": "500"}


def test_it_acks_receipts() -> None:
    script = Script(linked())
    node = Node("receipt", {"from": PARTNER, "id": "ID1", "type": "read"})
    assert script.says(node) == [ReceiptArrived(message_id="ID1", sender=PARTNER, kind="read")]
    assert script.heard() == [Node("ack", {"class": "receipt", "id": "ID1", "to": PARTNER, "type": "read"})]
