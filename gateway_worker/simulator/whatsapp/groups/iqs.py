"""Queries about groups (`xmlns="w:g2"`): who may ask and change what, and the answers. Pure."""

from gateway_worker.simulator.whatsapp.groups.changes import (
    OF_PEOPLE,
    SETTINGS,
    answer_requests,
    change_people,
    change_setting,
    invite_code,
    join_group,
    leave,
    refusal,
    set_description,
    set_disappearing,
    set_subject,
)
from gateway_worker.simulator.whatsapp.groups.groups import (
    ALL_ADD,
    MAX_GROUPS,
    MAX_MEMBERS,
    MAX_SUBJECT,
    announce,
    describe,
    found,
)
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.group import Group
from gateway_worker.simulator.world.jids import parse_jid
from gateway_worker.simulator.world.model import Connection, Device
from gateway_worker.simulator.world.phone_records import TIMERS
from gateway_worker.simulator.world.turn import Turn

_VALUED = frozenset({"approval_on", "approval_off", "all_add", "admins_add"})
"""Names of ours: on the wire they are values."""
_FORBIDDEN = Node("error", {"code": "403", "text": "forbidden"})
_BAD_REQUEST = Node("error", {"code": "400", "text": "bad-request"})
_NOT_FOUND = Node("error", {"code": "404", "text": "item-not-found"})
_NOT_ACCEPTABLE = Node("error", {"code": "406", "text": "not-acceptable"})
_UNKNOWN = Node("error", {"code": "501", "text": "feature-not-implemented"})


def on_group_iq(turn: Turn, connection: Connection, iq: Node, query: Node) -> list[Node]:
    """An iq of `w:g2`: of all groups, by an invite code, or of the group that `to` names."""
    device, to = connection.device, parse_jid(iq.attrs.get("to", ""))
    assert device is not None
    match query.tag:
        case "create":
            return _create(turn, device, query)
        case "participating":
            mine = [group for group in turn.world.groups.values() if device.account.phone in group.members]
            return [Node("groups", {}, [describe(turn, group) for group in mine])]
        case "leave":
            return [Node("leave", {}, [_leave(turn, device, group) for group in query.children("group")])]
        case "invite" if not to.user:
            return _by_code(turn, device, query.attrs.get("code", ""), join=iq.attrs.get("type") == "set")
        case _:
            return _of_one(turn, device, iq, query)


def _of_one(turn: Turn, device: Device, iq: Node, query: Node) -> list[Node]:
    group = turn.world.groups.get(parse_jid(iq.attrs.get("to", "")).user)
    if group is None:
        return [_NOT_FOUND]
    if device.account.phone not in group.members:
        return [_FORBIDDEN]
    if query.tag == "query":
        return [describe(turn, group)]
    if query.tag in ("membership_approval_requests", "membership_requests_action"):
        return _requests(turn, device, group, query)
    if query.tag == "invite":
        return _invite(turn, device, group, fresh=iq.attrs.get("type") == "set")
    return _change(turn, device, group, query)


def _create(turn: Turn, device: Device, query: Node) -> list[Node]:
    subject, world = query.attrs.get("subject", ""), turn.world
    asked = query.children("participant")
    if not 0 < len(subject) <= MAX_SUBJECT or len(asked) >= MAX_MEMBERS or len(world.groups) >= MAX_GROUPS:
        return [_NOT_ACCEPTABLE]
    members: list[str] = []
    refused: list[Node] = []
    for jid in (participant.attrs.get("jid", "") for participant in asked):
        person = world.find(jid)[0]
        error = "404" if person is None else refusal(turn, "add", person)
        if person is None or error:
            refused.append(Node("participant", {"jid": jid, "error": error}))
        else:
            members.append(person.phone)
    made = describe(turn, found(turn, device, subject, members, key=query.attrs.get("key", "")))
    return [Node(made.tag, made.attrs, [*made.children(), *refused])]


