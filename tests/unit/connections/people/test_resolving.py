"""However a number is written, it leads to the one chat of that person, in order."""

import asyncio

import pytest

from gateway_worker.connections.people.identities import MAX_PEOPLE, Identities
from gateway_worker.connections.people.spellings import SPELLING_KIND
from gateway_worker.whatsapp.facts import PresenceChanged
from gateway_worker.whatsapp.incoming import Entry, EntryKey, ReceivedMessage, Sender
from gateway_worker.whatsapp.outgoing import Acknowledged, OutgoingMessage
from gateway_worker.whatsapp.people import ContactCheck, PresenceState
from gateway_worker.whatsapp.port import Changes
from schemas.addresses import Jid
from schemas.content.content import Text
from schemas.errors import MessageRecipientUnknown
from schemas.events.contacts import PresenceUpdated
from tests.support.connections.virtual_time import VirtualClock, virtual
from tests.support.connections.world import ANNA, MAPPINGS, World, command, text, world

# WhatsApp's own spelling first; the last pair follows no rule that anybody here knows.
PAIRS = [
    ("+551187654321", "+5511987654321"),
    ("+5491123456789", "+541123456789"),
    ("+5215512345678", "+525512345678"),
    ("+447700900123", "+447700900456"),
]
KINDS = pytest.mark.parametrize(("number", "dialled"), PAIRS)


def jid_of(number: str) -> str:
    return f"{number[1:]}@s.whatsapp.net"


def know(w: World, number: str, delay: float = 0.0) -> None:
    """WhatsApp says of every number that it is this one."""

    async def contact(phone: str) -> ContactCheck:
        await asyncio.sleep(delay)
        return ContactCheck(phone=phone, exists=True, jid=jid_of(number))

    w.engine.contact = contact


async def history(w: World, chat: str) -> list[str]:
    page = await w.manager.queries.list_messages(command("message.history.v1", ANNA, {"chat": chat}))
    return [message.message_id for message in page.messages]


@KINDS
@virtual
async def test_what_goes_to_any_spelling_is_of_the_one_chat(number: str, dialled: str) -> None:
    async with world() as w:
        await w.connected()
        know(w, number)
        sent = [await w.send(text(to=name)) for name in (dialled, number, jid_of(dialled))]
        assert [message.to for message in w.engine.sent] == [jid_of(number)] * 3
        assert {w.storage.messages.rows[each].chat for each in sent} == {jid_of(number)}
        for name in (dialled, number):
            assert sorted(await history(w, name)) == sorted(sent)
        react = {"messageId": sent[0], "emoji": "x"}
        for name in (dialled, number):
            await w.send(command("message.react.v1", ANNA, {"to": name, **react}))
        assert w.engine.asked.count(dialled) == 1


@KINDS
@virtual
async def test_a_chat_is_known_by_every_spelling_on_the_next_worker_too(number: str, dialled: str) -> None:
    async with world() as first:
        await first.connected()
        know(first, number)
        sent = await first.send(text(to=dialled))
        assert first.storage.keys.keys[ANNA][SPELLING_KIND, dialled[1:]] == jid_of(number).encode()
    async with world(storage=first.storage, number=2) as w:
        assert await history(w, dialled) == await history(w, number) == [sent]


@KINDS
@virtual
async def test_nobody_overtakes_a_message_whose_number_is_being_asked_about(number: str, dialled: str) -> None:
    async def slow(_: OutgoingMessage) -> Acknowledged:
        await asyncio.sleep(5)
        return Acknowledged(timestamp=int(VirtualClock().now().timestamp()))

    async with world() as w:
        await w.connected()
        know(w, number)
        await w.send(text(to=number))
        know(w, number, delay=3)
        w.engine.answers = [slow, slow, slow]
        names = (dialled, number, jid_of(dialled), jid_of(number))
        ids = await asyncio.gather(*(w.start_sending(text(str(at), to=name)) for at, name in enumerate(names)))
        assert [message.message_id for message in w.engine.sent[1:]] == ids
        assert w.engine.asked == [number, dialled]


