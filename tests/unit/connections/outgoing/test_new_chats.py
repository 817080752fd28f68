"""A chat that begins with one of ours takes the account's timer of new chats, if it is known that it is new."""

from collections.abc import Sequence

from gateway_worker.whatsapp.facts import NewChatsTimed
from gateway_worker.whatsapp.past import HistoryPart
from gateway_worker.whatsapp.people import ContactCheck
from gateway_worker.whatsapp.timers import ReportedChatTimer, Timer
from schemas.names import MessageId
from tests.support.connections.virtual_time import virtual
from tests.support.connections.world import BERT, World, text, world

CARLA, GROUP = "+15550003333", "120363000@g.us"
ME_JID, BERT_JID, CARLA_JID = (f"{each[1:]}@s.whatsapp.net" for each in ("+15550001111", BERT, CARLA))
DAY, WEEK = 86_400, 604_800


async def _listed(w: World, *others: str) -> None:
    timers = [ReportedChatTimer(chat=each, timer=Timer(seconds=0)) for each in (ME_JID, *others)]
    await w.engine.last.owner.store_history(HistoryPart(timers=timers))


def _timers(w: World) -> Sequence[tuple[str, Timer | None]]:
    return [(each.to, each.timer) for each in w.engine.sent]


def _updates(w: World) -> Sequence[tuple[object, object, object]]:
    events = [data for kind, data in w.storage.events if kind == "chat.updated.v1" and data]
    return [(data["chat"], data["disappearingSeconds"], data["fromMe"]) for data in events]


@virtual
async def test_a_first_message_takes_it_and_says_why_and_the_second_is_like_it() -> None:
    async with world() as w:
        await w.connected()
        await _listed(w)
        await w.engine.last.notify(NewChatsTimed(seconds=WEEK))
        first = await w.send(text(to=BERT))
        await w.send(text(to=BERT))
        (_, begins), (_, goes_on) = _timers(w)
        assert begins is not None
        assert goes_on is not None
        assert (begins.seconds, begins.by_me, begins.of_new_chats) == (WEEK, True, True)
        assert (goes_on.seconds, goes_on.changed_at, goes_on.of_new_chats) == (WEEK, begins.changed_at, False)
        assert _updates(w) == [(BERT_JID, WEEK, True)]
        assert w.storage.messages.rows[MessageId(first)].expires_at is not None


@virtual
async def test_what_is_not_new_stays_as_it_is() -> None:
    async with world() as w:
        await w.connected()
        await w.send(text(to=CARLA))
        await w.engine.last.notify(NewChatsTimed(seconds=WEEK))
        await w.send(text(to=BERT))
        assert [timer for _, timer in _timers(w)] == [None, None], "nobody has listed the chats yet"
        await _listed(w, "15550004444@s.whatsapp.net")
        for to in (CARLA, "+15550004444", GROUP):
            await w.send(text(to=to))
        assert [timer for _, timer in _timers(w)][2:] == [None, None, None]
        assert _updates(w) == []


@virtual
async def test_two_that_begin_a_chat_at_once_begin_it_once() -> None:
    async with world() as w:
        await w.connected()
        await _listed(w)
        await w.engine.last.notify(NewChatsTimed(seconds=DAY))
        for sending in [w.start_sending(text(to=BERT)) for _ in range(3)]:
            await sending
        assert [None if timer is None else timer.seconds for _, timer in _timers(w)] == [DAY, DAY, DAY]
        assert _updates(w) == [(BERT_JID, DAY, True)]


@virtual
async def test_a_number_that_is_written_otherwise_leads_to_its_chat_and_so_to_its_timer() -> None:
    number = "551187654321@s.whatsapp.net"

    async def contact(phone: str) -> ContactCheck:
        return ContactCheck(phone=phone, exists=True, jid=number)

    async with world() as w:
        await w.connected()
        await _listed(w)
        await w.engine.last.notify(NewChatsTimed(seconds=WEEK))
        timed = [ReportedChatTimer(chat=number, timer=Timer(seconds=DAY, changed_at=1_790_000_000))]
        await w.engine.last.owner.store_history(HistoryPart(timers=timed))
        w.engine.contact = contact
        await w.send(text(to="+5511987654321"))
        assert [(to, timer and timer.seconds) for to, timer in _timers(w)] == [(number, DAY)]
