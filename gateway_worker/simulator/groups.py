"""Groups: creation, queries, and the fan-out of group messages. Always LID-addressed. Pure."""

from gateway_worker.simulator.effects import Turn
from gateway_worker.simulator.errors import NotFound
from gateway_worker.simulator.jids import LID_SERVER, parse_jid
from gateway_worker.simulator.model import Connection, Device, Group
from gateway_worker.simulator.offline import deliver
from gateway_worker.simulator.wire.nodes import Node

MAX_MEMBERS = 1_024
MAX_SUBJECT = 100
MAX_GROUPS = 10_000


def on_group_iq(turn: Turn, connection: Connection, iq: Node, query: Node) -> list[Node]:
    """An iq of `w:g2`: `create`, `participating` (mine), or a `query` of one group."""
    device = connection.device
    assert device is not None
    match query.tag:
        case "create":
            return _create(turn, device, query)
        case "participating":
            mine = [group for group in turn.world.groups.values() if device.account.phone in group.members]
            return [Node("groups", {}, [_describe(turn, group) for group in mine])]
        case "query":
            group = turn.world.groups.get(parse_jid(iq.attrs.get("to", "")).user)
            if group is None:
                return [Node("error", {"code": "404", "text": "item-not-found"})]
            if device.account.phone not in group.members:
                return [Node("error", {"code": "403", "text": "forbidden"})]
            return [_describe(turn, group)]
        case _:
            return [Node("error", {"code": "501", "text": "feature-not-implemented"})]


def _create(turn: Turn, device: Device, query: Node) -> list[Node]:
    subject, world = query.attrs.get("subject", ""), turn.world
    asked = query.children("participant")
    if not 0 < len(subject) <= MAX_SUBJECT or len(asked) >= MAX_MEMBERS or len(world.groups) >= MAX_GROUPS:
        return [Node("error", {"code": "406", "text": "not-acceptable"})]
    people = [world.find(participant.attrs.get("jid", ""))[0] for participant in asked]
    members = [person.phone for person in people if person]
    return [_describe(turn, _found(turn, device, subject, members, key=query.attrs.get("key", "")))]


def make(turn: Turn, owner: str, subject: str, members: list[str]) -> Group:
    """A person makes a group on the phone; `members` are bare JIDs. `NotFound` if one of them is nobody."""
    people = [turn.world.accounts.get(owner), *(turn.world.find(jid)[0] for jid in members)]
    if None in people or len(turn.world.groups) >= MAX_GROUPS:
        raise NotFound("recipient.unknown", "the owner or a participant is not on WhatsApp")
    phones = [person.phone for person in people if person]
    return _found(turn, turn.world.accounts[owner].devices[0], subject[:MAX_SUBJECT], phones)


def _found(turn: Turn, founder: Device, subject: str, members: list[str], *, key: str = "") -> Group:
    """The new group; the companions of everybody in it are told."""
    world, owner = turn.world, founder.account.phone
    number = int.from_bytes(world.entropy(5)) % 10**12
    group = Group(
        id=f"120363{number:012}",
        subject=subject,
        owner=owner,
        created=int(turn.now),
        members=dict.fromkeys([owner, *members]),
    )
    world.groups[group.id] = group
    news = Node("create", {"type": "new", "key": key}, [_describe(turn, group)])
    for phone in group.members:
        for target in world.accounts[phone].companions:
            if target is not founder:
                deliver(turn, target, _notification(turn, group, founder, news))
    return group


def _notification(turn: Turn, group: Group, author: Device, news: Node) -> Node:
    attrs = {
        "from": group.jid,
        "type": "w:gp2",
        "id": turn.token(),
        "t": turn.t,
        "participant": author.account.lid_jid,
        "participant_pn": author.account.pn_jid,
        "notify": author.account.name,
        "addressing_mode": "lid",
    }
    return Node("notification", attrs, [news])


def _describe(turn: Turn, group: Group) -> Node:
    accounts = turn.world.accounts
    participants: list[Node] = []
    for phone in group.members:
        member = accounts[phone]
        attrs = {"jid": member.lid_jid, "phone_number": member.pn_jid}
        if phone == group.owner:
            attrs["type"] = "superadmin"
        participants.append(Node("participant", attrs))
    owner = accounts[group.owner]
    attrs = {
        "id": group.id,
        "subject": group.subject,
        "creation": str(group.created),
        "s_t": str(group.created),
        "s_o": owner.lid_jid,
        "creator": owner.lid_jid,
        "creator_pn": owner.pn_jid,
        "addressing_mode": "lid",
        "size": str(len(group.members)),
    }
    return Node("group", attrs, participants)


def route_group_message(turn: Turn, sender: Device, node: Node, base: dict[str, str], shared: list[Node]) -> None:
    """A group message: to all devices of all members, each with its own `pkmsg` (sender key) before the `skmsg`."""
    world = turn.world
    group = world.groups.get(parse_jid(node.attrs["to"]).user)
    if group is None or sender.account.phone not in group.members:
        world.stats.unknown_devices += 1
        return
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
