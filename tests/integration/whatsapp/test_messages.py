"""Messages and receipts in both directions, over the real bridge and real encryption."""

import asyncio
import random

import pytest

from gateway_worker.whatsapp.errors import KeysInvalid, NotConnected, OutcomeUnknown, RecipientUnknown, Refused
from gateway_worker.whatsapp.facts import Disconnected, ReceiptArrived, ReceiptKind, SendFailed
from gateway_worker.whatsapp.incoming import ReceivedMessage
from gateway_worker.whatsapp.outgoing import MessageRef, Original
from gateway_worker.whatsapp.people import PresenceState
from gateway_worker.whatsapp.port import Changes
from schemas.content.content import Text, Unsupported
from tests.support.whatsapp.engine import Lab, lab, say
from tests.support.whatsapp.phones import Phone


async def test_a_text_reaches_a_phone_and_its_receipt_us(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")

    message_id, acknowledged = await say(connection, bob, "Hello")

    assert acknowledged.timestamp > 1_000_000_000
    [arrived] = await shared.phones.inbox(bob, 1)
    assert arrived["content"]["text"] == "Hello"
    assert arrived["messageId"] == message_id
    receipt = await session.owner.next(ReceiptArrived)
    assert (receipt.message_ids, receipt.chat, receipt.kind) == ([message_id], bob.jid, ReceiptKind.DELIVERED)
    await shared.phones.read(bob, message_id)
    receipt = await session.owner.next(ReceiptArrived, 2)
    assert receipt.kind is ReceiptKind.READ
    await connection.close()


async def test_the_plaintext_is_stored_with_the_ratchet_that_sent_it(shared: Lab) -> None:
    session, connection = await shared.connected()
    message_id, _ = await say(connection, await shared.phones.give(), "kept")
    [commit] = [commit for commit in session.owner.commits if message_id in commit.sent]
    assert any(kind == "session" for kind, _ in commit.keys)
    assert b"kept" in commit.sent[message_id]
    await connection.close()


async def test_a_text_from_a_phone_is_described_and_stored_with_its_ratchet(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")

    message_id = await shared.phones.send(bob, session.phone.jid, "Hi there")
    await session.owner.until(lambda: "Hi there" in session.owner.texts())

    [commit] = [c for c in session.owner.commits if any(e.key.message_id == message_id for e in c.entries)]
    assert any(kind == "session" for kind, _ in commit.keys)
    message = commit.entries[0].message
    assert isinstance(message, ReceivedMessage)
    assert (message.message_id, message.chat, message.from_me, message.is_group) == (message_id, bob.jid, False, False)
    assert message.sender.phone == bob.number
    assert message.sender.push_name == "Bob"
    assert message.content == Text(text="Hi there")
    await connection.close()


async def test_quotes_and_mentions_travel_both_ways(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    asked = await shared.phones.send(bob, session.phone.jid, "a question")
    await session.owner.until(lambda: "a question" in session.owner.texts())
    plaintext = next(e.plaintext for e in session.owner.entries.values() if e.key.message_id == asked)

    original = Original(message_id=asked, sender=bob.jid, from_me=False, plaintext=plaintext)
    answered, _ = await say(connection, bob, "an answer", original=original, mentions=[bob.jid])

    [arrived] = await shared.phones.inbox(bob, 1)
    assert arrived["quote"]["messageId"] == asked
    assert arrived["mentions"] == [bob.jid]
    await shared.phones.send(
        bob, session.phone.jid, "thanks", quote={"messageId": answered}, mentions=[session.phone.jid]
    )
    await session.owner.until(lambda: "thanks" in session.owner.texts())
    messages = [e.message for e in session.owner.entries.values() if isinstance(e.message, ReceivedMessage)]
    message = next(each for each in messages if each.content == Text(text="thanks"))
    assert message.quoted_id == answered
    assert message.mentions == [session.phone.jid]
    await connection.close()


async def test_a_new_connection_goes_on_in_the_old_ratchets() -> None:
    """After each login Baileys asks for a contact's devices, and would start a new ratchet with each of them."""
    async with lab() as own:
        session, connection = await own.connected()
        bob = await own.phones.give("Bob")
        await own.phones.send(bob, session.phone.jid, "hello")
        await session.owner.until(lambda: "hello" in session.owner.texts())
        await say(connection, bob, "hello")
        await connection.close()

        connection = await session.connect()
        await say(connection, bob, "here again")
        await own.phones.inbox(bob, 2)
        assert own.ratchets(bob) == [1, 1], "with the session and with its phone"
        assert (await own.phones.stats())["decryptFailures"] == 0
        await connection.close()


async def test_what_our_own_phone_sends_is_from_me(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    await shared.phones.send(session.phone, bob.jid, "from the phone")
    await session.owner.until(lambda: "from the phone" in session.owner.texts())
    message = next(e.message for e in session.owner.entries.values() if e.message)
    assert message.from_me
    assert message.chat == bob.jid
    assert message.sender.phone == session.phone.number
    await connection.close()


async def test_what_a_session_stored_is_delivered_though_it_does_not_appear_online(shared: Lab) -> None:
    ana, from_ana = await shared.connected("Ana")
    bob, from_bob = await shared.connected("Bob", mark_online=False)
    await shared.phones.offline(bob.phone)
    await from_bob.send_presence("", PresenceState.UNAVAILABLE)
    message_id, _ = await say(from_ana, bob.phone, "are you there?")
    receipt = await ana.owner.next(ReceiptArrived)
    assert (receipt.message_ids, receipt.kind) == ([message_id], ReceiptKind.DELIVERED)
    await from_ana.close()
    await from_bob.close()


async def test_a_number_that_is_not_on_whatsapp_is_told(shared: Lab) -> None:
    _, connection = await shared.connected()
    with pytest.raises(RecipientUnknown):
        await say(connection, Phone("+19998887777", "Nobody"), "hello?")
    known = await shared.phones.give()
    found = await connection.check_contacts([known.number, "+19998887777"])
    assert [(contact.phone, contact.exists, contact.jid) for contact in found] == [
        (known.number, True, known.jid),
        ("+19998887777", False, None),
    ]
    await connection.close()


async def test_reading_and_presence_reach_whatsapp(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    message_id = await shared.phones.send(bob, session.phone.jid, "read me")
    await session.owner.until(lambda: "read me" in session.owner.texts())
    before = (await shared.phones.stats())["receipts"]
    await connection.send_presence(bob.jid, PresenceState.TYPING)
    await connection.send_presence("", PresenceState.AVAILABLE)
    await connection.mark_read([MessageRef(message_id=message_id, chat=bob.jid)])
    await connection.check_contacts([bob.number])  # an answer: everything before it has arrived
    assert (await shared.phones.stats())["receipts"] > before
    await connection.close()


async def test_a_refusal_carries_whatsapps_code(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    await shared.phones.fault("nack", session.phone, code=463)
    with pytest.raises(Refused) as refusal:
        await say(connection, bob, "no")
    assert refusal.value.code == "463"
    await say(connection, bob, "yes")  # the connection goes on
    await connection.close()


async def test_keys_that_do_not_verify_are_no_refusal_and_nothing_leaves(shared: Lab) -> None:
    _, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    await shared.phones.fault("bad_prekeys", bob)
    with pytest.raises(KeysInvalid, match="the signature of a prekey is not valid"):
        await say(connection, bob, "in vain")
    await shared.phones.fault("bad_prekeys", bob, count=0)  # clears it
    await say(connection, bob, "and again")  # the connection goes on
    assert [each["content"]["text"] for each in await shared.phones.inbox(bob, 1)] == ["and again"]
    await connection.close()


async def test_no_acknowledgement_is_an_unknown_outcome() -> None:
    async with lab(ack_deadline=0.5) as own:
        session, connection = await own.connected()
        bob = await own.phones.give("Bob")
        await own.phones.fault("mute", session.phone, count=1)
        with pytest.raises(OutcomeUnknown):
            await say(connection, bob, "anybody?")
        await connection.close()


async def test_a_late_refusal_is_told() -> None:
    async with lab(ack_deadline=5) as own:  # on a busy machine the first message takes its time
        session, connection = await own.connected()
        bob = await own.phones.give("Bob")
        await say(connection, bob, "first")
        await own.phones.fault("nack", session.phone, code=479, after=6.0)
        with pytest.raises(OutcomeUnknown):
            await say(connection, bob, "second")
        assert (await session.owner.next(SendFailed)).code == "479"
        await connection.close()


async def test_a_lost_connection_leaves_sends_unknown_or_undone(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    await shared.phones.fault("mute", session.phone, count=1)
    waiting = asyncio.create_task(say(connection, bob, "on its way"))
    await shared.phones.inbox(bob, 1)
    await shared.phones.fault("drop", session.phone)
    with pytest.raises(OutcomeUnknown):
        await waiting
    await session.owner.next(Disconnected, 2)
    with pytest.raises(NotConnected):
        await say(connection, bob, "too late")


async def test_a_chat_under_slow_storage_loses_nothing_and_reuses_no_counter() -> None:
    dice = random.Random(7)

    async def slowly(_: Changes) -> None:
        await asyncio.sleep(dice.uniform(0.001, 0.005))

    async with lab() as own:
        session, connection = await own.connected()
        session.owner.before_commit = slowly
        bob = await own.phones.give("Bob")

        async def ours() -> None:
            for number in range(30):
                await say(connection, bob, f"ours {number}")

        async def theirs() -> None:
            for number in range(30):
                await own.phones.send(bob, session.phone.jid, f"theirs {number}")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ours())
            tasks.create_task(theirs())
        arrived = await own.phones.inbox(bob, 30)
        await session.owner.until(lambda: len(session.owner.texts()) >= 30)
        stats = await own.phones.stats()
        await connection.close()
    assert {entry["content"]["text"] for entry in arrived} == {f"ours {number}" for number in range(30)}
    assert session.owner.texts() == [f"theirs {number}" for number in range(30)]
    assert stats["reusedCounters"] == stats["decryptFailures"] == stats["retries"] == 0


async def test_messages_that_waited_at_whatsapp_arrive_once(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    await connection.close()
    for number in range(5):
        await shared.phones.send(bob, session.phone.jid, f"waiting {number}")
    connection = await session.connect()
    await session.owner.until(lambda: len(session.owner.texts()) >= 5)
    assert session.owner.texts() == [f"waiting {number}" for number in range(5)]
    await connection.close()


async def test_a_message_that_cannot_be_decrypted_is_asked_for_again() -> None:
    async with lab() as own:
        session, connection = await own.connected()
        bob = await own.phones.give("Bob")
        await say(connection, bob, "hello")
        await own.phones.send(bob, session.phone.jid, "before")
        await session.owner.until(lambda: "before" in session.owner.texts())
        await connection.close()
        for key in [key for key in session.owner.keys if key[0] == "session"]:
            del session.owner.keys[key]

        connection = await session.connect()
        await own.phones.send(bob, session.phone.jid, "after the loss")
        await session.owner.until(lambda: "after the loss" in session.owner.texts())
        assert session.owner.texts() == ["before", "after the loss"]
        await connection.close()


async def test_what_a_stranger_made_senseless_arrives_as_unsupported_and_stops_nobody(shared: Lab) -> None:
    session, connection = await shared.connected()
    bob = await shared.phones.give("Bob")
    before = len(session.owner.facts_of(Disconnected))
    nowhere = {"locationMessage": {"degreesLatitude": "NaN", "degreesLongitude": 1e9}}
    for message in (nowhere, {"conversation": "half\0a text"}):
        content = {"kind": "raw", "message": message}
        await shared.phones.post(f"/phones/{bob.number}/send", {"to": session.phone.jid, "content": content})
    await session.owner.until(lambda: "half\ufffda text" in session.owner.texts())
    messages = [e.message for e in session.owner.entries.values() if isinstance(e.message, ReceivedMessage)]
    assert messages[0].content == Unsupported(whatsapp_type="locationMessage")
    assert len(session.owner.facts_of(Disconnected)) == before
    await connection.close()
