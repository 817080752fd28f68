import asyncio

from tests.e2e.conftest import World


async def test_a_text_goes_both_ways_and_its_statuses_come_back_in_order(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.paired("Ben")

    command = await world.send(ana, ben.phone, "Hello Ben ✓")
    accepted = await world.backend.reply_to(command)
    received = await world.backend.event(
        "message.received.v1", lambda e: e["subject"] == ben.session_id and not e["data"]["fromMe"]
    )
    await world.status(command, "delivered")
    await world.backend.ask(
        "message.read.v1", ben.session_id, {"chat": ana.phone.number, "messageIds": [received["data"]["messageId"]]}
    )
    await world.status(command, "read")

    assert accepted["type"] == "command.accepted.v1"
    assert received["data"]["messageId"] == accepted["data"]["messageId"]
    assert received["data"]["content"] == {"kind": "text", "text": "Hello Ben ✓"}
    assert received["data"]["sender"]["phone"] == ana.phone.number
    assert received["data"]["sender"]["pushName"] == "Ana"
    assert received["data"]["chat"] == ana.phone.jid
    assert received["data"]["isGroup"] is False
    assert world.backend.statuses(command) == ["sent", "delivered", "read"]
    on_phone = await world.phones.inbox(ben.phone, 1)
    assert [entry["content"]["text"] for entry in on_phone] == ["Hello Ben ✓"]


async def test_a_quote_and_mentions_survive_both_directions(world: World) -> None:
    ana, cleo = await world.paired("Ana"), await world.phones.give("Cleo")
    first = await world.phones.send(cleo, ana.phone.number, "shall we?")
    received = await world.backend.event("message.received.v1", lambda e: e["data"]["messageId"] == first)
    assert received["data"]["chat"] == cleo.jid

    command = await world.send(ana, cleo, f"yes @{cleo.number[1:]}", quote={"messageId": first}, mentions=[cleo.number])
    await world.status(command, "delivered")
    entry = next(e for e in await world.phones.inbox(cleo, 1) if e["content"].get("text", "").startswith("yes"))
    assert entry["quote"]["messageId"] == first
    assert len(entry["mentions"]) == 1

    reply = await world.phones.send(
        cleo, ana.phone.number, "good", quote={"messageId": entry["messageId"]}, mentions=[ana.phone.number]
    )
    answered = await world.backend.event("message.received.v1", lambda e: e["data"]["messageId"] == reply)
    assert answered["data"]["quote"]["messageId"] == entry["messageId"]
    assert len(answered["data"]["mentions"]) == 1


async def test_sent_is_not_told_before_whatsapp_acknowledged(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    await world.phones.fault("mute", ana.phone)

    command = await world.send(ana, ben, "are you there?")
    await world.phones.inbox(ben, 1)  # it has arrived, and still nobody acknowledged it to us

    assert (await world.backend.reply_to(command))["type"] == "command.accepted.v1"
    assert "sent" not in world.backend.statuses(command)


async def test_a_delayed_acknowledgement_delays_sent_and_nothing_else(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    await world.phones.fault("delay", ana.phone, after=2, count=1)

    command = await world.send(ana, ben, "slow")
    await world.phones.inbox(ben, 1)
    assert world.backend.statuses(command) in ([], ["delivered"])
    await world.status(command, "sent")


async def test_whatsapps_refusal_fails_the_message_with_its_code(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    await world.phones.fault("nack", ana.phone, code=463, count=1)

    command = await world.send(ana, ben, "psst")
    failed = await world.status(command, "failed")

    assert failed["data"]["error"]["code"] == "message.rejected_by_whatsapp"
    assert "463" in str(failed["data"]["error"]["detail"])
    assert world.backend.statuses(command) == ["failed"]


async def test_a_number_that_is_not_on_whatsapp_fails_the_message(world: World) -> None:
    ana = await world.paired("Ana")

    command = await world.backend.publish(
        "message.send.v1", ana.session_id, {"to": "+15550999999", "content": {"kind": "text", "text": "?"}}
    )
    failed = await world.status(command, "failed")

    assert failed["data"]["error"]["code"] == "message.recipient_unknown"


async def test_contacts_are_checked_and_presence_is_sent(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")

    checked = await world.backend.ask("contact.check.v1", ana.session_id, {"phones": [ben.number, "+15550999998"]})
    seen = await world.backend.ask("chat.presence.v1", ana.session_id, {"to": ben.number, "state": "typing"})

    there, missing = checked["data"]["result"]["contacts"]
    assert (there["phone"], there["exists"], there["jid"]) == (ben.number, True, ben.jid)
    assert (missing["phone"], missing["exists"]) == ("+15550999998", False)
    assert seen["type"] == "command.accepted.v1"


async def test_a_messages_ledger_can_be_described(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    command = await world.send(ana, ben, "for the record")
    sent = await world.status(command, "delivered")
    message_id = sent["data"]["messageId"]

    described = await world.backend.ask("message.describe.v1", ana.session_id, {"messageId": message_id})
    missing = await world.backend.ask("message.describe.v1", ana.session_id, {"messageId": "3EB0FFFF"})

    result = described["data"]["result"]
    assert (result["messageId"], result["commandId"], result["direction"]) == (message_id, command, "outgoing")
    assert result["status"] in {"delivered", "read"}
    assert missing["data"]["code"] == "message.not_found"


async def test_a_repeated_command_sends_once_and_is_answered_alike(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    data = {"to": ben.number, "content": {"kind": "text", "text": "once"}}

    first = await world.backend.publish("message.send.v1", ana.session_id, data)
    await world.status(first, "sent")
    await world.backend.publish("message.send.v1", ana.session_id, data, command_id=first)
    conflict = await world.backend.publish(
        "message.send.v1", ana.session_id, {**data, "content": {"kind": "text", "text": "other"}}, command_id=first
    )
    assert conflict == first
    await world.backend.until(
        lambda: len([1 for given, _ in world.backend.answers if given == first]) == 3, "three replies"
    )

    replies = [reply for given, reply in world.backend.answers if given == first]
    accepted = [reply for reply in replies if reply["type"] == "command.accepted.v1"]
    assert len({reply["data"]["messageId"] for reply in accepted}) == 1
    assert [r["data"]["code"] for r in replies if r["type"] == "command.rejected.v1"] == ["command.conflict"]
    entries = await world.phones.inbox(ben, 1)
    assert [(entry["content"]["text"], entry["copies"]) for entry in entries] == [("once", 1)]


async def test_messages_to_one_chat_arrive_in_the_order_of_their_commands(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    texts = [f"{number:03}" for number in range(60)]

    commands = [await world.send(ana, ben, text) for text in texts]
    for command in commands:
        await world.status(command, "sent")

    assert [entry["content"]["text"] for entry in await world.phones.inbox(ben, 60)] == texts


async def test_sessions_that_write_to_the_same_person_at_once_do_not_hold_each_other_up(world: World) -> None:
    writers = [await world.paired(name) for name in ("Ana", "Ben", "Cleo")]  # two at least on the same bridge
    dora = await world.paired("Dora")
    commands = [
        command
        for number in range(20)
        for command in await asyncio.gather(*(world.send(each, dora.phone, f"{number}") for each in writers))
    ]
    for command in commands:
        await world.status(command, "delivered")
    assert all(world.backend.statuses(command)[:2] == ["sent", "delivered"] for command in commands)
