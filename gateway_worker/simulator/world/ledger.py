"""Writes down what becomes of every message, as the server and the phones saw it: `GET /ledger`. Pure.

One record per message id and sending device: each time the server took it, each ack, and for each recipient device how
often it arrived, was decrypted, failed, and was receipted.
"""

from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.jids import GROUP_SERVER, parse_jid
from gateway_worker.simulator.world.model import Device, World
from gateway_worker.simulator.world.records import MAX_NOTES, Delivered, Record
from gateway_worker.simulator.world.turn import Turn


def _is_peer(node: Node) -> bool:
    """A phone's own words to its companions (keys, history) are no messages."""
    return node.attrs.get("category") == "peer"


def _open(turn: Turn, sender: Device, node: Node) -> Record:
    return turn.world.ledger.open(turn.now, node, sender=sender.jid(), phone=sender.account.phone)


def note_accepted(turn: Turn, sender: Device, node: Node) -> None:
    """The server took a message from a device."""
    if _is_peer(node):
        return
    ledger = turn.world.ledger
    record = _open(turn, sender, node)
    record.times_accepted += 1
    if len(record.accepted) < MAX_NOTES:
        record.accepted.append(ledger.note(turn.now, _only_for(node)))


def _only_for(node: Node) -> str:
    """The one device that a resend is for; empty if the message is for everybody in the chat."""
    to = node.attrs["to"]
    if parse_jid(to).server == GROUP_SERVER:
        return node.attrs.get("participant", "")
    return "" if node.child("participants") else to


def note_ack(turn: Turn, sender: Device, node: Node, error: int | None) -> None:
    """The server acked a message, or refused it."""
    if _is_peer(node) or not node.attrs.get("id"):
        return
    record = _open(turn, sender, node)
    if error is None:
        record.acked += 1
    elif len(record.refused) < MAX_NOTES:
        record.refused.append(error)


def note_delivery(turn: Turn, device: Device, node: Node) -> Delivered | None:
    """A message is for this device, whether it is there or not."""
    found = _find(turn.world, node)
    if found is None:
        return None
    record, sender = found
    jid = device.jid()
    delivered = record.delivered.get(jid)
    if delivered is None:
        delivered = record.delivered[jid] = Delivered(own=sender.account is device.account)
    return delivered


def note_arrival(turn: Turn, device: Device, node: Node) -> None:
    """A message was handed to this device."""
    if delivered := note_delivery(turn, device, node):
        delivered.arrivals += 1
        if delivered.first_arrival is None:
            delivered.first_arrival = turn.world.ledger.note(turn.now)


def note_decrypted(turn: Turn, device: Device, node: Node) -> None:
    """A phone read a message."""
    if delivered := note_delivery(turn, device, node):
        delivered.decrypted += 1
        if delivered.first_decrypted is None:
            delivered.first_decrypted = turn.world.ledger.note(turn.now)


def note_failure(turn: Turn, device: Device, node: Node, cause: str) -> None:
    """A phone could not read a message."""
    if delivered := note_delivery(turn, device, node):
        delivered.failures[cause] = delivered.failures.get(cause, 0) + 1


def note_receipt(turn: Turn, reader: Device, node: Node, message_ids: list[str]) -> None:
    """A device said something of messages."""
    ledger, jid = turn.world.ledger, reader.jid()
    for message_id in message_ids:
        for record in ledger.by_id.get(message_id, ()):
            if delivered := record.delivered.get(jid):
                delivered.receipted += 1
                if len(delivered.receipts) < MAX_NOTES:
                    delivered.receipts.append(ledger.note(turn.now, node.attrs.get("type") or "delivery"))


def _find(world: World, node: Node) -> tuple[Record, Device] | None:
    """The record of a message as its recipient gets it."""
    if node.tag != "message" or _is_peer(node):
        return None
    sender = world.device(node.attrs.get("participant") or node.attrs["from"])
    record = world.ledger.records.get((node.attrs["id"], sender.jid())) if sender else None
    return (record, sender) if record and sender else None
