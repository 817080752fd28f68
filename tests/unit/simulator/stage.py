"""A core with a clock of its own and companions that speak nodes to it: no I/O, no time passes by itself."""

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway_worker.simulator.control import person_actions as actions
from gateway_worker.simulator.core import Core
from gateway_worker.simulator.whatsapp.registration import scan
from gateway_worker.simulator.wire.curve import KEY_TYPE, KeyPair
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import ClientPayload, Message
from gateway_worker.simulator.wire.linking.pairing import QrCode, accept_offer, qr_text
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.wire.signal.device import Ciphertext, SignalDevice, pad, unpad
from gateway_worker.simulator.wire.signal.ratchet import PreKeyBundle
from gateway_worker.simulator.world.ids import ConnectionId
from gateway_worker.simulator.world.model import Account, Device, World
from gateway_worker.simulator.world.turn import Close, Effect, Later, Send, Turn

START = 1_800_000_000.0


def entropy() -> Callable[[int], bytes]:
    """Bytes that look random and are the same in every run."""
    numbers = itertools.count()
    return lambda size: hashlib.shake_256(next(numbers).to_bytes(8)).digest(size)


@dataclass(slots=True)
class Stage:
    """The core, its time, and what every connection was sent."""

    core: Core = field(default_factory=lambda: Core(World(entropy=entropy())))
    now: float = START
    sent: dict[ConnectionId, list[Node]] = field(default_factory=dict[ConnectionId, list[Node]])
    closed: dict[ConnectionId, Close] = field(default_factory=dict[ConnectionId, Close])
    timers: list[tuple[float, int, Callable[[Turn], None]]] = field(
        default_factory=list[tuple[float, int, Callable[[Turn], None]]]
    )
    _ids: "itertools.count[int]" = field(default_factory=itertools.count)

    def do(self, effects: list[Effect]) -> None:
        """Notes what the core wants done."""
        for effect in effects:
            match effect:
                case Send(connection, node):
                    self.sent.setdefault(connection, []).append(node)
                case Close(connection):
                    self.closed[connection] = effect
                case Later(delay, act):
                    self.timers.append((self.now + delay, next(self._ids), act))

    def turn(self, action: Callable[[Turn], object]) -> None:
        """A control request."""
        self.do(self.core.act(self.now, action))

    def run(self, seconds: float = 1.0) -> None:
        """Lets time pass: every timer that is due rings, in order."""
        end = self.now + seconds
        while self.timers and min(self.timers)[0] <= end:
            timer = min(self.timers)
            self.timers.remove(timer)
            self.now = max(self.now, timer[0])
            self.do(self.core.act(self.now, timer[2]))
        self.now = end

    def person(self, phone: str = "15550000001", *, passkey: bool = False) -> Account:
        """A person with a phone."""
        people: list[Account] = []
        self.turn(lambda turn: people.append(actions.add_phone(turn, phone, f"P{phone[-2:]}", passkey=passkey)))
        return people[0]

    def companion(self, account: Account, prekeys: int = 20) -> "Client":
        """A linked companion that is logged in, has uploaded prekeys and was welcomed."""
        client = Client(self)
        client.register()
        client.pair(account)
        client.log_in()
        client.upload(prekeys)
        self.run()
        for word in client.got("message", category="peer"):
            client.read(word)
            client.confirm(word, "peer_msg")
        return client

    def send(self, account: Account, to: Account, text: str) -> str:
        """A phone sends a text; its id."""
        ids: list[str] = []
        content = {"kind": "text", "text": text}
        self.turn(
            lambda turn: ids.append(actions.send(turn, account, to=to.pn_jid, draft=actions.Draft(content=content)))
        )
        return ids[0]


