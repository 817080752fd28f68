"""Prekeys (`xmlns="encrypt"`): upload, count, digest, rotation, and bundles for others. Pure."""

from gateway_worker.simulator.whatsapp.bundles import bundle_nodes, identity_nodes, signed_prekey_node
from gateway_worker.simulator.wire.curve import KEY_SIZE
from gateway_worker.simulator.wire.errors import NodeError
from gateway_worker.simulator.wire.linking.pairing import prekey_digest
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.wire.payload import SignedPreKey
from gateway_worker.simulator.world.model import Connection, Device
from gateway_worker.simulator.world.turn import Turn

MAX_PREKEYS = 5_000
MAX_USERS = 4_096
"""Bundles asked for in one iq."""

_ID_SIZE = 3


def on_encrypt_iq(turn: Turn, connection: Connection, iq: Node, query: Node) -> list[Node]:
    """An iq of `encrypt`; `NodeError` if it is malformed."""
    device = connection.device
    assert device is not None
    match query.tag:
        case "count":
            return [Node("count", {"value": str(len(device.prekeys))})]
        case "digest":
            return [_digest(device)]
        case "rotate":
            return _rotate(turn, device, query.need("skey"))
        case "key":
            return _bundles(turn, query)
        case _:
            return _upload(turn, device, iq)


def _upload(turn: Turn, device: Device, iq: Node) -> list[Node]:
    """Registration id, key type, identity, one-time prekeys and the signed prekey, all directly in the iq."""
    registration_id, identity = iq.need("registration").data, iq.need("identity").data
    signed_prekey = _signed_prekey(iq.need("skey"))
    prekeys = [(key.need("id").data, key.need("value").data) for key in iq.need("list").children("key")]
    if any(len(id_) != _ID_SIZE or len(value) != KEY_SIZE for id_, value in prekeys) or not prekeys:
        raise NodeError("a prekey of the wrong size")
    if identity != device.identity or not signed_prekey.signed_by(device.identity):
        turn.world.stats.bad_signatures += 1
        return [_not_acceptable()]
    if len(device.prekeys) + len(prekeys) > MAX_PREKEYS:
        return [_not_acceptable()]
    device.registration_id, device.signed_prekey = registration_id, signed_prekey
    for id_, value in prekeys:
        if id_ in device.spent_prekeys:
            turn.world.stats.reused_prekeys += 1
        else:
            device.prekeys[id_] = value
    if not device.welcomed:
        device.welcomed = True
        turn.newly_linked.append(device)
    return []


def _signed_prekey(node: Node) -> SignedPreKey:
    return SignedPreKey(id=node.need("id").data, public=node.need("value").data, signature=node.need("signature").data)


def _rotate(turn: Turn, device: Device, node: Node) -> list[Node]:
    signed_prekey = _signed_prekey(node)
    if not signed_prekey.signed_by(device.identity):
        turn.world.stats.bad_signatures += 1
        return [_not_acceptable()]
    device.signed_prekey = signed_prekey
    return []


def _digest(device: Device) -> Node:
    """What the server holds, so that the client can compare; 404 without a record: the client uploads again."""
    if not device.prekeys:
        return Node("error", {"code": "404", "text": "item-not-found"})
    key = device.signed_prekey
    digest = prekey_digest(
        identity=device.identity,
        signed_prekey=key.public,
        signature=key.signature,
        prekeys=device.prekeys.values(),
    )
    content = [
        *identity_nodes(device),
        signed_prekey_node(key),
        Node("list", {}, [Node("id", {}, id_) for id_ in device.prekeys]),
        Node("hash", {}, digest),
    ]
    return Node("digest", {}, content)


def _bundles(turn: Turn, query: Node) -> list[Node]:
    users = query.children("user")
    if not 0 < len(users) <= MAX_USERS:
        raise NodeError("no users, or too many")
    return [Node("list", {}, [_bundle(turn, user.attr("jid")) for user in users])]


def _bundle(turn: Turn, jid: str) -> Node:
    device = turn.world.device(jid)
    if device is None:
        return Node("user", {"jid": jid}, [_not_acceptable()])
    return Node("user", {"jid": jid, "t": turn.t}, bundle_nodes(turn, device))


def _not_acceptable() -> Node:
    return Node("error", {"code": "406", "text": "not-acceptable"})
