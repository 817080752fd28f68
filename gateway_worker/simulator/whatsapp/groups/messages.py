"""The fan-out of group messages, and who may send them. Pure."""

from gateway_worker.simulator.whatsapp.offline import deliver
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.jids import LID_SERVER, parse_jid
from gateway_worker.simulator.world.model import Device, World
from gateway_worker.simulator.world.turn import Turn

NOT_ALLOWED = 420
"""What WhatsApp answers to a message for a group in which the sender may not write, or is not."""


def may_send(world: World, sender: Device, group_jid: str) -> bool:
    """Whether the sender is in the group, and may write there."""
    group, phone = world.groups.get(parse_jid(group_jid).user), sender.account.phone
    return group is not None and phone in group.members and group.may_write(phone)


def route_group_message(turn: Turn, sender: Device, node: Node, base: dict[str, str], shared: list[Node]) -> None:
    """A group message: to all devices of all members, each with its own `pkmsg` (sender key) before the `skmsg`."""
    world = turn.world
    if not may_send(world, sender, node.attrs["to"]):
        world.stats.unknown_devices += 1
        return
    group = world.groups[parse_jid(node.attrs["to"]).user]
    attrs = base | {
        "from": group.jid,
        "participant": sender.jid(LID_SERVER),
        "participant_pn": sender.account.pn_jid,
        "addressing_mode": "lid",
    }
    for_all = node.children("enc") + shared
    if "participant" in node.attrs:  # a resend to one device
        target = world.device(node.attrs["participant"])
        if target is not None and target.account.phone in group.members:
            deliver(turn, target, Node("message", attrs, for_all))
        return
    participants = node.child("participants")
    own = {to.attrs["jid"]: to.children("enc") for to in (participants.children() if participants else [])}
    for phone in group.members:
        for target in list(world.accounts[phone].devices.values()):
            if target is not sender:
                keys = own.get(target.jid(LID_SERVER)) or own.get(target.jid()) or []
                deliver(turn, target, Node("message", attrs, keys + for_all))
