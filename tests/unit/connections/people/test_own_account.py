"""What the account sets about itself by command, and what it is told of it."""

from dataclasses import replace

import pytest

from gateway_worker.connections.people.contacts import learnt_profile
from gateway_worker.store.operations.contacts import OWN
from gateway_worker.whatsapp.account import ProfileReported
from gateway_worker.whatsapp.app_state import StateKind
from gateway_worker.whatsapp.errors import Refused
from gateway_worker.whatsapp.facts import CallArrived, CallEnded
from schemas.content.account import Audience
from schemas.errors import CallNotFound, CommandInvalid, MessageRecipientUnknown, MessageRejectedByWhatsApp
from schemas.events.contacts import CallOutcome, ContactChange
from tests.support.connections.virtual_time import EPOCH, virtual
from tests.support.connections.world import ANNA, command, world


@virtual
async def test_name_text_and_picture_are_changed_one_after_the_other() -> None:
    async with world() as w:
        await w.connected()
        own = w.manager.of(ANNA).own_account
        data = {"name": "Anna & Co", "about": "Open", "removePicture": True}
        await own.set_profile(command("profile.set.v1", ANNA, data))
        (name,) = w.engine.opened[0].states
        assert (name.kind, name.name, w.engine.own.about) == (StateKind.OWN_NAME, "Anna & Co", "Open")
        assert w.engine.own.pictures == [None]
        shown = await own.describe_profile(command("profile.describe.v1", ANNA, {}))
        assert (shown.session_id, shown.about, shown.picture_id) == (ANNA, "Open", None)


@virtual
async def test_a_refusal_tells_what_was_changed_before_it() -> None:
    async with world() as w:
        await w.connected()
        w.engine.own.refusals = [None, Refused("406")]
        with pytest.raises(MessageRejectedByWhatsApp) as refused:
            await w.manager.of(ANNA).own_account.set_profile(
                command("profile.set.v1", ANNA, {"about": "Open", "removePicture": True})
            )
        assert refused.value.detail == {"whatsappCode": "406", "field": "removePicture", "changed": ["about"]}


@virtual
async def test_a_picture_of_another_session_is_not_ours_to_show() -> None:
    async with world() as w:
        await w.connected()
        with pytest.raises(CommandInvalid):
            await w.manager.of(ANNA).own_account.set_profile(
                command("profile.set.v1", ANNA, {"picture": {"object": "bert/face.jpg"}})
            )
        assert w.engine.own.pictures == []


@virtual
async def test_who_sees_what_is_set_and_shown_by_the_contracts_names() -> None:
    async with world() as w:
        await w.connected()
        own = w.manager.of(ANNA).own_account
        await own.set_privacy(command("privacy.set.v1", ANNA, {"lastSeen": "contactsExcept", "readReceipts": "none"}))
        assert w.engine.own.seen_by == {"last_seen": Audience.CONTACTS_EXCEPT, "read_receipts": Audience.NONE}
        shown = await own.describe_privacy(command("privacy.describe.v1", ANNA, {}))
        assert shown.to_data() == {"sessionId": ANNA, "lastSeen": "contactsExcept", "readReceipts": "none"}


@virtual
async def test_a_call_is_declined_as_whatsapp_names_the_caller_in_it() -> None:
    async with world() as w:
        await w.connected()
        rings = CallArrived(
            call_id="C1",
            jid="15550002222@s.whatsapp.net",
            lid="42@lid",
            phone="+15550002222",
            video=False,
            group=None,
            rejected=False,
            timestamp=int(EPOCH.timestamp()),
            creator="42@lid",
        )
        await w.engine.opened[0].notify(rings)
        own = w.manager.of(ANNA).own_account
        await own.reject_call(command("call.reject.v1", ANNA, {"callId": "C1"}))
        assert w.engine.own.rejected == [("C1", "42@lid")]
        with pytest.raises(CallNotFound):
            await own.reject_call(command("call.reject.v1", ANNA, {"callId": "C2"}))


@virtual
async def test_the_end_of_a_call_is_told_once_whoever_tells_it() -> None:
    async with world() as w:
        await w.connected()
        ended = CallEnded(
            call_id="C1",
            jid="15550002222@s.whatsapp.net",
            lid=None,
            phone="+15550002222",
            group=None,
            outcome=CallOutcome.REJECTED,
            seconds=None,
            timestamp=int(EPOCH.timestamp()),
        )
        await w.engine.opened[0].notify(ended)
        await w.engine.opened[0].notify(replace(ended, outcome=CallOutcome.MISSED))
        (told,) = [data for kind, data in w.storage.events if kind == "call.ended.v1"]
        assert (told["outcome"], told["missed"]) == ("rejected", False)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("privacy.set.v1", {"online": "none"}),
        ("privacy.set.v1", {"lastSeen": "matchLastSeen"}),
        ("privacy.set.v1", {"readReceipts": "contacts"}),
        ("privacy.set.v1", {"calls": "none"}),
        ("privacy.set.v1", {}),
        ("profile.set.v1", {}),
        ("profile.set.v1", {"name": " "}),
        ("profile.set.v1", {"picture": {"object": "uploads/a.jpg"}, "removePicture": True}),
    ],
)
def test_what_a_setting_does_not_allow_is_an_invalid_command(kind: str, data: dict[str, object]) -> None:
    with pytest.raises(CommandInvalid):
        command(kind, ANNA, data)


def test_what_is_told_of_the_account_stands_under_no_name() -> None:
    learnt = learnt_profile(ProfileReported(about="", picture="7", timestamp=1_795_000_000), EPOCH)
    (own,) = learnt.contacts
    assert (own.jid, {name: fact.value for name, fact in own.facts.items()}) == (
        OWN,
        {ContactChange.ABOUT: "", ContactChange.PICTURE: "7"},
    )


@virtual
async def test_a_group_has_another_picture_and_none() -> None:
    async with world() as w:
        await w.connected()
        own, group = w.manager.of(ANNA).own_account, "120363041234567890@g.us"
        await own.set_group_picture(command("group.picture.v1", ANNA, {"groupId": group, "removePicture": True}))
        assert w.engine.own.group_pictures == [(group, None)]
        for code, wanted in (("404", MessageRecipientUnknown), ("403", MessageRejectedByWhatsApp)):
            w.engine.own.refusals = [Refused(code)]
            with pytest.raises(wanted) as refused:
                await own.set_group_picture(
                    command("group.picture.v1", ANNA, {"groupId": group, "removePicture": True})
                )
            assert refused.value.detail == {"whatsappCode": code}
        with pytest.raises(CommandInvalid):
            await own.set_group_picture(
                command("group.picture.v1", ANNA, {"groupId": group, "picture": {"object": "bert/us.jpg"}})
            )
        assert len(w.engine.own.group_pictures) == 1
