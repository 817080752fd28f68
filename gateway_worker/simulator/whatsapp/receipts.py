"""Receipts: what a device says of a message, forwarded to those whom it concerns. Pure."""

from gateway_worker.simulator.whatsapp.offline import deliver, settle
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.fault import FaultKind
from gateway_worker.simulator.world.faults import strike
from gateway_worker.simulator.world.jids import GROUP_SERVER, Jid, parse_jid
from gateway_worker.simulator.world.ledger import note_receipt
from gateway_worker.simulator.world.model import Account, Connection, Device
from gateway_worker.simulator.world.turn import Turn

MAX_ITEMS = 1_024
"""Ids in one batched receipt."""

_FOR_THE_SERVER = frozenset({"hist_sync", "peer_msg", "server-error"})
"""Receipts of a phone's own words to its companions: nobody else waits for them."""
_PRIVATE = frozenset({"read-self", "played-self"})
"""What only the reader's own devices are told (read receipts are switched off)."""
_READ = _PRIVATE | {"read", "played"}
_TO_ONE_DEVICE = frozenset({"retry", "sender"})
_KNOWN = _FOR_THE_SERVER | _PRIVATE | _TO_ONE_DEVICE | {"", "read", "played", "inactive", "enc_rekey_retry"}
"""All others are told to nobody: WhatsApp does not pass on what it does not know."""


def on_receipt(turn: Turn, connection: Connection, node: Node) -> None:
    """A companion's receipt: acked, its messages leave the queue, and it goes on to the sender's devices."""
    device = connection.device
    assert device is not None
    attrs = node.attrs
    if not attrs.get("id") or not attrs.get("to") or len(message_ids(node)) > MAX_ITEMS:
        turn.world.stats.malformed += 1
        return
    if turn.world.faults and strike(turn.world, turn.now, FaultKind.MUTE_RECEIPTS, device.account.phone):
        turn.world.stats.receipts_lost += 1
        return
    ack = {"class": "receipt", "id": attrs["id"], "from": attrs["to"], "t": turn.t}
    ack |= {name: attrs[name] for name in ("participant", "recipient", "type") if name in attrs}
    turn.send(connection.id, Node("ack", ack))
    for id_ in message_ids(node):
        settle(turn, device, ("message", id_))
    forward(turn, device, node)


def message_ids(receipt: Node) -> list[str]:
    """The messages that a receipt is about: one, and those of its list."""
    items = receipt.child("list")
    return [receipt.attrs["id"], *(item.attrs.get("id", "") for item in (items.children("item") if items else []))]


def forward(turn: Turn, reader: Device, node: Node) -> None:
    """Passes a receipt of one device on."""
    attrs, kind = node.attrs, node.attrs.get("type", "")
    if kind not in _KNOWN:
        turn.world.stats.unknown_receipts += 1
        return
    turn.world.stats.receipts += 1
    turn.world.stats.retries += kind == "retry"
    note_receipt(turn, reader, node, message_ids(node))
    grouped = parse_jid(attrs["to"]).server == GROUP_SERVER
    author, address = turn.world.find(attrs.get("participant", "") if grouped else attrs["to"])
    if kind == "server-error" and not reader.primary:  # the media of a message are gone: its phone may have them
        asked = {"id": attrs["id"], "from": reader.jid(), "type": kind, "t": turn.t}
        deliver(turn, reader.account.primary.device, Node("receipt", asked, node.content))
    if kind in _FOR_THE_SERVER or author is None:
        return
    out = {"id": attrs["id"], "t": attrs.get("t") or turn.t} | ({"type": kind} if kind else {})
    out |= _origin(attrs, reader, address, grouped=grouped)
    content = node.content if isinstance(node.content, list) else None
    if kind in _READ:  # the reader's other devices are told, in any case
        elsewhere = {"from": attrs["to"] if grouped else reader.account.jid(address.server), "recipient": attrs["to"]}
        for device in reader.account.companions:
            if device is not reader:
                deliver(turn, device, Node("receipt", out | elsewhere, content))
    for target in _targets(kind, reader, author, address):
        deliver(turn, target, Node("receipt", out, content))


def _origin(attrs: dict[str, str], reader: Device, address: Jid, *, grouped: bool) -> dict[str, str]:
    """Whose receipt it is, in the addressing of the message."""
    if grouped:
        return {"from": attrs["to"], "participant": reader.jid(address.server)}
    origin = {"from": reader.jid(address.server)}
    return origin | ({"recipient": attrs["recipient"]} if "recipient" in attrs else {})


def _targets(kind: str, reader: Device, author: Account, address: Jid) -> list[Device]:
    """Which devices are told."""
    if kind in _PRIVATE:
        return []
    if kind in _TO_ONE_DEVICE:
        target = author.devices.get(address.device)
        return [target] if target else []
    return [device for device in author.devices.values() if device is not reader]
