"""Prekey bundles: what a device must know to start a signal_session with another, as stanza and as value. Pure."""

from dataclasses import replace

from gateway_worker.simulator.wire.curve import KEY_TYPE
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.wire.payload import SignedPreKey
from gateway_worker.simulator.wire.signal.ratchet import PreKeyBundle
from gateway_worker.simulator.world.fault import FaultKind
from gateway_worker.simulator.world.faults import strike
from gateway_worker.simulator.world.jids import SERVER
from gateway_worker.simulator.world.model import Device
from gateway_worker.simulator.world.turn import Turn

LOW = (4, 2, 0)
"""At these numbers of remaining prekeys a companion is told, so that it uploads more."""


def take_prekey(turn: Turn, device: Device) -> tuple[bytes, bytes] | None:
    """The device's next one-time prekey (id of 3 bytes, key), which is then spent; None if it has none left."""
    if device.primary:
        return device.account.primary.publish_prekey()
    if not device.prekeys:
        return None
    id_ = next(iter(device.prekeys))
    key = device.prekeys.pop(id_)
    device.spent_prekeys.add(id_)
    if len(device.prekeys) in LOW and device.connection is not None:
        attrs = {"from": SERVER, "type": "encrypt", "id": turn.token(), "t": turn.t}
        count = Node("count", {"value": str(len(device.prekeys))})
        turn.send(device.connection, Node("notification", attrs, [count]))
    return id_, key


def bundle(turn: Turn, device: Device) -> PreKeyBundle:
    """A bundle for a phone of ours; uses up a one-time prekey."""
    prekey = take_prekey(turn, device)
    return PreKeyBundle(
        registration_id=int.from_bytes(device.registration_id),
        identity=device.identity,
        signed_prekey_id=int.from_bytes(device.signed_prekey.id),
        signed_prekey=device.signed_prekey.public,
        signed_prekey_signature=device.signed_prekey.signature,
        prekey_id=int.from_bytes(prekey[0]) if prekey else None,
        prekey=prekey[1] if prekey else None,
    )


def bundle_nodes(turn: Turn, device: Device) -> list[Node]:
    """A bundle for a client; uses up a one-time prekey. Companions' carry their signed identity."""
    content = identity_nodes(device)
    if prekey := take_prekey(turn, device):
        content.append(prekey_node(*prekey))
    content.append(signed_prekey_node(_signed_prekey(turn, device)))
    if device.signed_identity:
        content.append(Node("device-identity", {}, device.signed_identity))
    return content


def _signed_prekey(turn: Turn, device: Device) -> SignedPreKey:
    """With the fault `bad_prekeys` under a signature that nobody made."""
    key = device.signed_prekey
    if turn.world.faults and strike(turn.world, turn.now, FaultKind.BAD_PREKEYS, device.account.phone):
        return replace(key, signature=bytes(len(key.signature)))
    return key


def read_bundle(node: Node) -> PreKeyBundle:
    """The bundle in a retry receipt (`registration` and `keys`); `NodeError` if it is incomplete."""
    keys = node.need("keys")
    signed, prekey = keys.need("skey"), keys.child("key")
    return PreKeyBundle(
        registration_id=int.from_bytes(node.need("registration").data),
        identity=keys.need("identity").data,
        signed_prekey_id=int.from_bytes(signed.need("id").data),
        signed_prekey=signed.need("value").data,
        signed_prekey_signature=signed.need("signature").data,
        prekey_id=int.from_bytes(prekey.need("id").data) if prekey else None,
        prekey=prekey.need("value").data if prekey else None,
    )


def identity_nodes(device: Device) -> list[Node]:
    """Registration id, key type and identity key."""
    return [
        Node("registration", {}, device.registration_id),
        Node("type", {}, KEY_TYPE),
        Node("identity", {}, device.identity),
    ]


def prekey_node(id_: bytes, key: bytes) -> Node:
    """A one-time prekey."""
    return Node("key", {}, [Node("id", {}, id_), Node("value", {}, key)])


def signed_prekey_node(key: SignedPreKey) -> Node:
    """A signed prekey."""
    content = [Node("id", {}, key.id), Node("value", {}, key.public), Node("signature", {}, key.signature)]
    return Node("skey", {}, content)
