"""What is done to a group once it is there: people, subject, description, settings, invite link. Pure."""

from gateway_worker.simulator.errors import Conflict
from gateway_worker.simulator.whatsapp.groups.groups import (
    ALL_ADD,
    APPROVAL,
    MAX_MEMBERS,
    MAX_SUBJECT,
    announce,
    participant_node,
    setting_node,
)
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.fault import FaultKind
from gateway_worker.simulator.world.faults import strike
from gateway_worker.simulator.world.group import Group
from gateway_worker.simulator.world.media import store
from gateway_worker.simulator.world.model import Account, Device
from gateway_worker.simulator.world.turn import Turn

MAX_DESCRIPTION = 2_048
OF_PEOPLE = ("add", "remove", "promote", "demote")
SETTINGS = {
    "announcement": ("announcement", True),
    "not_announcement": ("announcement", False),
    "locked": ("locked", True),
    "unlocked": ("locked", False),
    "approval_on": (APPROVAL, True),
    "approval_off": (APPROVAL, False),
    "all_add": (ALL_ADD, True),
    "admins_add": (ALL_ADD, False),
}
MAX_REQUESTS = 1_024


def change_people(turn: Turn, author: Device, group: Group, action: str, jids: list[str]) -> Node:
    """People are added, removed, made admins or made none; the node tells what became of each."""
    results: list[Node] = []
    changed: list[Account] = []
    for jid in jids:
        person, _ = turn.world.find(jid)
        error = "404" if person is None else refusal(turn, action, person) or _apply(group, action, person)
        results.append(Node("participant", {"jid": jid} | ({"error": error} if error else {})))
        if person is not None and not error:
            changed.append(person)
    if changed:
        change = Node(action, {}, [participant_node(person) for person in changed])
        announce(turn, group, author, change, also=changed if action == "remove" else ())
    if action == "remove":
        _renew_sender_keys(turn, group, changed)
    return Node(action, {}, results)


def refusal(turn: Turn, action: str, person: Account) -> str:
    """The error code of a person who may not be added (the fault `refuse_add`)."""
    if action != "add" or not turn.world.faults:
        return ""
    fault = strike(turn.world, turn.now, FaultKind.REFUSE_ADD, person.phone)
    return str(fault.code) if fault else ""


def _apply(group: Group, action: str, person: Account) -> str:
    """Does it; the error code if it cannot be done."""
    phone, inside = person.phone, person.phone in group.members
    if action == "add":
        if inside or len(group.members) >= MAX_MEMBERS:
            return "409"
        group.members[phone] = None
        return ""
    if not inside:
        return "404"
    if phone == group.owner:
        return "406"
    if action == "promote":
        group.admins.add(phone)
        return ""
    group.admins.discard(phone)
    if action == "remove":
        del group.members[phone]
    return ""


def leave(turn: Turn, author: Device, group: Group) -> None:
    """A person leaves; if it was the owner, the first who stays is the owner."""
    person = author.account
    del group.members[person.phone]
    group.admins.discard(person.phone)
    if person.phone == group.owner and group.members:
        group.owner = next(iter(group.members))
    announce(turn, group, author, Node("remove", {}, [participant_node(person)]), also=[person])
    _renew_sender_keys(turn, group, [person])


def set_subject(turn: Turn, author: Device, group: Group, subject: str) -> bool:
    """The group has another name; False if it is not acceptable."""
    if not 0 < len(subject) <= MAX_SUBJECT:
        return False
    group.subject = subject
    announce(turn, group, author, Node("subject", {"subject": subject, "s_o": author.account.lid_jid, "s_t": turn.t}))
    return True


def set_description(turn: Turn, author: Device, group: Group, description: str) -> bool:
    """The group has another description, or none; False if it is not acceptable."""
    if len(description) > MAX_DESCRIPTION:
        return False
    group.description, group.description_id = description, turn.token()
    body = [Node("body", {}, description.encode())] if description else []
    attrs = {"id": group.description_id} | ({} if description else {"delete": "true"})
    announce(turn, group, author, Node("description", attrs, body or None))
    return True


