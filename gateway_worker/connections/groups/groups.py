"""What is asked of groups: it bypasses the order of chats, as other queries do.

To make a group may be done once only: what WhatsApp did not answer is told as unknown. Everything else may be asked
again, and is, on the next connection.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from gateway_worker.connections.base.context import Timeouts
from gateway_worker.connections.groups.pages import GroupPages
from gateway_worker.connections.socket.attempt import ConnectionAttempt
from gateway_worker.connections.socket.waiting import ConnectionWaiter, connection_before, connection_soon
from gateway_worker.timing.clock import Clock
from gateway_worker.whatsapp.errors import NotConnected, OutcomeUnknown, RecipientUnknown, Refused, StoreRefused
from gateway_worker.whatsapp.groups import Asking, Group, GroupMember, Groups, MemberOutcome, PeopleAction
from schemas.addresses import Jid
from schemas.commands.commands import Command
from schemas.commands.groups import (
    INVITE_LINK,
    ChangeParticipants,
    CreateGroup,
    DescribeGroup,
    GroupRequests,
    InviteToGroup,
    JoinGroup,
    LeaveGroup,
    ListGroups,
    ParticipantAction,
    RequestAction,
    UpdateGroup,
)
from schemas.commands.messages import SetDisappearing
from schemas.content.groups import (
    GroupCreated,
    GroupDescription,
    GroupInvite,
    GroupJoined,
    GroupPage,
    GroupParticipant,
    GroupPerson,
    GroupRequestsAnswered,
    GroupRole,
    GroupSummary,
    JoinRequest,
    Outcome,
    ParticipantOutcome,
    ParticipantsChanged,
)
from schemas.errors import (
    GatewayError,
    MessageRecipientUnknown,
    MessageRejectedByWhatsApp,
    OutcomeUnknownError,
    SessionNotConnected,
)

_PAUSE_SECONDS: Final = 1.0  # before what WhatsApp left unanswered is asked again
_MAX_UNANSWERED: Final = 3
_NOT_FOUND: Final = "404"
_NEEDS_INVITE: Final = frozenset({"403", "408"})  # privacy settings; left it a short time ago

T = TypeVar("T")
Find = Callable[[], Awaitable[ConnectionAttempt]]
Ask = Callable[[Groups], Awaitable[T]]


class GroupCommands:
    """Carries out the commands about groups of one session."""

    def __init__(self, waiter: ConnectionWaiter, *, clock: Clock, timeouts: Timeouts) -> None:
        self._waiter = waiter
        self._clock = clock
        self._timeouts = timeouts
        self._pages = GroupPages(lambda: self._ask_soon(lambda groups: groups.list()))

    async def create(self, command: Command[CreateGroup]) -> GroupCreated:
        """Make a group; waits for the connection as a message does.

        Raises:
            OutcomeUnknownError: WhatsApp did not answer; the group may be there.
            MessageRecipientUnknown: nobody of them is on WhatsApp.
            GatewayError: WhatsApp refused it, there will be no connection, or the command expired.
        """
        data = command.data
        while True:
            attempt = await self._find(command)()
            try:
                made = await attempt.connection.groups.create(data.subject, data.people)
            except (NotConnected, StoreRefused):  # nothing has left
                await attempt.really_ended()
            except OutcomeUnknown as error:
                raise OutcomeUnknownError from error
            except RecipientUnknown as error:
                raise MessageRecipientUnknown("Nobody of the participants is on WhatsApp.") from error
            except Refused as error:
                raise group_refusal(error) from error
            else:
                outcomes = outcomes_of(ParticipantAction.ADD, data.participants, made.members)
                return GroupCreated(group_id=made.group_id, subject=data.subject, participants=outcomes)

    async def describe(self, command: Command[DescribeGroup]) -> GroupDescription:
        """What WhatsApp says of it."""
        group = await self._ask_soon(lambda groups: groups.describe(command.data.group_id))
        members = [GroupParticipant(**_person(each), role=GroupRole(each.rank)) for each in group.members]
        return GroupDescription(**_summary(group), participants=members)

    async def list(self, command: Command[ListGroups]) -> GroupPage:
        """A page of the groups that the account is in."""
        page, cursor = await self._pages.page(command.data.cursor, command.data.limit)
        return GroupPage(groups=[GroupSummary(**_summary(group)) for group in page], cursor=cursor)

    async def change_participants(self, command: Command[ChangeParticipants]) -> ParticipantsChanged:
        """Add, remove, promote or demote people."""
        data = command.data
        action = PeopleAction(data.action.value)
        members = await self._ask(
            self._find(command), lambda groups: groups.change_people(data.group_id, action, data.people)
        )
        return ParticipantsChanged(
            group_id=data.group_id, participants=outcomes_of(data.action, data.participants, members)
        )

    async def update(self, command: Command[UpdateGroup]) -> None:
        """Change what is given, one after the other. A refusal tells in its detail what was changed before it."""
        data, find = command.data, self._find(command)
        group_id, done = data.group_id, list[str]()
        steps: dict[str, tuple[Any, Ask[None]]] = {
            "subject": (data.subject, lambda groups: groups.set_subject(group_id, data.subject or "")),
            "description": (data.description, lambda groups: groups.set_description(group_id, data.description or "")),
            "announcement": (
                data.announcement,
                lambda groups: groups.set_announcement(group_id, on=data.announcement is True),
            ),
            "locked": (data.locked, lambda groups: groups.set_locked(group_id, on=data.locked is True)),
            "joinApproval": (
                data.join_approval,
                lambda groups: groups.set_join_approval(group_id, on=data.join_approval is True),
            ),
            "membersAdd": (
                data.members_add,
                lambda groups: groups.set_members_add(group_id, on=data.members_add is True),
            ),
        }
        for name, (wanted, ask) in steps.items():
            if wanted is None:
                continue
            try:
                await self._ask(find, ask)
            except (MessageRejectedByWhatsApp, MessageRecipientUnknown) as error:
                error.detail = {**(error.detail or {}), "field": name, "changed": done}
                raise
            done.append(name)

    async def set_disappearing(self, command: Command[SetDisappearing], group_id: Jid) -> None:
        """Have its new messages disappear after some time, or not."""
        seconds = command.data.seconds
        await self._ask(self._find(command), lambda groups: groups.set_disappearing(group_id, seconds))

    async def requests(self, command: Command[GroupRequests]) -> GroupRequestsAnswered:
        """Who asks to come in; or lets people in, or turns them down."""
        data, find = command.data, self._find(command)
        group_id, people = data.group_id, data.people
        if data.action is RequestAction.LIST:
            asking = await self._ask(find, lambda groups: groups.requests(group_id))
            return GroupRequestsAnswered(group_id=group_id, requests=[_request(each) for each in asking])
        approve = data.action is RequestAction.APPROVE
        answered = await self._ask(find, lambda groups: groups.answer_requests(group_id, people, approve=approve))
        outcomes = [
            ParticipantOutcome(participant=given, jid=each.jid, outcome=_answered(each.code), whatsapp_code=each.code)
            for given, each in zip(data.participants, answered, strict=True)
        ]
        return GroupRequestsAnswered(group_id=group_id, participants=outcomes)

    async def invite(self, command: Command[InviteToGroup]) -> GroupInvite:
        """The group's link."""
        data = command.data
        code = await self._ask(self._find(command), lambda groups: groups.invite(data.group_id, revoke=data.revoke))
        return GroupInvite(group_id=data.group_id, code=code, link=f"{INVITE_LINK}{code}")

    async def join(self, command: Command[JoinGroup]) -> GroupJoined:
        """Come in by an invitation."""
        joining = await self._ask(self._find(command), lambda groups: groups.join(command.data.invitation))
        return GroupJoined(group_id=joining.group_id, pending=joining.pending)

    async def leave(self, command: Command[LeaveGroup]) -> None:
        """Leave it."""
        group_id = command.data.group_id
        await self._ask(self._find(command), lambda groups: groups.leave(group_id))

    def _find(self, command: Command[Any]) -> Find:
        return lambda: connection_before(self._waiter, command.expires_at, self._clock)

    async def _ask_soon(self, ask: Ask[T]) -> T:
        try:
            async with asyncio.timeout(self._timeouts.query):
                return await self._ask(lambda: connection_soon(self._waiter), ask)
        except TimeoutError:
            raise SessionNotConnected(detail={"state": self._waiter.state.value}) from None

    async def _ask(self, find: Find, ask: Ask[T]) -> T:
        """Ask on a connection, and on the next one where that one ends."""
        unanswered = 0
        while True:
            attempt = await find()
            try:
                return await ask(attempt.connection.groups)
            except (NotConnected, StoreRefused):
                await attempt.really_ended()
            except OutcomeUnknown as error:
                unanswered += 1
                if unanswered >= _MAX_UNANSWERED:
                    raise OutcomeUnknownError("WhatsApp does not answer. It may have been done.") from error
                await asyncio.sleep(_PAUSE_SECONDS)
            except Refused as error:
                raise group_refusal(error) from error


