"""A small companion client, as tests and the load generator need it. Sans I/O: bytes in, events out, bytes to send.

    companion = Companion(new_credentials(), root_public=root, now=int(time.time()))
    send(companion.start())
    for event in companion.receive(data): ...
    send(companion.output())

It registers and is paired by QR code, logs in (by Noise IK when asked to), publishes prekeys, sends to all devices of
a person and its own, reads and confirms. It is strict: what does not prove itself raises a `WireError`, and the
connection is over. One object is one connection; `Credentials` outlive it.
"""

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.wire.errors import NodeError, PairingError, SignalError
from gateway_worker.simulator.wire.frames import FrameBuffer, frame, intro
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message
from gateway_worker.simulator.wire.linking.pairing import QrCode, accept_offer, qr_text
from gateway_worker.simulator.wire.nodes import Node, decode, encode
from gateway_worker.simulator.wire.noise import ClientHandshake, Transport
from gateway_worker.simulator.wire.signal.device import Ciphertext, SignalDevice, pad, unpad
from gateway_worker.simulator.world.jids import parse_jid
from tests.support.companion import stanzas
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

PREKEYS = 30
"""Prekeys published at first, and again when the server runs low."""
MAX_WAITING = 10_000
"""Messages that may wait for device lists and bundles."""
_UNREADABLE = 500


@dataclass(slots=True, kw_only=True)
class Credentials:
    """What a companion keeps: its keys, and once paired who it is."""

    noise: KeyPair
    signal: SignalDevice
    adv_secret: bytes
    jid: str = ""
    lid: str = ""
    device_identity: bytes = b""
    server_static: bytes = b""
    routing_info: bytes = b""


def new_credentials() -> Credentials:
    """The keys of a device that is not paired yet."""
    registration_id = 1 + secrets.randbelow(16_380)
    signal = SignalDevice(identity=KeyPair.generate(), registration_id=registration_id)
    return Credentials(noise=KeyPair.generate(), signal=signal, adv_secret=secrets.token_bytes(32))


@dataclass(frozen=True, slots=True)
class _Waiting:
    to: str
    message: Message
    message_id: str


