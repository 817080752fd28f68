"""What a person does to a group, as ordered over the control API. Pure."""

from dataclasses import dataclass

from gateway_worker.simulator.errors import Conflict, Invalid, NotFound
from gateway_worker.simulator.strict_body import Body, decode_base64
from gateway_worker.simulator.whatsapp.groups.changes import (
    OF_PEOPLE,
    SETTINGS,
    answer_requests,
    change_people,
    change_setting,
    invite_code,
    join_group,
    leave,
    set_description,
    set_picture,
    set_subject,
    withdraw,
)
from gateway_worker.simulator.whatsapp.groups.groups import group_of
from gateway_worker.simulator.whatsapp.groups.renumbering import renumber
from gateway_worker.simulator.whatsapp.profiles import MAX_PICTURE
from gateway_worker.simulator.world.group import Group
from gateway_worker.simulator.world.jids import parse_jid
from gateway_worker.simulator.world.model import Account
from gateway_worker.simulator.world.turn import Turn

_ANSWERS = ("approve", "reject")
_OPEN = ("subject", "description", "picture")
"""For members too, unless the group is locked."""
_ACTIONS = (*OF_PEOPLE, *SETTINGS, *_ANSWERS, *_OPEN, "leave", "invite", "join", "withdraw", "modify")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupAction:
    """Who does what to which group."""

    group: str
    kind: str
    phone: str
    people: list[str]
    text: str
    picture: bytes = b""


def parse(group: str, action: str, body: Body) -> GroupAction:
    """`{phone, participants?, subject?, description?, base64?, code?}`, as the action wants them."""
    if action not in _ACTIONS:
        raise NotFound("path.not_found", f"the actions are: {', '.join(_ACTIONS)}")
    phone, people, text, picture = body.phone("phone"), body.addresses("participants"), "", b""
    if action in ("subject", "description"):
        text = body.text(action, empty=True)
    elif action == "picture":
        picture = decode_base64(body.text("base64", limit=2 * MAX_PICTURE, empty=True), "base64")
    elif action == "modify":
        text = body.phone("number")
    elif action == "join":
        text = body.text("code")
    body.done()
    return GroupAction(group=group, kind=action, phone=phone, people=people, text=text, picture=picture)


def perform(turn: Turn, action: GroupAction) -> Group:
    """Does it. `NotFound` for who is not in the group, `Conflict` for who may not, `Invalid` if it cannot be so."""
    person = turn.world.accounts.get(action.phone)
    if person is None:
        raise NotFound("phone.not_found", "no phone has this number")
    device, kind = person.devices[0], action.kind
    if kind in ("join", "withdraw"):
        group = turn.world.groups.get(parse_jid(action.group).user)
        if group is None or (kind == "join" and group.invite != action.text):
            raise NotFound("recipient.unknown", "no group has this code")
        (join_group if kind == "join" else withdraw)(turn, device, group)
        return group
    open_to_all = kind in ("leave", "modify", *_OPEN)
    group = group_of(turn, action.group, person, admin=not open_to_all)
    if kind in _OPEN and not group.may_describe(person.phone):
        raise Conflict("group.forbidden", "only its admins may do that")
    _change(turn, person, group, action)
    return group


def _change(turn: Turn, person: Account, group: Group, action: GroupAction) -> None:
    """What a member does who may."""
    device, kind = person.devices[0], action.kind
    match kind:
        case "approve" | "reject":
            answer_requests(turn, device, group, kind, action.people)
        case "modify":
            renumber(turn, person, action.text)
        case "leave":
            leave(turn, device, group)
        case "picture":
            set_picture(turn, device, group, action.picture)
        case "invite":
            invite_code(turn, group)
        case _ if kind in OF_PEOPLE:
            change_people(turn, device, group, kind, action.people)
        case _ if kind in SETTINGS:
            change_setting(turn, device, group, kind)
        case _:
            if not (set_subject if kind == "subject" else set_description)(turn, device, group, action.text):
                raise Invalid("request.invalid", f"{kind} is too long, or empty")
