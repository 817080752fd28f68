"""Receipts: what a device says of a message, forwarded to those whom it concerns. Pure."""

from gateway_worker.simulator.effects import Turn
from gateway_worker.simulator.jids import GROUP_SERVER, parse_jid
from gateway_worker.simulator.model import Connection, Device
from gateway_worker.simulator.offline import deliver, settle
from gateway_worker.simulator.wire.nodes import Node

MAX_ITEMS = 1_024
"""Further ids in one batched receipt."""

_FOR_THE_SERVER = frozenset({"hist_sync", "peer_msg", "server-error"})
"""Receipts of a phone's own words to its companions: nobody else waits for them."""
_PRIVATE = frozenset({"read-self", "played-self"})
"""What only the reader's own devices are told (read receipts are switched off)."""
_TO_ONE_DEVICE = frozenset({"retry", "sender"})


def on_receipt(turn: Turn, connection: Connection, node: Node) -> None:
    """A companion's receipt: acked, its messages leave the queue, and it goes on to the sender's devices."""
    device = connection.device
    assert device is not None
    attrs = node.attrs
    items = node.child("list")
    ids = [item.attrs.get("id", "") for item in items.children("item")] if items else []
    if not attrs.get("id") or not attrs.get("to") or len(ids) > MAX_ITEMS:
        turn.world.stats.malformed += 1
        return
    ack = {"class": "receipt", "id": attrs["id"], "from": attrs["to"], "t": turn.t}
    ack |= {name: attrs[name] for name in ("participant", "recipient", "type") if name in attrs}
    turn.send(connection.id, Node("ack", ack))
    for id_ in (attrs["id"], *ids):
        settle(device, ("message", id_))
    forward(turn, device, node)


def forward(turn: Turn, reader: Device, node: Node) -> None:
    """Passes a receipt of one device on."""
    attrs, kind = node.attrs, node.attrs.get("type", "")
    turn.world.stats.receipts += 1
    if kind == "retry":
        turn.world.stats.retries += 1
    if kind in _FOR_THE_SERVER:
        return
    to = attrs["to"]
    grouped = parse_jid(to).server == GROUP_SERVER
    whom = attrs.get("participant", "") if grouped else to
    author, address = turn.world.find(whom)
    if author is None:
        return
    out = {"id": attrs["id"], "t": attrs.get("t") or turn.t}
    if kind:
        out["type"] = kind
    if grouped:
        out |= {"from": to, "participant": reader.jid(address.server)}
    else:
        out["from"] = reader.jid(address.server)
        if "recipient" in attrs:
            out["recipient"] = attrs["recipient"]
    if kind in _PRIVATE:
        out["from"] = to if grouped else reader.account.jid(address.server)
        out["recipient"] = to
        targets = [device for device in reader.account.companions if device is not reader]
    elif kind in _TO_ONE_DEVICE:
        target = author.devices.get(address.device)
        targets = [target] if target else []
    else:
        targets = [device for device in author.devices.values() if device is not reader]
    content = node.content if isinstance(node.content, list) else None
    for target in targets:
        deliver(turn, target, Node("receipt", out, content))