def _change(turn: Turn, author: Device, group: Group, query: Node) -> list[Node]:
    tag, admin = _setting(query), group.is_admin(author.account.phone)
    if tag in ("ephemeral", "not_ephemeral"):
        return _set_disappearing(turn, author, group, query)
    if tag not in (*OF_PEOPLE, *SETTINGS, "subject", "description"):
        turn.world.stats.unknown_iqs += 1
        return [_UNKNOWN]
    if not admin and not _open_to_all(group, tag):
        return [_FORBIDDEN]
    if tag in OF_PEOPLE:
        jids = [participant.attrs.get("jid", "") for participant in query.children("participant")]
        return [change_people(turn, author, group, tag, jids)]
    if tag in SETTINGS:
        change_setting(turn, author, group, tag)
        return []
    return [] if _rename(turn, author, group, query) else [_NOT_ACCEPTABLE]


def _set_disappearing(turn: Turn, author: Device, group: Group, query: Node) -> list[Node]:
    """WhatsApp takes what its clients offer only."""
    seconds = query.attrs.get("expiration", "0") if query.tag == "ephemeral" else "0"
    if not group.may_describe(author.account.phone):
        return [_FORBIDDEN]
    if seconds not in {str(each) for each in TIMERS}:
        return [_BAD_REQUEST]
    set_disappearing(turn, author, group, int(seconds))
    return []


def _setting(query: Node) -> str:
    """The name of what is changed; of settings that carry a value, the name of that value."""
    match query.tag:
        case "membership_approval_mode":
            return "approval_on" if query.need("group_join").attr("state") == "on" else "approval_off"
        case "member_add_mode":
            return "all_add" if query.text == ALL_ADD else "admins_add"
        case tag:
            return tag if tag not in _VALUED else ""


def _open_to_all(group: Group, change: str) -> bool:
    if change == "add":
        return ALL_ADD in group.settings
    return change in ("subject", "description") and "locked" not in group.settings


def _requests(turn: Turn, device: Device, group: Group, query: Node) -> list[Node]:
    """Who asks to come in, for admins; and what they answer."""
    if not group.is_admin(device.account.phone):
        return [_FORBIDDEN]
    if query.tag == "membership_approval_requests":
        people = [(turn.world.accounts[phone], since) for phone, since in group.requests.items()]
        asking = [
            Node(
                "membership_approval_request",
                {
                    "jid": person.lid_jid,
                    "phone_number": person.pn_jid,
                    "request_method": "InviteLink",
                    "request_time": str(int(since)),
                },
            )
            for person, since in people
        ]
        return [Node(query.tag, {}, asking)]
    answers = [
        answer_requests(turn, device, group, child.tag, [each.attrs.get("jid", "") for each in child.children()])
        for child in query.children()
        if child.tag in ("approve", "reject")
    ]
    return [Node(query.tag, {}, answers)]


def _rename(turn: Turn, author: Device, group: Group, query: Node) -> bool:
    if query.tag == "subject":
        return set_subject(turn, author, group, query.text)
    body = query.child("body")
    return set_description(turn, author, group, body.text if body else "")


def _leave(turn: Turn, device: Device, asked: Node) -> Node:
    group = turn.world.groups.get(parse_jid(asked.attrs.get("id", "")).user)
    if group is None or device.account.phone not in group.members:
        return Node("group", {"id": asked.attrs.get("id", ""), "error": "404"})
    leave(turn, device, group)
    return Node("group", {"id": group.id})


def _invite(turn: Turn, device: Device, group: Group, *, fresh: bool) -> list[Node]:
    if not group.is_admin(device.account.phone):
        return [_FORBIDDEN]
    code = invite_code(turn, group, fresh=fresh)
    if fresh:
        announce(turn, group, device, Node("invite", {"code": code}))
    return [Node("invite", {"code": code})]


def _by_code(turn: Turn, device: Device, code: str, *, join: bool) -> list[Node]:
    group = next((group for group in turn.world.groups.values() if code and group.invite == code), None)
    if group is None:
        return [_NOT_ACCEPTABLE]
    if not join:
        return [describe(turn, group)]
    join_group(turn, device, group)
    came_in = device.account.phone in group.members
    return [Node("group" if came_in else "membership_approval_request", {"jid": group.jid})]