def outcomes_of(
    action: ParticipantAction, given: Sequence[str], members: Sequence[MemberOutcome]
) -> Sequence[ParticipantOutcome]:
    """What became of each, as the command wrote them; `members` in the same order. Pure."""
    return [
        ParticipantOutcome(
            participant=participant, jid=each.jid, outcome=_outcome(action, each), whatsapp_code=each.code
        )
        for participant, each in zip(given, members, strict=True)
    ]


def _outcome(action: ParticipantAction, member: MemberOutcome) -> Outcome:
    match action, member.code:
        case _, "200":
            return Outcome.DONE
        case ParticipantAction.ADD, "409":
            return Outcome.UNCHANGED
        case ParticipantAction.REMOVE, "404" if member.jid is not None:
            return Outcome.UNCHANGED
        case ParticipantAction.ADD, code if code in _NEEDS_INVITE:
            return Outcome.NEEDS_INVITE
        case _, "404":
            return Outcome.NOT_FOUND
        case _:
            return Outcome.REFUSED


def _answered(code: str) -> Outcome:
    match code:
        case "200":
            return Outcome.DONE
        case "409":
            return Outcome.UNCHANGED
        case "404":
            return Outcome.NOT_FOUND
        case _:
            return Outcome.REFUSED


def _request(asking: Asking) -> JoinRequest:
    since = None if asking.since is None else datetime.fromtimestamp(asking.since, UTC)
    return JoinRequest(**_person(asking.person), method=asking.method, requested_at=since)


def group_refusal(error: Refused) -> GatewayError:
    """A group that is not there is an unknown recipient; everything else WhatsApp's own code explains."""
    if error.code == _NOT_FOUND:
        return MessageRecipientUnknown("The account is in no such group.", detail={"whatsappCode": error.code})
    refusal = MessageRejectedByWhatsApp(error.code)
    refusal.message = f"WhatsApp refused it with {error.code}."
    return refusal


def _person(member: GroupMember) -> dict[str, Any]:
    return {"jid": member.jid, "lid": member.lid, "phone": member.phone}


def _summary(group: Group) -> dict[str, Any]:
    return {
        "group_id": group.group_id,
        "subject": group.subject,
        "description": group.description,
        "owner": None if group.owner is None else GroupPerson(**_person(group.owner)),
        "created_at": None if group.created is None else datetime.fromtimestamp(group.created, UTC),
        "size": group.size,
        "announcement": group.announcement,
        "locked": group.locked,
        "join_approval": group.join_approval,
        "members_add": group.members_add,
        "disappearing_seconds": group.disappearing,
        "role": None if group.rank is None else GroupRole(group.rank),
    }