class Client:
    """A companion that speaks nodes."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.noise = KeyPair.generate()
        self.signal = SignalDevice(identity=KeyPair.generate(), registration_id=77)
        self.secret = bytes(range(32))
        self.id = ConnectionId(-1)
        self.account: Account | None = None
        self.number = 0
        self.identity = b""
        self._iqs = itertools.count(1)

    # --- connection

    def connect(self, payload: ClientPayload, noise: KeyPair | None = None) -> None:
        """A new connection with this payload."""
        self.id = ConnectionId(self.id + 1 + 1000 * (self.id < 0) * (1 + len(self.stage.sent)))
        self.stage.sent[self.id] = []
        static = (noise or self.noise).public
        self.stage.do(
            self.stage.core.connected(self.stage.now, self.id, noise_static=static, payload=payload.SerializeToString())
        )

    def registration(self) -> ClientPayload.DevicePairingRegistrationData:
        """What it registers with."""
        return ClientPayload.DevicePairingRegistrationData(
            eRegid=(77).to_bytes(4),
            eKeytype=KEY_TYPE,
            eIdent=self.signal.identity.public,
            eSkeyId=self.signal.signed_prekey.id.to_bytes(3),
            eSkeyVal=self.signal.signed_prekey.pair.public,
            eSkeySig=self.signal.signed_prekey_signature,
        )

    def register(self) -> None:
        """Connects to be paired."""
        self.connect(ClientPayload(devicePairingData=self.registration()))

    def qr(self, index: int = 0) -> str:
        """The QR code that it shows."""
        (offer,) = [node for node in self.got("iq") if node.child("pair-device")]
        refs = offer.need("pair-device").children("ref")
        code = QrCode(
            ref=refs[index].text,
            noise_key=self.noise.public,
            identity=self.signal.identity.public,
            adv_secret=self.secret,
            platform="1",
        )
        return qr_text(code)

    def scanned_by(self, account: Account, index: int = 0) -> None:
        """The person scans it."""
        qr = self.qr(index)
        self.stage.turn(lambda turn: scan(turn, account, qr))

    def pair(self, account: Account) -> None:
        """Is scanned, countersigns, and is told to restart."""
        self.scanned_by(account)
        self.countersign()
        self.account = account
        self.leave()

    def countersign(self, spoil: bytes = b"") -> None:
        """Answers pair-success."""
        (success,) = [node for node in self.got("iq") if node.child("pair-success")]
        offer = success.need("pair-success").need("device-identity").data
        accepted = accept_offer(offer, identity=self.signal.identity, adv_secret=self.secret)
        self.identity, self.number = accepted.identity, accepted.key_index
        content = Node("device-identity", {}, accepted.answer + spoil)
        iq = Node("iq", {"type": "result", "id": success.attrs["id"]}, [Node("pair-device-sign", {}, [content])])
        self.say(iq)

    def log_in(self, noise: KeyPair | None = None) -> None:
        """Connects as the linked device."""
        assert self.account is not None
        self.connect(ClientPayload(username=int(self.account.phone), device=self.number, passive=True), noise)

    def leave(self) -> None:
        """The connection is gone."""
        self.stage.do(self.stage.core.disconnected(self.stage.now, self.id))

    # --- stanzas

    def say(self, node: Node) -> None:
        """A stanza for the server."""
        self.stage.do(self.stage.core.received(self.stage.now, self.id, node))

    def got(self, tag: str, **attrs: str) -> list[Node]:
        """What this connection was sent with this tag and these attributes."""
        stanzas = self.stage.sent[self.id]
        return [n for n in stanzas if n.tag == tag and all(n.attrs.get(k) == v for k, v in attrs.items())]

    def ask(self, namespace: str, *content: Node, kind: str = "get", to: str = "s.whatsapp.net", **attrs: str) -> Node:
        """A query and its answer."""
        id_ = f"query-{next(self._iqs)}"
        self.say(Node("iq", {"id": id_, "xmlns": namespace, "type": kind, "to": to} | attrs, list(content)))
        (answer,) = self.got("iq", id=id_)
        return answer

    def upload(self, count: int = 20, first: int | None = None) -> Node:
        """Uploads prekeys."""
        keys = self.signal.new_prekeys(count)
        numbers = [key.id if first is None else first + index for index, key in enumerate(keys)]
        listed = [
            Node("key", {}, [Node("id", {}, number.to_bytes(3)), Node("value", {}, key.pair.public)])
            for number, key in zip(numbers, keys, strict=True)
        ]
        return self.ask("encrypt", *self.upload_nodes(listed), kind="set")

    def upload_nodes(self, listed: list[Node]) -> list[Node]:
        """The content of an upload."""
        return [
            Node("registration", {}, (77).to_bytes(4)),
            Node("type", {}, KEY_TYPE),
            Node("identity", {}, self.signal.identity.public),
            Node("list", {}, listed),
            self.signed_prekey(),
        ]

    def signed_prekey(self) -> Node:
        """Its signed prekey."""
        key = self.signal.signed_prekey
        content = [
            Node("id", {}, key.id.to_bytes(3)),
            Node("value", {}, key.pair.public),
            Node("signature", {}, self.signal.signed_prekey_signature),
        ]
        return Node("skey", {}, content)

    # --- messages

    def bundle(self, jid: str) -> PreKeyBundle:
        """Asks for a device's bundle."""
        answer = self.ask("encrypt", Node("key", {}, [Node("user", {"jid": jid})]))
        user = answer.need("list").need("user")
        signed, key = user.need("skey"), user.child("key")
        return PreKeyBundle(
            registration_id=int.from_bytes(user.need("registration").data),
            identity=user.need("identity").data,
            signed_prekey_id=int.from_bytes(signed.need("id").data),
            signed_prekey=signed.need("value").data,
            signed_prekey_signature=signed.need("signature").data,
            prekey_id=int.from_bytes(key.need("id").data) if key else None,
            prekey=key.need("value").data if key else None,
        )

    def encrypt(self, device: Device, message: Message) -> Node:
        """An `<enc>` for a device."""
        name = f"{device.account.phone}.{device.number}"
        if not self.signal.has_session(name):
            self.signal.start_session(name, self.bundle(device.jid()))
        ciphertext = self.signal.encrypt(name, pad(message.SerializeToString()))
        return Node("enc", {"v": "2", "type": ciphertext.type}, ciphertext.content)

    def stanza(self, to: Account, text: str, id_: str, server: str = "s.whatsapp.net") -> Node:
        """A text for all devices of a person and the own others."""
        assert self.account is not None
        message = Message(conversation=text)
        copy = Message(deviceSentMessage=Message.DeviceSentMessage(destinationJid=to.pn_jid, message=message))
        targets = [(device, message) for device in to.devices.values()]
        targets += [(device, copy) for n, device in self.account.devices.items() if n != self.number]
        participants = [
            Node("to", {"jid": device.jid(server)}, [self.encrypt(device, body)]) for device, body in targets
        ]
        identity = Node("device-identity", {}, self.identity)
        attrs = {"to": to.jid(server), "id": id_, "type": "text"}
        return Node("message", attrs, [Node("participants", {}, participants), identity])

    def write(self, to: Account, text: str, id_: str, server: str = "s.whatsapp.net") -> Node:
        """Sends a text; the server's ack."""
        self.say(self.stanza(to, text, id_, server))
        return self.got("ack", id=id_)[-1]

    def read(self, node: Node) -> Message:
        """Decrypts a message stanza."""
        return self.read_from(node, node.attrs["from"])

    def read_from(self, node: Node, jid: str) -> Message:
        """Decrypts a message stanza of this sender."""
        sender = self.stage.core.world.device(jid)
        assert sender is not None
        (enc,) = node.children("enc")
        kind = enc.attrs["type"]
        assert kind in ("msg", "pkmsg")
        name = f"{sender.account.phone}.{sender.number}"
        plaintext = self.signal.decrypt(
            name, Ciphertext(type=kind, content=enc.data), expected_identity=sender.identity
        )
        return Message.FromString(unpad(plaintext))

    def confirm(self, node: Node, kind: str = "") -> None:
        """A receipt for a message."""
        attrs = {"id": node.attrs["id"], "to": node.attrs["from"]} | ({"type": kind} if kind else {})
        self.say(Node("receipt", attrs))
