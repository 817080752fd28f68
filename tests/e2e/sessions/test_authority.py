"""Who a message is of, and who may change it: strangers choose their ids, and send what WhatsApp would not let them."""

from typing import Any

from tests.e2e.conftest import Member, World
from tests.e2e.messages.test_groups import a_group, act, say
from tests.e2e.messages.test_kinds import as_it_stands, event_about
from tests.support.backend import Document
from tests.support.whatsapp.phones import Phone


async def raw(world: World, phone: Phone, to: str, protocol: dict[str, Any]) -> None:
    """A message as no client of WhatsApp's would let it leave."""
    content = {"kind": "raw", "message": {"protocolMessage": protocol}}
    await world.phones.post(f"/phones/{phone.number}/send", {"to": to, "content": content})


def changes(world: World, member: Member, message_id: str) -> list[Document]:
    kinds = ("message.edited.v1", "message.revoked.v1", "message.reaction.v1")
    events = world.backend.of(member.session_id)
    return [each for each in events if each["type"] in kinds and each["data"]["messageId"] == message_id]


async def test_a_change_counts_in_its_chat_and_from_whom_may(world: World, pair: tuple[Member, Member]) -> None:
    ana, ben = pair
    dan, eve = await world.phones.give("Dan"), await world.phones.give("Eve")
    group = await a_group(world, ana, ben.phone, dan, eve)
    written = await world.phones.send(dan, group, "I pay 100")
    received = await event_about(world, "message.received.v1", ana, written)
    author = received["data"]["sender"]["lid"]

    key = {"remoteJid": group, "id": written, "participant": author}
    edit = {"type": "MESSAGE_EDIT", "editedMessage": {"conversation": "I pay 1"}}
    for forged in ({"key": {"id": written, "fromMe": True, "remoteJid": ana.phone.jid}, **edit}, {"key": key, **edit}):
        await raw(world, eve, ana.phone.number, forged)
    await raw(world, eve, group, {"key": key, **edit})
    await raw(world, eve, group, {"key": key, "type": "REVOKE"})
    after = await world.phones.send(eve, group, "that was me")
    await event_about(world, "message.received.v1", ana, after)
    in_chat = await world.phones.send(eve, ana.phone.number, "and that")
    await event_about(world, "message.received.v1", ana, in_chat)
    assert changes(world, ana, written) == []
    shown = await as_it_stands(world, ana, written, lambda shown: "content" in shown)
    assert (shown["content"]["text"], "editedAt" in shown) == ("I pay 100", False)
    forwarded = await act(world, ana, "forward", group, messageId=written)
    (copy,) = [each for each in await world.phones.inbox(dan, at_least=1) if each["messageId"] == forwarded]
    assert copy["content"]["text"] == "I pay 100"

    await event_about(world, "message.received.v1", ben, written)
    revocation = await world.backend.publish("message.revoke.v1", ben.session_id, {"to": group, "messageId": written})
    failed = await world.status(revocation, "failed")
    assert failed["data"]["error"]["code"] == "command.invalid", "Ben is no admin of the group"
    await world.backend.ask(
        "group.participants.v1",
        ana.session_id,
        {"groupId": group, "action": "promote", "participants": [eve.number]},
    )
    await raw(world, eve, group, {"key": key, "type": "REVOKE"})
    revoked = await event_about(world, "message.revoked.v1", ana, written)
    assert revoked["data"]["sender"]["phone"] == eve.number
    gone = await as_it_stands(world, ana, written, lambda shown: "revokedAt" in shown)
    assert "content" not in gone


async def test_two_who_write_under_one_id_are_both_heard_and_ours_goes_out(
    world: World, pair: tuple[Member, Member]
) -> None:
    ana, ben = pair
    dan, eve = await world.phones.give("Dan"), await world.phones.give("Eve")
    chosen = "3EB0C05E1C05E1C05E1C05"
    for phone in (dan, eve):
        await world.phones.send(phone, ana.phone.number, f"I am {phone.name}", messageId=chosen)
        await world.backend.event(
            "message.received.v1",
            lambda e, who=phone: e["subject"] == ana.session_id and e["data"]["sender"].get("phone") == who.number,
        )
    for phone in (dan, eve):
        asked = {"messageId": chosen, "chat": phone.number}
        reply = await world.backend.ask("message.describe.v1", ana.session_id, asked)
        assert reply["data"]["result"]["content"]["text"] == f"I am {phone.name}"
        reaction = {"to": phone.number, "messageId": chosen, "emoji": "x"}
        command = await world.backend.publish("message.react.v1", ana.session_id, reaction)
        await world.status(command, "delivered")
        reply = await world.backend.ask("message.describe.v1", ana.session_id, asked)
        assert len(reply["data"]["result"]["reactions"]) == 1

    group = await a_group(world, ana, ben.phone, dan)
    said = await say(world, ana, group, "hello")
    await world.phones.send(dan, ana.phone.number, "I have seen this id", messageId=said)
    await world.backend.event(
        "message.received.v1", lambda e: e["subject"] == ana.session_id and e["data"]["messageId"] == said
    )
    shown = await as_it_stands(world, ana, said, lambda shown: "content" in shown)
    assert (shown["content"]["text"], shown["direction"]) == ("hello", "outgoing")
