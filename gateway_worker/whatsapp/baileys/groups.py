"""The port's calls about groups, to the bridge."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from gateway_worker.timing.pace import Pace
from gateway_worker.whatsapp.baileys.channel import calls
from gateway_worker.whatsapp.baileys.channel.calls import A, Method, V
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
        return [Asking(person=member_of(each), method=each["method"], since=each["since"]) for each in payload]

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


def _outcomes(payload: Sequence[Mapping[str, Any]]) -> Sequence[MemberOutcome]:
    return [MemberOutcome(asked=each["asked"], jid=each["jid"], code=each["code"]) for each in payload]


async def _group(payload: Mapping[str, Any], pace: Pace) -> Group:
    owner, rank = payload["owner"], payload["rank"]
    return Group(
        group_id=payload["group_id"],
        subject=payload["subject"],
        description=payload["description"],
        owner=None if owner is None else member_of(owner),
        created=payload["created"],
        size=payload["size"],
        announcement=payload["announcement"],
        locked=payload["locked"],
        join_approval=payload["join_approval"],
        members_add=payload["members_add"],
        disappearing=payload["disappearing"],
        rank=None if rank is None else Rank(rank),
        members=await _members(payload["members"], pace),
    )


async def _members(payload: Sequence[Mapping[str, Any]], pace: Pace) -> list[GroupMember]:
    """There may be thousands: in slices."""
    members: list[GroupMember] = []
    for each in payload:
        members.append(member_of(each))
        await pace.breathe()
    return members


def member_of(payload: Mapping[str, Any]) -> GroupMember:
    """Somebody, as the bridge tells it."""
    return GroupMember(
        jid=payload["jid"], lid=payload["lid"], phone=payload["phone"], rank=Rank(payload.get("rank") or Rank.MEMBER)
    )


async def group_notification_of(payload: Mapping[str, Any], pace: Pace) -> GroupNotification:
    """A notification, as the bridge tells it."""
    by = payload["by"]
    return GroupNotification(
        notification_id=payload["id"],
        group_id=payload["group"],
        by=None if by is None else member_of(by),
        push_name=payload["push_name"],
        timestamp=payload["timestamp"],
        changes=[await _change(each, pace) for each in payload["changes"]],
    )


async def _change(payload: Mapping[str, Any], pace: Pace) -> MembersChanged | GroupChanged:
    if payload["kind"] == "people":
        return MembersChanged(
            action=payload["action"],
            people=await _members(payload["people"], pace),
            includes_me=payload["includes_me"],
            subject=payload["subject"],
            previous=None if payload.get("previous") is None else member_of(payload["previous"]),
            method=payload.get("method"),
        )
    return GroupChanged(**{name: value for name, value in payload.items() if name != "kind"})
