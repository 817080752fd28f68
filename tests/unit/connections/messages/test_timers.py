"""Timers of disappearing chats: whose word counts, and of which chat it is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gateway_worker.connections.messages.timers import Timers
from gateway_worker.connections.people.identities import Identities
from gateway_worker.whatsapp.groups import GroupChanged, GroupMember, GroupNotification
from gateway_worker.whatsapp.incoming import ReceivedMessage, Sender
from gateway_worker.whatsapp.people import ContactCheck
from gateway_worker.whatsapp.timers import Timer
from schemas.addresses import Jid
from schemas.content.content import Text
from tests.support.connections.virtual_time import virtual
from tests.support.connections.world import ANNA, MAPPINGS, command, world

BERT = Jid("15550002222@s.whatsapp.net")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY, WEEK = 86_400, 604_800


def _message(at: datetime, timer: Timer) -> ReceivedMessage:
    return ReceivedMessage(
        message_id="3EB0AA",
        chat=BERT,
        sender=Sender(jid=BERT),
        from_me=False,
        is_group=False,
        timestamp=int(at.timestamp()),
        content=Text(text="hi"),
        timer=timer,
    )


def test_a_clock_that_is_fast_does_not_outdo_who_sets_the_timer_after_it() -> None:
    timers = Timers(ANNA, Identities(MAPPINGS))
    fast = Timer(seconds=DAY, changed_at=int((NOON + timedelta(hours=5)).timestamp()))
    timers.learn(timers.timers_in(_message(NOON, fast), NOON))
    timers.learn(timers.set_by_us(BERT, WEEK, NOON + timedelta(minutes=1)))
    known = timers.of(BERT)
    assert known is not None
    assert known.seconds == WEEK


def test_a_groups_timer_is_what_whatsapp_tells_and_not_what_a_member_writes() -> None:
    group, own = "120363000@g.us", "15550001111@s.whatsapp.net"
    timers = Timers(ANNA, Identities(MAPPINGS), lambda: (own, "99@lid"))
    written = replace(_message(NOON, Timer(seconds=DAY)), chat=group, is_group=True)
    assert timers.timers_in(written, NOON) == ()
    by = [GroupMember(jid="99@lid"), GroupMember(jid=BERT), None]
    seen = [
        GroupNotification(
            notification_id=str(number),
            group_id=group,
            by=who,
            push_name=None,
            timestamp=int(NOON.timestamp()),
            changes=[GroupChanged(disappearing=WEEK)],
        )
        for number, who in enumerate(by)
    ]
    events = [timers.of_group(each, NOON)[0].timers[0].event for each in seen]
    assert [each.get("fromMe") for each in events] == [True, False, None]
    assert {each["disappearingSeconds"] for each in events} == {WEEK}


@virtual
async def test_a_timer_is_set_in_the_chat_as_whatsapp_writes_its_number() -> None:
    number, dialled = "551187654321@s.whatsapp.net", "+5511987654321"

    async def contact(phone: str) -> ContactCheck:
        return ContactCheck(phone=phone, exists=True, jid=number)

    async with world() as w:
        await w.connected()
        w.engine.contact = contact
        wanted = command("chat.disappearing.v1", ANNA, {"to": dialled, "seconds": DAY})
        await w.manager.of(ANNA).set_disappearing(wanted)
        assert [message.to for message in w.engine.sent] == [number]
        (seen,) = [event for kind, event in w.storage.events if kind == "chat.updated.v1"]
        assert (seen["chat"], seen["disappearingSeconds"]) == (number, DAY)