@virtual
async def test_what_others_do_is_told_of_the_chat_and_done_to_it() -> None:
    number, dialled = PAIRS[0]
    async with world() as w:
        await w.connected()
        know(w, number)
        show = command("chat.presence.v1", ANNA, {"to": dialled, "state": "typing"})
        await w.manager.of(ANNA).set_presence(show)
        picture = await w.manager.of(ANNA).get_picture(command("contact.picture.v1", ANNA, {"to": dialled}))
        assert (picture.to, picture.jid) == (dialled, jid_of(number))
        await w.until(lambda: bool(w.engine.last.followed))
        assert (w.engine.last.presences, w.engine.last.followed) == (
            [(jid_of(number), PresenceState.TYPING)],
            [jid_of(number)],
        )
        await w.engine.last.notify(PresenceChanged(chat=jid_of(dialled), state=PresenceState.AVAILABLE))
        await w.until(lambda: any(isinstance(each, PresenceUpdated) for each in w.announcer.announced))
        assert [each.chat for each in w.announcer.announced if isinstance(each, PresenceUpdated)] == [jid_of(number)]


@virtual
async def test_what_comes_from_any_spelling_is_of_the_one_chat() -> None:
    number, dialled = PAIRS[3]
    async with world() as w:
        await w.connected()
        know(w, number)
        await w.send(text(to=dialled))
        message = ReceivedMessage(
            message_id="3EB0AA",
            chat=jid_of(dialled),
            sender=Sender(jid=jid_of(dialled)),
            from_me=False,
            is_group=False,
            timestamp=1_795_000_000,
            content=Text(text="hi"),
        )
        key = EntryKey(chat=message.chat, sender=message.chat, message_id=message.message_id, index=0)
        await w.engine.last.commit(Changes(entries=[Entry(key=key, plaintext=b"p", message=message)]))
        (seen,) = [event for kind, event in w.storage.events if kind == "message.received.v1"]
        assert seen["chat"] == jid_of(number)


def test_receipts_of_a_spelling_count_for_the_chat_once_it_is_known() -> None:
    people = Identities(MAPPINGS)
    people.learn({"42@lid": jid_of(PAIRS[3][0])})
    assert jid_of(PAIRS[3][1]) not in people.all_names("42@lid")
    people.learn_spellings({jid_of(PAIRS[3][1]): jid_of(PAIRS[3][0])})
    names = {"42@lid", jid_of(PAIRS[3][0]), jid_of(PAIRS[3][1])}
    assert all(people.all_names(name) == names for name in names)


def test_the_spellings_in_memory_are_bounded() -> None:
    people = Identities(MAPPINGS)
    people.learn_spellings({f"{number}@s.whatsapp.net": "7@s.whatsapp.net" for number in range(10, MAX_PEOPLE + 11)})
    assert not people.is_settled(Jid("10@s.whatsapp.net"))
    assert people.chat_of(Jid("11@s.whatsapp.net")) == "7@s.whatsapp.net"
    assert len(people.all_names("7@s.whatsapp.net")) == MAX_PEOPLE + 1


@virtual
async def test_a_number_that_is_not_on_whatsapp_fails_its_messages_and_holds_up_no_others() -> None:
    async def nobody(phone: str) -> ContactCheck:
        return ContactCheck(phone=phone, exists=phone == "+15550002222", jid="15550002222@s.whatsapp.net")

    async with world() as w:
        await w.connected()
        w.engine.contact = nobody
        first, second = text(to="+15550009999"), text(to="+15550002222")
        await asyncio.gather(w.start_sending(first), w.start_sending(second))
        assert w.storage.statuses(first.key.id) == ["failed"]
        assert w.storage.statuses(second.key.id) == ["sent"]
        show = command("chat.presence.v1", ANNA, {"to": "+15550009999", "state": "typing"})
        with pytest.raises(MessageRecipientUnknown):
            await w.manager.of(ANNA).set_presence(show)
