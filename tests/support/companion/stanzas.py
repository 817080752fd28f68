"""The stanzas and payloads of a companion client, and how it reads the server's. Pure functions over nodes."""

from collections.abc import Iterable, Sequence

from gateway_worker.simulator.wire.curve import KEY_TYPE
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import ClientPayload, DeviceProps, Message
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.wire.signal.device import Ciphertext, PreKey, SignalDevice
from gateway_worker.simulator.wire.signal.ratchet import PreKeyBundle
from gateway_worker.simulator.world.jids import PN_SERVER, Jid, device_jid, parse_jid

_SERVER = f"@{PN_SERVER}"
_APP_VERSION = ClientPayload.UserAgent.AppVersion(primary=2, secondary=3000, tertiary=1)
_REGISTRATION_ID_SIZE = 4
_PREKEY_ID_SIZE = 3


def registration_payload(signal: SignalDevice) -> bytes:
    """The `ClientPayload` of a device that wants to be paired."""
    pairing = ClientPayload.DevicePairingRegistrationData(
        eRegid=signal.registration_id.to_bytes(_REGISTRATION_ID_SIZE),
        eKeytype=KEY_TYPE,
        eIdent=signal.identity.public,
        eSkeyId=signal.signed_prekey.id.to_bytes(_PREKEY_ID_SIZE),
        eSkeyVal=signal.signed_prekey.pair.public,
        eSkeySig=signal.signed_prekey_signature,
        buildHash=bytes(16),
        deviceProps=DeviceProps(os="Simulator", platformType=DeviceProps.DESKTOP).SerializeToString(),
    )
    return _payload(ClientPayload(passive=False, pull=False, devicePairingData=pairing))


def login_payload(jid: str) -> bytes:
    """The `ClientPayload` of a paired device."""
    address = parse_jid(jid)
    return _payload(ClientPayload(passive=True, pull=True, username=int(address.user), device=address.device))


def _payload(payload: ClientPayload) -> bytes:
    payload.userAgent.appVersion.CopyFrom(_APP_VERSION)
    return payload.SerializeToString()


def prekey_upload(signal: SignalDevice, prekeys: Iterable[PreKey]) -> list[Node]:
    """The content of an `encrypt` iq that publishes prekeys."""
    keys = [
        Node("key", {}, [Node("id", {}, key.id.to_bytes(_PREKEY_ID_SIZE)), Node("value", {}, key.pair.public)])
        for key in prekeys
    ]
    signed = [
        Node("id", {}, signal.signed_prekey.id.to_bytes(_PREKEY_ID_SIZE)),
        Node("value", {}, signal.signed_prekey.pair.public),
        Node("signature", {}, signal.signed_prekey_signature),
    ]
    return [
        Node("registration", {}, signal.registration_id.to_bytes(_REGISTRATION_ID_SIZE)),
        Node("type", {}, KEY_TYPE),
        Node("identity", {}, signal.identity.public),
        Node("list", {}, keys),
        Node("skey", {}, signed),
    ]


def device_query(users: Iterable[str]) -> Node:
    """A usync that asks for the devices of bare JIDs."""
    attrs = {"sid": "devices", "mode": "query", "last": "true", "index": "0", "context": "message"}
    asked = Node("query", {}, [Node("devices", {"version": "2"})])
    return Node("usync", attrs, [asked, Node("list", {}, [Node("user", {"jid": user}) for user in users])])


def devices_of(result: Node) -> dict[str, list[str]]:
    """The device JIDs of each user of a usync result; `NodeError` if it is none."""
    found: dict[str, list[str]] = {}
    for user in result.need("usync").need("list").children("user"):
        address = parse_jid(user.attr("jid"))
        devices = user.child("devices")
        listed = devices.need("device-list").children("device") if devices else []
        found[address.bare] = [device_jid(address.user, int(node.attr("id")), address.server) for node in listed]
    return found


def bundle_query(devices: Iterable[str]) -> Node:
    """The `<key>` that asks for the bundles of devices."""
    return Node("key", {}, [Node("user", {"jid": device}) for device in devices])


def bundles_of(result: Node) -> dict[str, PreKeyBundle]:
    """The bundles of an `encrypt` result by device JID; devices that have none are left out."""
    users = result.need("list").children("user")
    return {user.attr("jid"): _bundle(user) for user in users if user.child("error") is None}


def _bundle(user: Node) -> PreKeyBundle:
    signed, prekey = user.need("skey"), user.child("key")
    return PreKeyBundle(
        registration_id=int.from_bytes(user.need("registration").data),
        identity=user.need("identity").data,
        signed_prekey_id=int.from_bytes(signed.need("id").data),
        signed_prekey=signed.need("value").data,
        signed_prekey_signature=signed.need("signature").data,
        prekey_id=int.from_bytes(prekey.need("id").data) if prekey else None,
        prekey=prekey.need("value").data if prekey else None,
    )


def message_stanza(to: str, message_id: str, copies: Sequence[tuple[str, Ciphertext]], device_identity: bytes) -> Node:
    """A 1:1 message: one ciphertext per device, and our proof if one of them starts a session."""
    participants = [
        Node("to", {"jid": device}, [Node("enc", {"v": "2", "type": copy.type}, copy.content)])
        for device, copy in copies
    ]
    content = [Node("participants", {}, participants)]
    if any(copy.type == "pkmsg" for _, copy in copies):
        content.append(Node("device-identity", {}, device_identity))
    return Node("message", {"to": to, "id": message_id, "type": "text"}, content)


def device_sent(to: str, message: Message) -> Message:
    """A message as our own other devices get it."""
    return Message(deviceSentMessage=Message.DeviceSentMessage(destinationJid=to, message=message))


def receipt_for(message: Node, kind: str = "") -> Node:
    """Confirms a received message; `kind` is empty for plain delivery."""
    attrs = {"id": message.attr("id"), "to": message.attr("from")}
    attrs |= {name: message.attrs[name] for name in ("participant", "recipient") if name in message.attrs}
    return Node("receipt", attrs | ({"type": kind} if kind else {}))


def ack_for(stanza: Node, *, error: int | None = None) -> Node:
    """Confirms a receipt or notification, or refuses a message."""
    attrs = {"class": stanza.tag, "id": stanza.attr("id"), "to": stanza.attr("from")}
    attrs |= {name: stanza.attrs[name] for name in ("participant", "recipient", "type") if name in stanza.attrs}
    return Node("ack", attrs | ({"error": str(error)} if error else {}))


def result_for(iq: Node, content: list[Node] | None = None) -> Node:
    """Answers the server's query."""
    return Node("iq", {"to": _SERVER, "type": "result", "id": iq.attr("id")}, content)


def query(kind: str, xmlns: str, id_: str, content: list[Node]) -> Node:
    """A query of ours; `kind` is get or set."""
    return Node("iq", {"to": _SERVER, "type": kind, "xmlns": xmlns, "id": id_}, content)


def sender_of(message: Node) -> Jid:
    """The device that sent a message, in PN addressing if the stanza tells it."""
    device = parse_jid(message.attrs.get("participant") or message.attr("from"))
    other = message.attrs.get("participant_pn") or message.attrs.get("sender_pn")
    return Jid(parse_jid(other).user, device.device, PN_SERVER) if other else device