def set_picture(turn: Turn, author: Device, group: Group, picture: bytes) -> None:
    """The group has this picture from now on (JPEG), or none if it is empty."""
    members = frozenset(group.members)
    group.picture = (turn.token(), store(turn, picture, members)) if picture else None
    attrs = {"jid": group.jid, "author": author.account.lid_jid}
    change = Node("set", attrs | {"id": group.picture[0]}) if group.picture else Node("delete", attrs)
    announce(turn, group, author, change, kind="picture")


def change_setting(turn: Turn, author: Device, group: Group, setting: str) -> None:
    """One of `SETTINGS`: who may write, change subject and description, come in, add people."""
    name, on = SETTINGS[setting]
    if on:
        group.settings.add(name)
    else:
        group.settings.discard(name)
    announce(turn, group, author, setting_node(name, on=on))


def set_disappearing(turn: Turn, author: Device, group: Group, seconds: int) -> None:
    """New messages go after so many seconds; 0: they stay."""
    group.disappearing = seconds
    setting = Node("ephemeral", {"expiration": str(seconds), "trigger": "1"}) if seconds else Node("not_ephemeral")
    announce(turn, group, author, setting)


def invite_code(turn: Turn, group: Group, *, fresh: bool = False) -> str:
    """The code of the group's link; `fresh` makes a new one, and the old one is void."""
    if fresh or not group.invite:
        group.invite = turn.token(11)
    return group.invite


def join_group(turn: Turn, device: Device, group: Group) -> None:
    """A person comes in by the link. `Conflict` if the group is full."""
    person = device.account
    if person.phone in group.members:
        return
    if len(group.members) >= MAX_MEMBERS or len(group.requests) >= MAX_REQUESTS:
        raise Conflict("group.full", f"there are {MAX_MEMBERS} people in the group already")
    if APPROVAL in group.settings:
        if person.phone not in group.requests:
            group.requests[person.phone] = turn.now
            asks = Node("created_membership_requests", {"request_method": "invite_link"}, [_requested(person)])
            announce(turn, group, device, asks, only_admins=True)
        return
    group.members[person.phone] = None
    announce(turn, group, device, Node("add", {"reason": "invite"}, [participant_node(person)]))


def withdraw(turn: Turn, device: Device, group: Group) -> None:
    """Who asked to come in asks no longer. `Conflict` if it did not ask."""
    if group.requests.pop(device.account.phone, None) is None:
        raise Conflict("group.not_asked", "the phone does not ask to come in")
    _revoked(turn, device, group, [device.account])


def answer_requests(turn: Turn, author: Device, group: Group, action: str, jids: list[str]) -> Node:
    """An admin lets people in (`approve`) or turns them down (`reject`); the node tells what became of each."""
    results: list[Node] = []
    answered: list[Account] = []
    for jid in jids:
        person, _ = turn.world.find(jid)
        asked = person is not None and group.requests.pop(person.phone, None) is not None
        results.append(Node("participant", {"jid": jid} | ({} if asked else {"error": "404"})))
        if person is not None and asked:
            answered.append(person)
    if answered and action == "approve":
        group.members.update(dict.fromkeys(person.phone for person in answered))
        announce(turn, group, author, Node("add", {}, [participant_node(person) for person in answered]))
    elif answered:
        _revoked(turn, author, group, answered)
    return Node(action, {}, results)


def _revoked(turn: Turn, author: Device, group: Group, people: list[Account]) -> None:
    change = Node("revoked_membership_requests", {}, [participant_node(person) for person in people])
    announce(turn, group, author, change, only_admins=True)


def _requested(person: Account) -> Node:
    return Node("requested_user", {"jid": person.lid_jid, "phone_number": person.pn_jid})


def _renew_sender_keys(turn: Turn, group: Group, gone: list[Account]) -> None:
    """Who has left must not read on: the phones make new sender keys, and forget whom they gave the old one."""
    if gone:
        for phone in group.members:
            turn.world.accounts[phone].primary.forget_sender_key(group.jid)
