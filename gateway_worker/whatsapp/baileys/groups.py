"""The port's calls about groups, to the bridge."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, Protocol, TypeVar

from gateway_worker.timing.pace import Pace
from gateway_worker.whatsapp.baileys.channel import calls, facts
from gateway_worker.whatsapp.baileys.channel.calls import A, Method, V
from gateway_worker.whatsapp.baileys.channel.decoding import Reader
from gateway_worker.whatsapp.groups import (
    Asking,
    Group,
    GroupChanged,
    GroupMember,
    GroupNotification,
    Joining,
    MemberOutcome,
    MembersChanged,
    NewGroup,
    PeopleAction,
    Rank,
)

P = TypeVar("P")

_read_group: Final = Reader(facts.Group)
_read_member: Final = Reader(facts.GroupMember)
_read_person: Final = Reader(facts.Person)
_read_fact: Final = Reader(facts.GroupFact)


class Call(Protocol):
    """A call of the bridge about this connection."""

    async def __call__(self, method: Method[A, V], args: A) -> V:
        """Its answer."""
        ...


class BaileysGroups:
    """Implements `groups.Groups`.

    Args:
        call: calls a method of the bridge about this connection; what may be repeated.
        call_once: the same, where "no connection" must not hide that the stanza may have left.
    """

    def __init__(self, call: Call, call_once: Call) -> None:
        self._call = call
        self._call_once = call_once

    async def create(self, subject: str, people: Sequence[str]) -> NewGroup:
        """Make a group of these JIDs."""
        made = await self._call_once(calls.GROUP_CREATE, {"subject": subject, "people": list(people)})
        return NewGroup(group_id=made["group_id"], members=_outcomes(made["members"]))

    async def describe(self, group_id: str) -> Group:
        """A group with its members."""
        return await _group(await self._call(calls.GROUP_DESCRIBE, {"group_id": group_id}), Pace())

    async def list(self) -> Sequence[Group]:
        """All groups that the account is in."""
        pace = Pace()
        return [await _group(payload, pace) for payload in await self._call(calls.GROUP_LIST, None)]

    async def change_people(
        self, group_id: str, action: PeopleAction, people: Sequence[str]
    ) -> Sequence[MemberOutcome]:
        """Add, remove, promote or demote; what became of each, in the order given."""
        args: calls.PeopleArguments = {"group_id": group_id, "action": action.value, "people": list(people)}
        return _outcomes(await self._call(calls.GROUP_PEOPLE, args))

    async def set_subject(self, group_id: str, subject: str) -> None:
        """Give it another name."""
        await self._call(calls.GROUP_SUBJECT, {"group_id": group_id, "text": subject})

    async def set_description(self, group_id: str, description: str) -> None:
        """Give it another description; none when it is empty."""
        await self._call(calls.GROUP_DESCRIPTION, {"group_id": group_id, "text": description})

    async def set_announcement(self, group_id: str, *, on: bool) -> None:
        """Let only admins write, or everybody."""
        await self._call(
            calls.GROUP_SETTING, {"group_id": group_id, "setting": "announcement" if on else "not_announcement"}
        )

    async def set_locked(self, group_id: str, *, on: bool) -> None:
        """Let only admins change subject and description, or everybody."""
        await self._call(calls.GROUP_SETTING, {"group_id": group_id, "setting": "locked" if on else "unlocked"})

    async def set_disappearing(self, group_id: str, seconds: int) -> None:
        """Have new messages disappear after so many seconds; 0: they stay."""
        await self._call(calls.GROUP_DISAPPEARING, {"group_id": group_id, "seconds": seconds})

    async def set_join_approval(self, group_id: str, *, on: bool) -> None:
        """Have an admin let in who comes by the link, or nobody."""
        await self._call(calls.GROUP_JOIN_APPROVAL, {"group_id": group_id, "on": on})

    async def set_members_add(self, group_id: str, *, on: bool) -> None:
        """Let everybody add people, or only admins."""
        await self._call(calls.GROUP_MEMBERS_ADD, {"group_id": group_id, "on": on})

    async def requests(self, group_id: str) -> Sequence[Asking]:
        """Who asks to come in."""
        payload = await self._call(calls.GROUP_REQUESTS, {"group_id": group_id})
        return [Asking(person=person_of(each), method=each["method"], since=each["since"]) for each in payload]

    async def answer_requests(self, group_id: str, people: Sequence[str], *, approve: bool) -> Sequence[MemberOutcome]:
        """Let them in or turn them down; what became of each, in the order given."""
        action: Literal["approve", "reject"] = "approve" if approve else "reject"
        args: calls.PeopleArguments = {"group_id": group_id, "action": action, "people": list(people)}
        return _outcomes(await self._call(calls.GROUP_ANSWER, args))

    async def invite(self, group_id: str, *, revoke: bool) -> str:
        """The code of its link; with `revoke` a new one."""
        return await self._call(calls.GROUP_INVITE, {"group_id": group_id, "revoke": revoke})

    async def join(self, code: str) -> Joining:
        """Come in by a code."""
        payload = await self._call(calls.GROUP_JOIN, {"code": code})
        return Joining(group_id=payload["group_id"], pending=payload["pending"])

    async def leave(self, group_id: str) -> None:
        """Leave it."""
        await self._call(calls.GROUP_LEAVE, {"group_id": group_id})


def _outcomes(payload: Sequence[calls.MemberOutcome]) -> Sequence[MemberOutcome]:
    return [MemberOutcome(asked=each["asked"], jid=each["jid"], code=each["code"]) for each in payload]


async def _group(payload: object, pace: Pace) -> Group:
    group = _read_group.read(payload)
    owner, rank = group["owner"], group["rank"]
    return Group(
        group_id=group["group_id"],
        subject=group["subject"],
        description=group["description"],
        owner=None if owner is None else person_of(owner),
        created=group["created"],
        size=group["size"],
        announcement=group["announcement"],
        locked=group["locked"],
        join_approval=group["join_approval"],
        members_add=group["members_add"],
        disappearing=group["disappearing"],
        rank=None if rank is None else Rank(rank),
        members=await _each(group["members"], _member_of, pace),
    )


async def _each(people: Sequence[P], port: Callable[[P], GroupMember], pace: Pace) -> list[GroupMember]:
    """There may be thousands: in slices."""
    members: list[GroupMember] = []
    for each in people:
        members.append(port(each))
        await pace.breathe()
    return members


def _member_of(payload: facts.GroupMember) -> GroupMember:
    member = _read_member.read(payload)
    return GroupMember(jid=member["jid"], lid=member["lid"], phone=member["phone"], rank=Rank(member["rank"]))


def person_of(payload: facts.Person) -> GroupMember:
    """Somebody, in the port's words."""
    person = _read_person.read(payload)
    return GroupMember(jid=person["jid"], lid=person["lid"], phone=person["phone"])


async def group_notification_of(payload: object, pace: Pace) -> GroupNotification:
    """A notification, in the port's words."""
    fact = _read_fact.read(payload)
    by = fact["by"]
    return GroupNotification(
        notification_id=fact["id"],
        group_id=fact["group"],
        by=None if by is None else person_of(by),
        push_name=fact["push_name"],
        timestamp=fact["timestamp"],
        changes=[await _change(each, pace) for each in fact["changes"]],
    )


async def _change(change: facts.GroupChange, pace: Pace) -> MembersChanged | GroupChanged:
    if change["kind"] == "people":
        previous = change.get("previous")
        return MembersChanged(
            action=change["action"],
            people=await _each(change["people"], person_of, pace),
            includes_me=change["includes_me"],
            subject=change["subject"],
            previous=None if previous is None else person_of(previous),
            method=change.get("method"),
        )
    return GroupChanged(**_settings(change))


def _settings(change: facts.SettingsChange) -> dict[str, Any]:
    return {name: value for name, value in change.items() if name != "kind"}
