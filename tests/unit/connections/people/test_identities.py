"""A person's number and LID are two names of one chat and one queue."""

import asyncio
from datetime import UTC, datetime
from typing import cast

import pytest

from gateway_worker.connections.incoming.group_notifications import group_arrivals
from gateway_worker.connections.incoming.messages import arrival
from gateway_worker.connections.people.identities import MAX_PEOPLE, Identities
from gateway_worker.whatsapp.baileys.identity import MAPPING_KIND, mappings
from gateway_worker.whatsapp.facts import ReceiptArrived, ReceiptKind
from gateway_worker.whatsapp.groups import GroupChanged, GroupMember, GroupNotification
from gateway_worker.whatsapp.incoming import Entry, EntryKey, ReceivedMessage, Sender
from gateway_worker.whatsapp.outgoing import Acknowledged, OutgoingMessage, SentMessage
from gateway_worker.whatsapp.port import Changes
from schemas.addresses import Jid
from schemas.commands.session_settings import MediaOptions
from schemas.content.content import Text
from schemas.errors import MessageNotFound
from tests.support.connections.virtual_time import VirtualClock, virtual
from tests.support.connections.world import ANNA, BERT, MAPPINGS, World, command, text, world

BERTS_JID = f"{BERT[1:]}@s.whatsapp.net"
BERTS_LID = "42000042@lid"
MAPPED = {(MAPPING_KIND, "42000042_reverse"): b"\x0315550002222", (MAPPING_KIND, "15550002222"): b"\x0342000042"}


def test_each_pair_of_keys_is_one_mapping_and_nonsense_is_none() -> None:
    keys = {
        "42000042_reverse": b"\x0315550002222",
        "15550002222": b"\x0342000042",
        "7_reverse": b"\x00{}",
        "8_reverse": b"",
    }
    assert mappings(keys) == {BERTS_LID: BERTS_JID}


def test_the_people_in_memory_are_bounded() -> None:
    people = Identities(MAPPINGS)
    people.learn({f"{number}@lid": f"{number}@s.whatsapp.net" for number in range(MAX_PEOPLE + 1)})
    assert people.chat_of(Jid("0@lid")) == "0@lid"
    assert people.chat_of(Jid(f"{MAX_PEOPLE}@lid")) == f"{MAX_PEOPLE}@s.whatsapp.net"


async def history(w: World, chat: str) -> list[str]:
    page = await w.manager.queries.list_messages(command("message.history.v1", ANNA, {"chat": chat}))
    return [message.message_id for message in page.messages]


@virtual
async def test_what_goes_to_a_lid_waits_for_what_went_to_its_number() -> None:
    async def slow(_: OutgoingMessage) -> Acknowledged:
        await asyncio.sleep(5)
        return Acknowledged(timestamp=int(VirtualClock().now().timestamp()))

    async with world() as w:
        w.storage.keys.keys[ANNA] |= MAPPED  # from an earlier owner
        await w.connected()
        w.engine.answers = [slow, slow]
        sending = [w.start_sending(text(body, to=to)) for body, to in (("1", BERT), ("2", BERTS_LID), ("3", BERTS_JID))]
        ids = await asyncio.gather(*sending)
        assert [message.to for message in w.engine.sent] == [BERTS_JID] * 3
        assert [message.message_id for message in w.engine.sent] == ids
        for name in (BERT, BERTS_JID, BERTS_LID):
            assert set(await history(w, name)) == set(ids)


@virtual
async def test_a_chat_of_a_lid_is_joined_to_its_number_as_soon_as_that_is_known() -> None:
    async with world() as w:
        await w.connected()
        before = await w.send(text(to=BERTS_LID))
        with pytest.raises(MessageNotFound):
            await w.send(command("message.react.v1", ANNA, {"to": BERT, "messageId": before, "emoji": "x"}))
        await w.engine.last.commit(Changes(keys=MAPPED))
        await w.send(command("message.react.v1", ANNA, {"to": BERT, "messageId": before, "emoji": "x"}))
        after = await w.send(text(to=BERT))
        assert await history(w, BERTS_LID) == await history(w, BERT) == [after, before]


@virtual
async def test_a_message_on_its_way_to_a_lid_stays_in_the_chat_that_was_joined_meanwhile() -> None:
    async def slow(_: OutgoingMessage) -> Acknowledged:
        await w.engine.last.commit(Changes(keys=MAPPED))
        return Acknowledged(timestamp=int(VirtualClock().now().timestamp()))

    async with world() as w:
        await w.connected()
        w.engine.answers = [slow]
        sent = await w.send(text(to=BERTS_LID))
        assert w.storage.messages.rows[sent].chat == BERTS_JID
        assert await history(w, BERTS_LID) == await history(w, BERT) == [sent]


@virtual
async def test_a_sender_is_told_with_every_name_that_is_known() -> None:
    async with world() as w:
        await w.connected()
        await w.engine.last.commit(Changes(keys=MAPPED))
        for number, jid in enumerate((BERTS_JID, BERTS_LID)):
            message = ReceivedMessage(
                message_id=f"3EB0{number}",
                chat=jid,
                sender=Sender(jid=jid, phone=BERT if jid == BERTS_JID else None),
                from_me=False,
                is_group=False,
                timestamp=1_795_000_000,
                content=Text(text="hi"),
                mentions=[BERTS_LID, "9@lid"],
            )
            key = EntryKey(chat=jid, sender=jid, message_id=message.message_id, index=0)
            await w.engine.last.commit(Changes(entries=[Entry(key=key, plaintext=b"p", message=message)]))
        seen = [event for kind, event in w.storage.events if kind == "message.received.v1"]
        assert [event["chat"] for event in seen] == [BERTS_JID, BERTS_JID]
        assert [event["sender"] for event in seen] == [
            {"jid": BERTS_JID, "lid": BERTS_LID, "phone": BERT},
            {"jid": BERTS_JID, "lid": BERTS_LID, "phone": BERT},
        ]
        assert [event["mentions"] for event in seen] == [[BERTS_JID, "9@lid"]] * 2


