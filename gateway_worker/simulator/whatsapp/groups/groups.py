"""Groups: made, found, described, and their members told of news. Always LID-addressed. Pure."""

from collections.abc import Iterable

from gateway_worker.simulator.errors import Conflict, NotFound
from gateway_worker.simulator.whatsapp.offline import deliver
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.group import Group
from gateway_worker.simulator.world.jids import parse_jid
from gateway_worker.simulator.world.model import Account, Device
from gateway_worker.simulator.world.turn import Turn

MAX_MEMBERS = 1_024
MAX_SUBJECT = 100
MAX_GROUPS = 10_000
ALL_ADD = "all_member_add"
APPROVAL = "membership_approval_mode"
_CHANGE = "w:gp2"
_OFF = {"announcement": "not_announcement", "locked": "unlocked"}


def make(turn: Turn, owner: str, subject: str, members: list[str]) -> Group:
    """A person makes a group on the phone; `members` are bare JIDs. `NotFound` if one of them is nobody."""
    people = [turn.world.accounts.get(owner), *(turn.world.find(jid)[0] for jid in members)]
    if None in people or len(turn.world.groups) >= MAX_GROUPS:
        raise NotFound("recipient.unknown", "the owner or a participant is not on WhatsApp")
    phones = [person.phone for person in people if person]
    return found(turn, turn.world.accounts[owner].devices[0], subject[:MAX_SUBJECT], phones)


def found(turn: Turn, founder: Device, subject: str, members: list[str], *, key: str = "") -> Group:
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
    announce(turn, group, founder, Node("create", {"type": "new", "key": key}, [describe(turn, group)]))
    return group


def group_of(turn: Turn, group_id: str, person: Account, *, admin: bool = False) -> Group:
    """The group, for a member (`NotFound` for others), or for an admin of it (`Conflict` for others)."""
    group = turn.world.groups.get(parse_jid(group_id).user)
    if group is None or person.phone not in group.members:
        raise NotFound("recipient.unknown", "the phone is in no such group")
    if admin and not group.is_admin(person.phone):
        raise Conflict("group.forbidden", "only its admins may do that")
    return group


def announce(
    turn: Turn,
    group: Group,
    author: Device,
    change: Node,
    *,
    also: Iterable[Account] = (),
    only_admins: bool = False,
    kind: str = _CHANGE,
) -> None:
    """Notifies the companions of all members (or admins), and of those who just were; who did it among them."""
    people = [turn.world.accounts[phone] for phone in group.members if not only_admins or group.is_admin(phone)]
    account = author.account
    by = {"participant": account.lid_jid, "participant_pn": account.pn_jid, "notify": account.name}
    notify(turn, group, by, change, (*people, *also), kind=kind)


def notify(
    turn: Turn, group: Group, by: dict[str, str], change: Node, people: Iterable[Account], *, kind: str = _CHANGE
) -> None:
    """Notifies the companions of these people; `by` says who did it, `kind` is the notification's type."""
    for person in people:
        for target in person.companions:
            attrs = {"from": group.jid, "type": kind, "id": turn.token(), "t": turn.t, "addressing_mode": "lid"}
            deliver(turn, target, Node("notification", attrs | by, [change]))


def describe(turn: Turn, group: Group) -> Node:
    """A group as queries and notifications show it."""
    accounts = turn.world.accounts
    content = [participant_node(accounts[phone], _rank(group, phone)) for phone in group.members]
    content += [setting_node(setting, on=True) for setting in sorted(group.settings)]
    if ALL_ADD not in group.settings:
        content.append(setting_node(ALL_ADD, on=False))
    if group.disappearing:
        content.append(Node("ephemeral", {"expiration": str(group.disappearing), "trigger": "1"}))
    if group.description:
        body = Node("body", {}, group.description.encode())
        content.append(Node("description", {"id": group.description_id, "t": str(group.created)}, [body]))
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
    return Node("group", attrs, content)


def setting_node(setting: str, *, on: bool) -> Node:
    """A setting as descriptions of a group have it, and the notification that it changed."""
    match setting:
        case "membership_approval_mode":
            return Node(setting, {}, [Node("group_join", {"state": "on" if on else "off"})])
        case "all_member_add":
            return Node("member_add_mode", {}, (setting if on else "admin_add").encode())
        case _:
            return Node(setting if on else _OFF[setting])


def _rank(group: Group, phone: str) -> str:
    if phone == group.owner:
        return "superadmin"
    return "admin" if phone in group.admins else ""


def participant_node(person: Account, rank: str = "") -> Node:
    """A member, with both addresses."""
    attrs = {"jid": person.lid_jid, "phone_number": person.pn_jid} | ({"type": rank} if rank else {})
    return Node("participant", attrs)
