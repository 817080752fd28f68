"""Texts, receipts, retries and offline queues between the unmodified Baileys and the simulated phones."""

from tests.integration.simulator.companion import baileys
from tests.integration.simulator.conftest import World


async def test_a_companions_text_is_decrypted_by_the_phone_confirmed_and_read(world: World) -> None:
    ann, bob = await world.person("Ann"), await world.person("Bob")
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        message_id = await companion.send(f"{bob}@s.whatsapp.net", "hello Bob")
        assert "error" not in await companion.ack(message_id)
        delivered = await companion.receipt(message_id)
        assert delivered["from"] == f"{bob}@s.whatsapp.net"
        (entry,) = await world.inbox(bob)
        assert entry["messageId"] == message_id
        assert entry["chat"] == entry["sender"] == f"{ann}@s.whatsapp.net"
        assert entry["content"] == {"kind": "text", "text": "hello Bob"}
        assert entry["copies"] == 1
        await world.post(f"/phones/{bob}/read", messageId=message_id)
        await companion.receipt(message_id, "read")
        (copy,) = await world.get(f"/phones/{ann}/outbox?wait=5")
        assert (copy["messageId"], copy["device"], copy["chat"]) == (message_id, 1, f"{bob}@s.whatsapp.net")
        assert await world.get(f"/phones/{ann}/inbox") == []
    assert await world.stat("decryptFailures") == 0


async def test_a_phones_text_with_quote_and_mention_reaches_the_companion_and_its_receipts_come_back(
    world: World,
) -> None:
    ann, bob = await world.person("Ann"), await world.person("Bob")
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        first = await companion.send(f"{bob}@s.whatsapp.net", "how are you?")
        await world.inbox(bob)
        mention = f"{ann}@s.whatsapp.net"
        reply = await world.text(bob, ann, f"fine, @{ann}", quote={"messageId": first}, mentions=[f"+{ann}"])
        event = await companion.received(reply)
        text = event["message"]["extendedTextMessage"]
        assert text["text"] == f"fine, @{ann}"
        assert text["contextInfo"]["stanzaId"] == first
        assert text["contextInfo"]["participant"] == f"{ann}@s.whatsapp.net"
        assert text["contextInfo"]["quotedMessage"]["extendedTextMessage"]["text"] == "how are you?"
        assert text["contextInfo"]["mentionedJid"] == [mention]
        await companion.call("read", keys=[event["key"]])
        assert await _status(world, bob, reply, "read")
        (kept,) = await world.inbox(ann)  # the own phone has it too
        assert kept["quote"]["messageId"] == first
        assert kept["mentions"] == [mention]


async def _status(world: World, phone: str, message_id: str, status: str) -> bool:
    """Whether a sent message gets that far."""
    kept = world.simulator.core.world.accounts[phone].primary.messages[message_id]
    kind = {"delivered": "delivery"}.get(status, status)
    await world.simulator.wait_until(lambda: kind in [receipt.type for receipt in kept.receipts], 10)
    (entry,) = [entry for entry in await world.get(f"/phones/{phone}/outbox") if entry["messageId"] == message_id]
    return entry["status"] == status