def message_in(chat: str, message_id: str) -> Entry:
    """Whoever has this chat writes in it."""
    message = ReceivedMessage(
        message_id=message_id,
        chat=chat,
        sender=Sender(jid=chat),
        from_me=False,
        is_group=False,
        timestamp=1_795_000_000,
        content=Text(text="hi"),
    )
    return Entry(key=EntryKey(chat=chat, sender=chat, message_id=message_id, index=0), plaintext=b"p", message=message)


@virtual
async def test_what_came_under_one_name_of_a_person_is_read_under_the_other() -> None:
    async with world() as w:
        await w.connected()
        read = command("message.read.v1", ANNA, {"chat": BERT, "messageIds": ["3EB0AA"]})
        await w.engine.last.commit(Changes(entries=[message_in(BERTS_LID, "3EB0AA")]))
        await w.manager.of(ANNA).mark_read(read)  # nobody has told us whose LID it is
        await w.engine.last.commit(Changes(keys=MAPPED))
        await w.manager.of(ANNA).mark_read(read)
        await w.manager.of(ANNA).mark_read(
            command("message.read.v1", ANNA, {"chat": BERTS_LID, "messageIds": ["3EB0AA"]})
        )
        assert [each.message_id for each in w.engine.last.read] == ["3EB0AA"] * 3
        carls = command("message.read.v1", ANNA, {"chat": "+15550003333", "messageIds": ["3EB0AA"]})
        with pytest.raises(MessageNotFound):
            await w.manager.of(ANNA).mark_read(carls)


def test_a_number_with_and_without_the_digit_of_mobiles_is_one_person() -> None:
    people = Identities(MAPPINGS)
    with_nine, without = Jid("5511987654321@s.whatsapp.net"), Jid("551187654321@s.whatsapp.net")
    assert people.may_be_one(with_nine, without)
    assert not people.may_be_one(with_nine, Jid("551187654322@s.whatsapp.net"))


@virtual
async def test_a_message_is_given_again_to_its_own_chat_and_to_no_other() -> None:
    async with world() as w:
        w.storage.keys.keys[ANNA] |= MAPPED
        await w.connected()
        sent = await w.send(text(to=BERT))
        await w.engine.last.commit(Changes(sent={sent: b"proto"}))
        for chat in (None, BERTS_JID, BERTS_LID, "77@lid"):  # the last may be a LID of his that nobody has told us
            assert await w.engine.last.owner.load_sent(sent, chat=chat) == SentMessage(plaintext=b"proto")
        for chat in ("15550003333@s.whatsapp.net", "120363000000000001@g.us", "status@broadcast"):
            assert await w.engine.last.owner.load_sent(sent, chat=chat) is None


async def test_news_of_a_group_are_known_again_when_more_is_known_of_who_made_them() -> None:
    now = datetime(2026, 11, 26, tzinfo=UTC)
    seen = [
        GroupNotification(
            group_id="120363001@g.us",
            notification_id="1",
            by=by,
            push_name=None,
            timestamp=1_795_000_000,
            changes=[GroupChanged(subject="Tea")],
        )
        for by in (GroupMember(jid=BERTS_LID, lid=BERTS_LID), GroupMember(jid=BERTS_JID, lid=BERTS_LID, phone=BERT))
    ]
    first, again = [(await group_arrivals(ANNA, each, now))[0] for each in seen]
    assert first.message_id == again.message_id
    assert first.sender in again.senders


@pytest.mark.parametrize("number", ["0", "99912345678"])
def test_a_sender_whose_number_no_plan_has_is_heard_all_the_same(number: str) -> None:
    sender = Sender(jid="42000042@lid", lid="42000042@lid", phone=f"+{number}")
    message = ReceivedMessage(
        message_id="3EB0AA",
        chat=sender.jid,
        sender=sender,
        from_me=False,
        is_group=False,
        timestamp=1,
        content=Text(text="Hello"),
    )
    now = datetime(2026, 11, 26, tzinfo=UTC)
    seen = arrival(ANNA, message, now, MediaOptions(), names_of=lambda jid: frozenset((jid,))).event
    assert cast("dict[str, str]", seen["sender"])["jid"] == f"{number}@s.whatsapp.net"


@virtual
async def test_a_participant_is_told_by_the_number_once_it_is_known_whose_the_lid_is() -> None:
    async with world() as w:
        await w.connected()
        group, given = Jid("120363000000000001@g.us"), text(to="120363000000000001@g.us")
        message_id = await w.send(given)

        async def receipt(who: str, kind: ReceiptKind) -> None:
            await w.engine.last.notify(
                ReceiptArrived(
                    message_ids=[message_id], chat=group, participant=who, kind=kind, timestamp=1_795_000_000
                )
            )

        await receipt(BERTS_LID, ReceiptKind.DELIVERED)
        await w.engine.last.commit(Changes(keys=MAPPED))
        await receipt(BERTS_LID, ReceiptKind.DELIVERED)
        await receipt(BERTS_LID, ReceiptKind.READ)
        await receipt(BERTS_JID, ReceiptKind.READ)
        seen = [(data["status"], data.get("participant")) for _, data in w.storage.events if "commandId" in data]
        assert seen == [("sent", None), ("delivered", BERTS_LID), ("read", BERTS_JID)]