class Companion:
    """One connection of a companion."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        root_public: bytes,
        now: int,
        resume: bool = False,
        prekeys: int = PREKEYS,
    ) -> None:
        """`root_public` is the trusted root, `now` the time in seconds; `resume` logs in by Noise IK."""
        self.credentials = credentials
        self._buffer = FrameBuffer(expect_intro=False)
        signal, jid = credentials.signal, credentials.jid
        self._handshake = ClientHandshake(
            credentials.noise,
            payload=stanzas.login_payload(jid) if jid else stanzas.registration_payload(signal),
            root_public=root_public,
            now=now,
            server_static=(credentials.server_static or None) if resume else None,
        )
        self._transport: Transport | None = None
        self._output = bytearray()
        self._events: list[Event] = []
        self._refs: deque[str] = deque()
        self._queries: dict[str, Callable[[Node], None]] = {}
        self._query_count = 0
        self._prekeys = prekeys
        self._devices: dict[str, list[str]] = {}
        self._without_bundle: set[str] = set()
        self._waiting: deque[_Waiting] = deque()
        self._asking = False

    # --- bytes

    def start(self) -> bytes:
        """The first bytes of the connection."""
        return intro(self.credentials.routing_info) + frame(self._handshake.hello())

    def receive(self, data: bytes) -> list[Event]:
        """What `data` brings; afterwards there may be `output`. A `WireError` ends the connection."""
        for content in self._buffer.feed(data):
            if self._transport is None:
                self._shake_hands(content)
            else:
                self._read(decode(self._transport.decrypt(content)))
        events, self._events = self._events, []
        return events

    def output(self) -> bytes:
        """What is to be sent by now; afterwards it counts as sent."""
        output = bytes(self._output)
        self._output.clear()
        return output

    def _shake_hands(self, content: bytes) -> None:
        step = self._handshake.receive(content)
        if step.reply is not None:
            self._output += frame(step.reply)
        if step.established is not None:
            self._transport = step.established.transport
            self.credentials.server_static = step.established.peer_static

    def _send(self, node: Node) -> None:
        assert self._transport is not None, "nothing is sent before the handshake"
        self._output += frame(self._transport.encrypt(encode(node)))

    def _ask(self, kind: str, xmlns: str, content: list[Node], then: Callable[[Node], None]) -> None:
        self._query_count += 1
        id_ = str(self._query_count)
        self._queries[id_] = then
        self._send(stanzas.query(kind, xmlns, id_, content))

    # --- what a person does

    def next_qr(self) -> QrShown | None:
        """The next QR code, when the time of the one before is over."""
        if not self._refs:
            return None
        credentials = self.credentials
        code = QrCode(
            ref=self._refs.popleft(),
            noise_key=credentials.noise.public,
            identity=credentials.signal.identity.public,
            adv_secret=credentials.adv_secret,
            platform="1",
        )
        return QrShown(qr_text(code))

    def send(self, to: str, message: Message, message_id: str) -> None:
        """Send to all devices of `to` (a bare PN JID) and to our own; first asks for devices and bundles it lacks."""
        assert len(self._waiting) < MAX_WAITING, "the server answers no more"
        self._waiting.append(_Waiting(to, message, message_id))
        self._send_waiting()

    def mark_read(self, message_id: str, chat: str) -> None:
        """Tell the sender that a message was read."""
        self._send(Node("receipt", {"id": message_id, "to": chat, "type": "read"}))

    # --- sending

    def _send_waiting(self) -> None:
        """Sends in order, as far as devices and sessions are known; asks for what the first lacks."""
        while self._waiting and not self._asking:
            waiting = self._waiting[0]
            users = {waiting.to, parse_jid(self.credentials.jid).bare}
            if unknown := [user for user in users if user not in self._devices]:
                self._ask("get", "usync", [stanzas.device_query(unknown)], self._learn_devices)
                self._asking = True
                return
            devices = [device for user in users for device in self._devices[user] if device != self.credentials.jid]
            signal, missing = self.credentials.signal, self._without_bundle
            devices = [device for device in devices if device not in missing]
            if new := [device for device in devices if not signal.has_session(device)]:
                self._ask("get", "encrypt", [stanzas.bundle_query(new)], self._learner_of_bundles(new))
                self._asking = True
                return
            self._waiting.popleft()
            self._send_message(waiting, devices)

    def _learn_devices(self, result: Node) -> None:
        self._asking = False
        self._devices |= stanzas.devices_of(result)
        self._send_waiting()

    def _learner_of_bundles(self, asked: list[str]) -> Callable[[Node], None]:
        def learn(result: Node) -> None:
            self._asking = False
            bundles = stanzas.bundles_of(result)
            for device in asked:
                if device in bundles:
                    self.credentials.signal.start_session(device, bundles[device])
                else:
                    self._without_bundle.add(device)
            self._send_waiting()

        return learn

    def _send_message(self, waiting: _Waiting, devices: list[str]) -> None:
        plain = waiting.message.SerializeToString()
        own = parse_jid(self.credentials.jid).user
        copy = stanzas.device_sent(waiting.to, waiting.message).SerializeToString()
        copies = [
            (device, self.credentials.signal.encrypt(device, pad(copy if parse_jid(device).user == own else plain)))
            for device in devices
        ]
        self._send(stanzas.message_stanza(waiting.to, waiting.message_id, copies, self.credentials.device_identity))

    # --- reading

    def _read(self, node: Node) -> None:
        match node.tag:
            case "iq":
                self._read_iq(node)
            case "message":
                self._read_message(node)
            case "receipt":
                self._read_receipt(node)
            case "notification":
                self._read_notification(node)
            case "ack":
                if node.attrs.get("class") == "message":
                    self._events.append(Acknowledged(node.attr("id"), node.attrs.get("error", "")))
            case _:
                self._read_stream(node)

    def _read_stream(self, node: Node) -> None:
        """What concerns the connection as a whole; the rest is not for us."""
        match node.tag:
            case "success":
                self._ask("get", "encrypt", [Node("count")], self._publish_if_none)
            case "failure":
                self._events.append(Ended(node.attr("reason")))
            case "stream:error":
                conflict = node.child("conflict")
                self._events.append(Ended(conflict.attr("type") if conflict else node.attr("code")))
            case "ib":
                if routing := node.child("edge_routing"):
                    self.credentials.routing_info = routing.need("routing_info").data
            case _:
                return

    def _read_iq(self, node: Node) -> None:
        if node.attrs.get("type") in ("result", "error"):
            then = self._queries.pop(node.attrs.get("id", ""), None)
            if then is None or node.attrs["type"] == "error":
                raise NodeError("an answer to nothing, or a refusal")
            then(node)
        elif offer := node.child("pair-device"):
            self._refs.extend(ref.text for ref in offer.children("ref"))
            self._send(stanzas.result_for(node))
            if shown := self.next_qr():
                self._events.append(shown)
        elif success := node.child("pair-success"):
            self._pair(node, success)
        else:
            self._send(stanzas.result_for(node))

    def _pair(self, iq: Node, success: Node) -> None:
        credentials, device = self.credentials, success.need("device")
        accepted = accept_offer(
            success.need("device-identity").data,
            identity=credentials.signal.identity,
            adv_secret=credentials.adv_secret,
        )
        if accepted.key_index != parse_jid(device.attr("jid")).device:
            raise PairingError("the signed device number is another")
        credentials.jid, credentials.lid = device.attr("jid"), device.attr("lid")
        credentials.device_identity = accepted.identity
        answer = Node("device-identity", {"key-index": str(accepted.key_index)}, accepted.answer)
        self._send(stanzas.result_for(iq, [Node("pair-device-sign", {}, [answer])]))
        self._events.append(Paired(credentials.jid))

    def _publish_if_none(self, result: Node) -> None:
        if result.need("count").attr("value") == "0":
            self._publish(self._activate)
        else:
            self._activate(result)

    def _publish(self, then: Callable[[Node], None]) -> None:
        signal = self.credentials.signal
        self._ask("set", "encrypt", stanzas.prekey_upload(signal, signal.new_prekeys(self._prekeys)), then)

    def _activate(self, _: Node) -> None:
        self._ask("set", "passive", [Node("active")], lambda _: self._events.append(Ready()))

    def _read_receipt(self, node: Node) -> None:
        self._send(stanzas.ack_for(node))
        sender = node.attrs.get("participant") or node.attr("from")
        self._events.append(ReceiptArrived(message_id=node.attr("id"), sender=sender, kind=node.attrs.get("type", "")))

    def _read_notification(self, node: Node) -> None:
        self._send(stanzas.ack_for(node))
        if node.attrs.get("type") in ("devices", "account_sync"):
            self._devices.pop(parse_jid(node.attr("from")).bare, None)
            self._without_bundle.clear()
        elif node.attrs.get("type") == "encrypt" and node.child("count"):
            self._publish(lambda _: None)

    def _read_message(self, node: Node) -> None:
        sender = stanzas.sender_of(node)
        own = sender.user == parse_jid(self.credentials.jid).user
        try:
            message = self._decrypt(node, str(sender))
        except (SignalError, DecodeError) as error:
            self._send(stanzas.ack_for(node, error=_UNREADABLE))
            self._events.append(Unreadable(node.attr("id"), error))
            return
        peer = node.attrs.get("category") == "peer"
        self._send(stanzas.receipt_for(node, "peer_msg" if peer else "sender" if own else ""))
        if peer:
            return
        chat = node.attrs.get("recipient") or parse_jid(node.attr("from")).bare
        if own and message.HasField("deviceSentMessage"):
            message = message.deviceSentMessage.message
        received = Received(message_id=node.attr("id"), chat=chat, sender=sender, own=own, message=message)
        self._events.append(received)

    def _decrypt(self, node: Node, sender: str) -> Message:
        plaintext: bytes | None = None
        for enc in node.children("enc"):
            kind = enc.attr("type")
            if kind != "msg" and kind != "pkmsg":  # noqa: PLR1714 - so the type is narrowed
                raise NodeError("a group message; this companion is in none")
            plaintext = self.credentials.signal.decrypt(sender, Ciphertext(type=kind, content=enc.data))
        if plaintext is None:
            raise NodeError("a message without an enc")
        return Message.FromString(unpad(plaintext))
