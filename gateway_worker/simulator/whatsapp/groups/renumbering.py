"""Somebody has another number: the account, its LID and its groups stay. Pure."""

from gateway_worker.simulator.errors import Conflict
from gateway_worker.simulator.whatsapp.groups.groups import notify
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.model import Account
from gateway_worker.simulator.world.turn import Turn


def renumber(turn: Turn, account: Account, phone: str) -> None:
    """The person's number is `phone` from now on; all its groups are told. `Conflict` if somebody has it.

    Companions are not served: a person with some would have to link them again.
    """
    world, old, old_jid = turn.world, account.phone, account.pn_jid
    if phone in world.accounts:
        raise Conflict("phone.taken", "somebody has that number")
    if account.companions:
        raise Conflict("phone.linked", "a phone with companions keeps its number here")
    del world.accounts[old]
    account.phone = phone
    world.accounts[phone] = account
    for group in world.groups.values():
        if old not in group.members:
            continue
        group.members = dict.fromkeys(phone if each == old else each for each in group.members)
        group.admins = {phone if each == old else each for each in group.admins}
        group.owner = phone if group.owner == old else group.owner
        by = {"participant": account.lid_jid, "participant_pn": old_jid, "notify": account.name}
        person = Node("participant", {"jid": account.lid_jid, "phone_number": account.pn_jid})
        notify(turn, group, by, Node("modify", {}, [person]), [world.accounts[each] for each in group.members])