async def test_what_a_person_types_on_the_phone_is_copied_to_the_companion(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        message_id = await world.text(ann, bob, "from my phone")
        event = await companion.received(message_id)
        assert event["key"]["fromMe"]
        assert event["key"]["remoteJid"] == f"{bob}@s.whatsapp.net"


async def test_two_companions_talk_by_number_and_by_lid_and_every_device_gets_it(world: World) -> None:
    ann, bob = await world.person("Ann"), await world.person("Bob")
    async with baileys(world.simulator) as a, baileys(world.simulator) as b, baileys(world.simulator) as b2:
        await world.pair(a, ann)
        await world.pair(b, bob)
        await world.pair(b2, bob)
        by_number = await a.send(f"{bob}@s.whatsapp.net", "by number")
        lid = (await world.get(f"/phones/{bob}"))["lid"]
        by_lid = await a.send(lid, "by lid")
        for device in (b, b2):
            await device.received(by_number)
            event = await device.received(by_lid)
            assert event["key"]["remoteJidAlt"] == f"{ann}@s.whatsapp.net"
        await a.receipt(by_number)
        answer = await b.send(f"{ann}@s.whatsapp.net", "answer")
        assert (await a.received(answer))["message"]["extendedTextMessage"]["text"] == "answer"
        assert (await b2.received(answer))["key"]["fromMe"]
        assert [entry["messageId"] for entry in await world.inbox(bob, 2)] == [by_number, by_lid]
    for figure in ("decryptFailures", "retries", "unknownDevices", "malformed", "badSignatures", "unknownIqs"):
        assert await world.stat(figure) == 0, figure


async def test_a_companion_that_cannot_decrypt_gets_the_message_again(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        await companion.received(await world.text(bob, ann, "first"))
        await companion.send(f"{bob}@s.whatsapp.net", "answered: from now on the phone sends msg, not pkmsg")
        await world.inbox(bob)
        await companion.call("forget")
        lost = await world.text(bob, ann, "again please")
        assert (await companion.received(lost))["message"]["conversation"] == "again please"
    assert await world.stat("retries") >= 1


async def test_a_phone_that_cannot_decrypt_asks_again_and_reads_the_resend(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        await companion.send(f"{bob}@s.whatsapp.net", "first")
        await world.inbox(bob)
        await companion.received(await world.text(bob, ann, "so that msg follows"))
        phone = world.simulator.core.world.accounts[bob].primary
        phone.signal.forget_sessions(f"{ann}.1")
        lost = await companion.send(f"{bob}@s.whatsapp.net", "again please")
        entries = await world.inbox(bob, 2)
        assert (entries[1]["messageId"], entries[1]["content"]["text"]) == (lost, "again please")
        assert await world.stat("decryptFailures") >= 1
        assert await world.stat("retries") >= 1


async def test_messages_for_an_offline_companion_wait_and_come_in_order(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        await companion.call("end")
        await world.simulator.wait_until(lambda: world.simulator.open_connections == 0, 5)
        sent = [await world.text(bob, ann, f"while you were away {number}") for number in range(120)]
        assert await world.stat("queued") == len(sent)
        await companion.call("connect")
        await companion.event("offline", lambda event: event["count"] == str(len(sent)))
        for message_id in sent:
            await companion.received(message_id)
        came = [
            event["key"]["id"]
            for event in companion.events
            if event["event"] == "message" and event["type"] == "append"
        ]
        assert [message_id for message_id in came if message_id in set(sent)] == sent
        await world.simulator.wait_until(lambda: not world.simulator.core.world.accounts[ann].devices[1].queue, 5)
        assert await world.stat("queued") == 0


async def test_messages_for_an_offline_phone_wait_and_are_confirmed_later(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        await world.post(f"/phones/{bob}/offline")
        message_id = await companion.send(f"{bob}@s.whatsapp.net", "are you there?")
        await companion.ack(message_id)
        assert await world.get(f"/phones/{bob}/inbox") == []
        assert (await world.post(f"/phones/{bob}/read", status=409, messageId=message_id))["code"] == "phone.offline"
        await world.post(f"/phones/{bob}/online")
        await world.inbox(bob)
        await companion.receipt(message_id)


async def test_contacts_presence_and_the_small_queries_are_answered(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    async with baileys(world.simulator) as a:
        await world.pair(a, ann)
        found = (await a.call("check", phones=[bob, "19990001111"]))["found"]
        assert found == [{"jid": f"{bob}@s.whatsapp.net", "exists": True}]  # Baileys leaves out who is not there
        await a.call("rotate")
        await a.call("digest")
        privacy = await a.call("privacy")
        assert privacy["privacy"]["readreceipts"] == "all"
        await a.call("presence", state="composing", to=f"{bob}@s.whatsapp.net")
        await world.simulator.wait_until(lambda: bool(world.simulator.core.world.accounts[bob].primary.chat_states), 5)
        (state,) = (await world.get(f"/phones/{bob}"))["chatStates"]
        assert (state["chat"], state["state"]) == (f"{ann}@s.whatsapp.net", "typing")
        await a.call("subscribe", to=f"{bob}@s.whatsapp.net")
        await world.post(f"/phones/{bob}/presence", to=f"+{ann}", state="recording")
        await a.event("presence", lambda event: "recording" in str(event["presences"]))
    assert await world.stat("unknownIqs") == 0


async def test_app_state_written_by_one_companion_reaches_the_other(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    async with baileys(world.simulator) as first, baileys(world.simulator) as second:
        await world.pair(first, ann)
        await world.pair(second, ann)
        message_id = await first.send(f"{bob}@s.whatsapp.net", "x")
        key = {"remoteJid": f"{bob}@s.whatsapp.net", "fromMe": True, "id": message_id}
        await first.call("archive", chat=f"{bob}@s.whatsapp.net", key=key, timestamp=1)
        await second.event("chats", lambda event: any(chat.get("archived") for chat in event["chats"]))


async def test_a_group_message_is_read_by_companions_and_phones(world: World) -> None:
    ann, bob, eve = await world.person("Ann"), await world.person("Bob"), await world.person("Eve")
    async with baileys(world.simulator) as a, baileys(world.simulator) as b:
        await world.pair(a, ann)
        await world.pair(b, bob)
        group = await a.call("group", subject="us", participants=[f"{p}@s.whatsapp.net" for p in (bob, eve)])
        message_id = await a.send(group["id"], "hello all")
        event = await b.received(message_id)
        assert event["key"]["remoteJid"] == group["id"]
        again = await a.send(group["id"], "and again")
        for phone in (bob, eve):
            entries = await world.inbox(phone, 2)
            assert [entry["messageId"] for entry in entries] == [message_id, again]
            assert {entry["chat"] for entry in entries} == {group["id"]}
        answer = await b.send(group["id"], "hello Ann")
        await a.received(answer)
    assert await world.stat("decryptFailures") == 0
