"""Groups that answer what a test has put there, for engines and sessions that are fakes."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway_worker.whatsapp.groups import Asking, Group, GroupMember, Joining, MemberOutcome, NewGroup, PeopleAction
from schemas.commands.commands import Command
from schemas.content.groups import (
    GroupCreated,
    GroupDescription,
    GroupInvite,
    GroupJoined,
    GroupPage,
    GroupRequestsAnswered,
    ParticipantsChanged,
)

GROUP = "120363041234567890@g.us"
Answer = Callable[[], Awaitable[Any]]


@dataclass
class FakeGroups:
    """Implements `whatsapp.groups.Groups`: notes each call; `answers` are given first, one a call, and may raise."""

    asked: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    answers: list[Answer] = field(default_factory=list[Answer])
    groups: list[Group] = field(default_factory=list[Group])

    async def create(self, subject: str, people: Sequence[str]) -> NewGroup:
        await self._note("create", subject, tuple(people))
        return NewGroup(group_id=GROUP, members=[MemberOutcome(asked=each, jid=each, code="200") for each in people])

    async def describe(self, group_id: str) -> Group:
        await self._note("describe", group_id)
        return next(group for group in self.groups if group.group_id == group_id)

    async def list(self) -> Sequence[Group]:
        await self._note("list")
        return self.groups

    async def change_people(
        self, group_id: str, action: PeopleAction, people: Sequence[str]
    ) -> Sequence[MemberOutcome]:
        await self._note("change_people", group_id, action, tuple(people))
        return [MemberOutcome(asked=each, jid=each, code="200") for each in people]

    async def set_subject(self, group_id: str, subject: str) -> None:
        await self._note("set_subject", group_id, subject)

    async def set_description(self, group_id: str, description: str) -> None:
        await self._note("set_description", group_id, description)

    async def set_announcement(self, group_id: str, *, on: bool) -> None:
        await self._note("set_announcement", group_id, on)

    async def set_locked(self, group_id: str, *, on: bool) -> None:
        await self._note("set_locked", group_id, on)

    async def set_disappearing(self, group_id: str, seconds: int) -> None:
        await self._note("set_disappearing", group_id, seconds)

    async def set_join_approval(self, group_id: str, *, on: bool) -> None:
        await self._note("set_join_approval", group_id, on)

    async def set_members_add(self, group_id: str, *, on: bool) -> None:
        await self._note("set_members_add", group_id, on)

    async def requests(self, group_id: str) -> Sequence[Asking]:
        await self._note("requests", group_id)
        return [Asking(person=GroupMember(jid="42@lid", lid="42@lid"), method="invite_link", since=1_795_000_000)]

    async def answer_requests(self, group_id: str, people: Sequence[str], *, approve: bool) -> Sequence[MemberOutcome]:
        await self._note("answer_requests", group_id, tuple(people), approve)
        return [MemberOutcome(asked=each, jid=each, code="200") for each in people]

    async def invite(self, group_id: str, *, revoke: bool) -> str:
        await self._note("invite", group_id, revoke)
        return "AbCdEfGh12"

    async def join(self, code: str) -> Joining:
        await self._note("join", code)
        return Joining(group_id=GROUP, pending=False)

    async def leave(self, group_id: str) -> None:
        await self._note("leave", group_id)

    async def _note(self, *call: object) -> None:
        self.asked.append(call)
        if self.answers:
            await self.answers.pop(0)()


class FakeSessionGroups:
    """Implements `consumers.ports.Groups`: knows one group."""

    async def create(self, command: Command[Any]) -> GroupCreated:
        return GroupCreated(group_id=GROUP, subject=command.data.subject, participants=[])

    async def describe(self, command: Command[Any]) -> GroupDescription:
        return GroupDescription(
            group_id=command.data.group_id, subject="Us", size=0, announcement=False, locked=False, participants=[]
        )

    async def list(self, command: Command[Any]) -> GroupPage:  # noqa: ARG002 (the port's)
        return GroupPage(groups=[])

    async def change_participants(self, command: Command[Any]) -> ParticipantsChanged:
        return ParticipantsChanged(group_id=command.data.group_id, participants=[])

    async def update(self, command: Command[Any]) -> None:
        """Nothing to do."""

    async def requests(self, command: Command[Any]) -> GroupRequestsAnswered:
        return GroupRequestsAnswered(group_id=command.data.group_id, requests=[])

    async def invite(self, command: Command[Any]) -> GroupInvite:
        return GroupInvite(
            group_id=command.data.group_id, code="AbCdEfGh12", link="https://chat.whatsapp.com/AbCdEfGh12"
        )

    async def join(self, command: Command[Any]) -> GroupJoined:  # noqa: ARG002 (the port's)
        return GroupJoined(group_id=GROUP)

    async def leave(self, command: Command[Any]) -> None:
        """Nothing to do."""
