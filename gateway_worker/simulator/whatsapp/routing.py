"""Messages from one device to others: checks, ack, fan-out. Pure.

Each `participants/to` becomes a message for that device. Copies for the sender's own devices say whose chat it was
(`recipient`); others learn the sender's other address (`sender_lid`, `sender_pn`).
"""

from functools import partial

from gateway_worker.simulator.whatsapp.blocking import has_blocked
from gateway_worker.simulator.whatsapp.groups.messages import NOT_ALLOWED, may_send, route_group_message
from gateway_worker.simulator.whatsapp.offline import deliver
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.fault import FaultKind
from gateway_worker.simulator.world.faults import strike_message
from gateway_worker.simulator.world.jids import BROADCAST_SERVER, GROUP_SERVER, LID_SERVER, PN_SERVER, SERVER, parse_jid
from gateway_worker.simulator.world.ledger import note_accepted, note_ack
from gateway_worker.simulator.world.model import Account, Connection, Device
from gateway_worker.simulator.world.turn import Turn

STANZA_INVALID = 479
"""What WhatsApp answers to a message stanza that breaks its rules (SMAX_INVALID)."""
MAX_PARTICIPANTS = 4_096
MAX_ENCRYPTED = 1 << 20
"""Bytes of one encrypted body."""
MAX_ID = 128

_FORWARDED = frozenset({"device-identity", "meta", "reporting"})
_FORWARDED_ATTRS = ("edit", "category", "push_priority")


def on_message(turn: Turn, connection: Connection, node: Node) -> None:
    """A companion sends a message."""
    sender = connection.device
    assert sender is not None
    if problem(sender, node):
        turn.world.stats.malformed += 1
        _acknowledge(turn, sender, node, error=STANZA_INVALID)
        return
    if turn.world.faults and _faulty(turn, sender, node):
        return
    if parse_jid(node.attrs["to"]).server == GROUP_SERVER and not may_send(turn.world, sender, node.attrs["to"]):
        _acknowledge(turn, sender, node, error=NOT_ALLOWED)
        return
    _acknowledge(turn, sender, node)
    route(turn, sender, node)


def _faulty(turn: Turn, sender: Device, node: Node) -> bool:
    """Whether a fault took the message over."""
    world, now = turn.world, turn.now
    if node.attrs.get("category") == "peer":
        return False  # among own devices: no test means these
    recipient, _ = world.dial(node.attrs["to"])
    if fault := strike_message(world, now, FaultKind.NACK, sender.account, recipient):
        turn.later(fault.after, partial(_acknowledge, sender=sender, node=node, error=fault.code))
        return True
    if strike_message(world, now, FaultKind.MUTE, sender.account, recipient):
        route(turn, sender, node)
        return True
    if fault := strike_message(world, now, FaultKind.DELAY, sender.account, recipient):
        turn.later(fault.after, partial(_acknowledge, sender=sender, node=node))
        route(turn, sender, node)
        return True
    return False


def _acknowledge(turn: Turn, sender: Device, node: Node, error: int | None = None) -> None:
    """The server's ack, to the connection that the sender has now."""
    attrs = {"class": "message", "id": node.attrs.get("id", ""), "from": node.attrs.get("to", SERVER), "t": turn.t}
    if error is None:
        turn.world.stats.acks += 1
    else:
        turn.world.stats.nacks += 1
        attrs["error"] = str(error)
    note_ack(turn, sender, node, error)
    if sender.connection is not None:
        turn.send(sender.connection, Node("ack", attrs))


def problem(sender: Device, node: Node) -> str | None:
    """What is wrong with a message stanza: None, or the reason."""
    attrs = node.attrs
    if not 0 < len(attrs.get("id", "")) <= MAX_ID or not attrs.get("to") or not attrs.get("type"):
        return "it lacks id, to or type"
    participants = node.child("participants")
    recipients = participants.children() if participants else []
    if len(recipients) > MAX_PARTICIPANTS or any(r.tag != "to" or not r.attrs.get("jid") for r in recipients):
        return "too many participants, or one without a jid"
    own = [recipient.children("enc") for recipient in recipients]
    bodies = [body for encs in (node.children("enc"), *own) for body in encs]
    if not bodies or not all(own) or not all(_is_encrypted(body) for body in bodies):
        return "nothing, or not everything, in it is encrypted"
    starts = any(body.attrs["type"] == "pkmsg" for body in bodies)
    if starts and not sender.primary and node.child("device-identity") is None:
        return "a companion starts a signal_session without its device-identity"
    return None


