"""Groups: made once at most, everything else asked again; what became of each participant; what a refusal says."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from gateway_worker.connections.groups.groups import outcomes_of
from gateway_worker.whatsapp.errors import NotConnected, OutcomeUnknown, RecipientUnknown, Refused
from gateway_worker.whatsapp.groups import Group, GroupMember, MemberOutcome, Rank
from schemas.commands.groups import ParticipantAction
from schemas.errors import GatewayError, MessageRecipientUnknown, MessageRejectedByWhatsApp, OutcomeUnknownError
from tests.support.connections.virtual_time import virtual
from tests.support.connections.world import ANNA, BERT, command, world
from tests.support.whatsapp.groups import GROUP

US = {"subject": "Us", "participants": [BERT]}
JID = f"{BERT[1:]}@s.whatsapp.net"


def failing(error: Exception) -> Callable[[], Awaitable[None]]:
    async def answer() -> None:
        raise error

    return answer


@virtual
async def test_a_group_is_made_again_only_where_nothing_has_left() -> None:
    async with world() as w:
        await w.connected()

        async def ended() -> None:
            await w.engine.last.close()
            raise NotConnected

        w.engine.groups.answers = [ended]
        made = await w.manager.of(ANNA).groups.create(command("group.create.v1", ANNA, US))
        assert made.group_id == GROUP
        assert w.engine.groups.asked == [("create", "Us", (JID,))] * 2
        w.engine.groups.asked.clear()
        w.engine.groups.answers = [failing(OutcomeUnknown())]
        with pytest.raises(OutcomeUnknownError):
            await w.manager.of(ANNA).groups.create(command("group.create.v1", ANNA, US))
        assert len(w.engine.groups.asked) == 1


@virtual
async def test_what_may_be_repeated_is_asked_again_three_times() -> None:
    async with world() as w:
        await w.connected()
        w.engine.groups.answers = [failing(OutcomeUnknown())] * 2
        invite = await w.manager.of(ANNA).groups.invite(command("group.invite.v1", ANNA, {"groupId": GROUP}))
        assert invite.link == f"https://chat.whatsapp.com/{invite.code}"
        w.engine.groups.answers = [failing(OutcomeUnknown())] * 3
        with pytest.raises(OutcomeUnknownError):
            await w.manager.of(ANNA).groups.leave(command("group.leave.v1", ANNA, {"groupId": GROUP}))


@virtual
async def test_an_update_changes_only_what_is_given_and_says_how_far_it_came() -> None:
    async with world() as w:
        await w.connected()
        groups = w.manager.of(ANNA).groups
        await groups.update(command("group.update.v1", ANNA, {"groupId": GROUP, "description": "", "locked": False}))
        assert w.engine.groups.asked == [("set_description", GROUP, ""), ("set_locked", GROUP, False)]

        async def done() -> None:
            """The subject may be changed."""

        w.engine.groups.answers = [done, failing(Refused("403"))]
        with pytest.raises(MessageRejectedByWhatsApp) as refused:
            await groups.update(
                command("group.update.v1", ANNA, {"groupId": GROUP, "subject": "We", "announcement": True})
            )
        assert refused.value.detail == {"whatsappCode": "403", "field": "announcement", "changed": ["subject"]}


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (Refused("404"), MessageRecipientUnknown),
        (Refused("403"), MessageRejectedByWhatsApp),
        (RecipientUnknown(), MessageRecipientUnknown),
    ],
)
def test_a_refusal_is_told_in_the_contracts_codes(failure: Exception, error: type[GatewayError]) -> None:
    @virtual
    async def refused() -> None:
        async with world() as w:
            await w.connected()
            w.engine.groups.answers = [failing(failure)]
            with pytest.raises(error):
                await w.manager.of(ANNA).groups.create(command("group.create.v1", ANNA, US))

    refused()


@virtual
async def test_groups_are_listed_in_pages_and_described_with_their_people() -> None:
    async with world() as w:
        await w.connected()
        owner = GroupMember(jid=JID, phone=BERT, lid="42@lid", rank=Rank.SUPERADMIN)
        group = Group(
            group_id=GROUP,
            subject="Us",
            description=None,
            owner=owner,
            created=1_795_000_000,
            size=1,
            announcement=False,
            locked=True,
            disappearing=None,
            rank=None,
            members=[owner],
        )
        w.engine.groups.groups = [replace(group, group_id=f"12036304123456789{n}@g.us") for n in (2, 0, 1)]
        groups = w.manager.of(ANNA).groups
        first = await groups.list(command("group.list.v1", ANNA, {"limit": 2}))
        assert [each.group_id[17] for each in first.groups] == ["0", "1"]
        rest = await groups.list(command("group.list.v1", ANNA, {"limit": 2, "cursor": first.cursor}))
        assert [each.group_id[17] for each in rest.groups] == ["2"]
        assert rest.cursor is None
        described = await groups.describe(command("group.describe.v1", ANNA, {"groupId": GROUP}))
        assert described.to_data()["participants"] == [
            {"jid": JID, "lid": "42@lid", "phone": BERT, "role": "superadmin"}
        ]


@pytest.mark.parametrize(
    ("action", "code", "outcome"),
    [
        ("add", "200", "done"),
        ("add", "409", "unchanged"),
        ("add", "403", "needs_invite"),
        ("add", "408", "needs_invite"),
        ("add", "401", "refused"),
        ("add", "404", "not_found"),
        ("remove", "404", "unchanged"),
        ("remove", "406", "refused"),
        ("promote", "404", "not_found"),
    ],
)
def test_each_participant_has_an_outcome(action: str, code: str, outcome: str) -> None:
    (seen,) = outcomes_of(ParticipantAction(action), [BERT], [MemberOutcome(asked=JID, jid=JID, code=code)])
    assert (seen.participant, seen.outcome, seen.whatsapp_code) == (BERT, outcome, code)


def test_who_is_not_on_whatsapp_cannot_be_removed() -> None:
    (seen,) = outcomes_of(ParticipantAction.REMOVE, [BERT], [MemberOutcome(asked=JID, jid=None, code="404")])
    assert seen.outcome == "not_found"
