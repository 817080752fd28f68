"""What a person does to a group, as ordered over the control API. Pure."""

from dataclasses import dataclass

from gateway_worker.simulator.errors import Conflict, Invalid, NotFound
from gateway_worker.simulator.strict_body import Body
from gateway_worker.simulator.whatsapp.group_changes import (
    OF_PEOPLE,
    SETTINGS,
    answer_requests,
    change_people,
    change_setting,
    invite_code,
    join_group,
    leave,
    set_description,
    set_subject,
    withdraw,
)
from gateway_worker.simulator.whatsapp.groups import group_of
from gateway_worker.simulator.whatsapp.renumbering import renumber
from gateway_worker.simulator.world.jids import parse_jid
from gateway_worker.simulator.world.model import Account, Group
from gateway_worker.simulator.world.turn import Turn

_ANSWERS = ("approve", "reject")
_ACTIONS = (*OF_PEOPLE, *SETTINGS, *_ANSWERS, "subject", "description", "leave", "invite", "join", "withdraw", "modify")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupOrder:
    """Who does what to which group."""

    group: str
    action: str
    phone: str
    people: list[str]
    text: str


def parse(group: str, action: str, body: Body) -> GroupOrder:
    """`{phone, participants?, subject?, description?, code?}`, as the action wants them."""
    if action not in _ACTIONS:
        raise NotFound("path.not_found", f"the actions are: {', '.join(_ACTIONS)}")
    phone, people, text = body.phone("phone"), body.addresses("participants"), ""
    if action in ("subject", "description"):
        text = body.text(action, empty=True)
    elif action == "modify":
        text = body.phone("number")
    elif action == "join":
        text = body.text("code")
    body.done()
    return GroupOrder(group=group, action=action, phone=phone, people=people, text=text)


def carry_out(turn: Turn, order: GroupOrder) -> Group:
    """Does it. `NotFound` for who is not in the group, `Conflict` for who may not, `Invalid` if it cannot be so."""
    person = turn.world.accounts.get(order.phone)
    if person is None:
        raise NotFound("phone.not_found", "no phone has this number")
    device, action = person.devices[0], order.action
    if action in ("join", "withdraw"):
        group = turn.world.groups.get(parse_jid(order.group).user)
        if group is None or (action == "join" and group.invite != order.text):
            raise NotFound("recipient.unknown", "no group has this code")
        (join_group if action == "join" else withdraw)(turn, device, group)
        return group
    open_to_all = action in ("leave", "modify", "subject", "description")
    group = group_of(turn, order.group, person, admin=not open_to_all)
    if action in ("subject", "description") and "locked" in group.settings and not group.is_admin(person.phone):
        raise Conflict("group.forbidden", "only its admins may do that")
    _do(turn, person, group, order)
    return group


def _do(turn: Turn, person: Account, group: Group, order: GroupOrder) -> None:
    """What a member does who may."""
    device, action = person.devices[0], order.action
    match action:
        case "approve" | "reject":
            answer_requests(turn, device, group, action, order.people)
        case "modify":
            renumber(turn, person, order.text)
        case "leave":
            leave(turn, device, group)
        case "invite":
            invite_code(turn, group)
        case _ if action in OF_PEOPLE:
            change_people(turn, device, group, action, order.people)
        case _ if action in SETTINGS:
            change_setting(turn, device, group, action)
        case _:
            if not (set_subject if action == "subject" else set_description)(turn, device, group, order.text):
                raise Invalid("request.invalid", f"{action} is too long, or empty")