def _is_encrypted(body: Node) -> bool:
    return (
        body.attrs.get("v") == "2"
        and body.attrs.get("type") in ("pkmsg", "msg", "skmsg")
        and isinstance(body.content, bytes)
        and 0 < len(body.content) <= MAX_ENCRYPTED
    )


def route(turn: Turn, sender: Device, node: Node) -> None:
    """Hands a well-formed message to everybody it is for."""
    turn.world.stats.messages += 1
    note_accepted(turn, sender, node)
    to = parse_jid(node.attrs["to"])
    shared = [child for child in node.children() if child.tag in _FORWARDED]
    if to.server == GROUP_SERVER:
        route_group_message(turn, sender, node, header(turn, sender, node), shared)
    elif node.child("participants") is None:
        _route_direct(turn, sender, node, shared)
    else:
        _route_participants(turn, sender, node, shared)


def header(turn: Turn, sender: Device, node: Node) -> dict[str, str]:
    """The attributes that every copy of a message has."""
    attrs = node.attrs
    base = {"id": attrs["id"], "t": turn.t, "type": attrs["type"], "notify": sender.account.name}
    base |= {name: attrs[name] for name in _FORWARDED_ATTRS if name in attrs}
    return base


def _route_participants(turn: Turn, sender: Device, node: Node, shared: list[Node]) -> None:
    to = node.attrs["to"]
    server = parse_jid(to).server
    recipient, _ = turn.world.dial(to)
    base = header(turn, sender, node)
    for participant in node.need("participants").children():
        target = turn.world.device(participant.attrs["jid"])
        if target is None or (server != BROADCAST_SERVER and target.account not in (recipient, sender.account)):
            turn.world.stats.unknown_devices += 1
            continue
        if has_blocked(target.account, sender.account):
            continue  # the sender is not told
        if server == BROADCAST_SERVER:
            address = {"from": to, "participant": sender.jid(parse_jid(participant.attrs["jid"]).server)}
        elif target.account is sender.account:
            address = _own_copy(sender, server, to, recipient)
        else:
            address = _from_other(sender, server)
        deliver(turn, target, Node("message", base | address, participant.children("enc") + shared))


def _route_direct(turn: Turn, sender: Device, node: Node, shared: list[Node]) -> None:
    """A message for one device: a resend (`to` is a device) or a word among own devices (`category="peer"`)."""
    to = node.attrs["to"]
    target = turn.world.device(to)
    if target is None:
        turn.world.stats.unknown_devices += 1
        return
    if has_blocked(target.account, sender.account):
        return
    server = parse_jid(to).server
    if target.account is not sender.account:
        address = _from_other(sender, server)
    elif chat := node.attrs.get("recipient"):
        address = _own_copy(sender, parse_jid(chat).server, chat, turn.world.dial(chat)[0])
    else:
        address = {"from": sender.jid(server), "peer_recipient_lid": sender.account.lid_jid}
    base = header(turn, sender, node)
    deliver(turn, target, Node("message", base | address, node.children("enc") + shared))


def _from_other(sender: Device, server: str) -> dict[str, str]:
    """Who a message is from, in the addressing of its chat."""
    if server == LID_SERVER:
        return {"from": sender.jid(LID_SERVER), "sender_pn": sender.account.pn_jid, "addressing_mode": "lid"}
    return {"from": sender.jid(PN_SERVER), "sender_lid": sender.account.lid_jid, "addressing_mode": "pn"}


def _own_copy(sender: Device, server: str, chat: str, recipient: Account | None) -> dict[str, str]:
    """The same for a copy to an own device; the other address told is then the recipient's, not the sender's."""
    mode = "lid" if server == LID_SERVER else "pn"
    address = {"from": sender.jid(server), "recipient": chat, "addressing_mode": mode}
    if recipient is not None:
        if server == LID_SERVER:
            address["peer_recipient_pn"] = recipient.pn_jid
        else:
            address["peer_recipient_lid"] = recipient.lid_jid
    return address
