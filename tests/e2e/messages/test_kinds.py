"""Every kind of message, from one session to another: real Baileys at both ends, events on RabbitMQ."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.conftest import Member, World
from tests.support.backend import Document

CONTENTS: dict[str, dict[str, Any]] = {
    "text": {"kind": "text", "text": "Hello ✓"},
    "link": {
        "kind": "text",
        "text": "see https://example.com/offer",
        "linkPreview": {"url": "https://example.com/offer", "title": "An offer", "description": "For you"},
    },
    "location": {
        "kind": "location",
        "latitude": 52.5163,
        "longitude": -13.3777,
        "name": "The gate",
        "address": "Berlin",
    },
    "contact": {"kind": "contacts", "contacts": [{"name": "Cleo", "phones": ["+15550009999"]}]},
    "contacts": {
        "kind": "contacts",
        "contacts": [
            {
                "name": "Cleo",
                "phones": ["+15550009999", "+15550008888"],
                "organization": "Acme",
                "email": "c@example.org",
            },
            {"name": "Dora", "phones": ["+15550007777"]},
        ],
    },
    "poll": {"kind": "poll", "question": "When?", "options": ["Monday", "Tuesday"], "selectable": 1},
    "poll-of-many": {"kind": "poll", "question": "Which?", "options": ["A", "B", "C"], "selectable": 2},
}


async def send(world: World, member: Member, to: Member, content: dict[str, Any], **more: Any) -> str:
    """Send, and return WhatsApp's id once the message is delivered."""
    return await carry_out(world, "message.send.v1", member, to, content=content, **more)


async def carry_out(world: World, kind: str, member: Member, to: Member, **data: Any) -> str:
    command = await world.backend.publish(kind, member.session_id, {"to": to.phone.number, **data})
    accepted = await world.backend.reply_to(command)
    assert accepted["type"] == "command.accepted.v1", accepted
    await world.status(command, "delivered")
    return accepted["data"]["messageId"]


async def event_about(world: World, event_type: str, member: Member, message_id: str) -> Document:
    """The event at `member` about this message."""
    return await world.backend.event(
        event_type, lambda e: e["subject"] == member.session_id and e["data"]["messageId"] == message_id
    )


async def as_it_stands(
    world: World, member: Member, message_id: str, until: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """What `message.describe` shows, once it shows that."""
    async with asyncio.timeout(60):
        while True:
            reply = await world.backend.ask("message.describe.v1", member.session_id, {"messageId": message_id})
            if until(reply["data"]["result"]):
                return reply["data"]["result"]


@pytest.mark.parametrize("name", CONTENTS)
async def test_a_kind_arrives_as_it_was_sent(world: World, pair: tuple[Member, Member], name: str) -> None:
    ana, ben = pair
    message_id = await send(world, ana, ben, CONTENTS[name])
    received = await event_about(world, "message.received.v1", ben, message_id)
    assert received["data"]["content"] == CONTENTS[name]
    assert received["data"]["sender"]["phone"] == ana.phone.number


async def test_a_file_of_cards_arrives_as_its_people(world: World, pair: tuple[Member, Member]) -> None:
    ana, ben = pair
    name = "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=B6rg"
    coded = f"BEGIN:VCARD\nVERSION:2.1\n{name}\nTEL;CELL:030/202020\nEND:VCARD"
    photo = f"PHOTO;ENCODING=b:{'QUJD' * 9_000}\n QUJD"
    apples = f"BEGIN:VCARD\nVERSION:3.0\nFN:Cleo\n{photo}\nTEL:\u202a112\u202c\nEND:VCARD"
    content = {"kind": "contacts", "contacts": [{"vcard": f"{coded}\n{apples}\n"}]}
    received = await event_about(world, "message.received.v1", ben, await send(world, ana, ben, content))
    assert received["data"]["content"]["contacts"] == [
        {"name": "Jörg Müller", "phones": ["030/202020"], "vcard": coded},
        {"name": "Cleo", "phones": ["112"]},
    ]


async def test_a_message_is_edited_reacted_to_and_revoked(world: World, pair: tuple[Member, Member]) -> None:
    ana, ben = pair
    message_id = await send(world, ana, ben, {"kind": "text", "text": "Helo"})
    await event_about(world, "message.received.v1", ben, message_id)

    await carry_out(world, "message.edit.v1", ana, ben, messageId=message_id, content={"kind": "text", "text": "Hello"})
    edited = await event_about(world, "message.edited.v1", ben, message_id)
    assert edited["data"]["content"] == {"kind": "text", "text": "Hello"}

    for emoji in ("👍", ""):
        await carry_out(world, "message.react.v1", ben, ana, messageId=message_id, emoji=emoji)
        reacted = await world.backend.event(
            "message.reaction.v1",
            lambda e, wanted=(message_id, emoji): (
                e["subject"] == ana.session_id and (e["data"]["messageId"], e["data"]["emoji"]) == wanted
            ),
        )
        assert reacted["data"]["sender"]["phone"] == ben.phone.number

    await carry_out(world, "message.react.v1", ben, ana, messageId=message_id, emoji="🎉")
    for member in (ana, ben):
        shown = await as_it_stands(world, member, message_id, lambda shown: "reactions" in shown)
        assert shown["content"] == {"kind": "text", "text": "Hello"}
        assert "editedAt" in shown
        assert [(each["emoji"], each["fromMe"]) for each in shown["reactions"]] == [("🎉", member is ben)]

    for command, is_pinned in (("message.pin.v1", True), ("message.unpin.v1", False)):
        await carry_out(world, command, ben, ana, messageId=message_id)
        pinned = await world.backend.event(
            "message.pinned.v1",
            lambda e, wanted=(ana.session_id, is_pinned): (e["subject"], e["data"]["pinned"]) == wanted,
        )
        assert ("until" in pinned["data"], pinned["data"]["messageId"]) == (is_pinned, message_id)
        for member in (ana, ben):
            shown = await as_it_stands(
                world, member, message_id, lambda shown, wanted=is_pinned: bool(shown.get("pinned")) is wanted
            )
            assert ("pinnedUntil" in shown) is is_pinned

    await carry_out(world, "message.revoke.v1", ana, ben, messageId=message_id)
    revoked = await event_about(world, "message.revoked.v1", ben, message_id)
    assert revoked["data"]["fromMe"] is False
    for member in (ana, ben):
        shown = await as_it_stands(world, member, message_id, lambda shown: "revokedAt" in shown)
        assert shown.keys().isdisjoint({"content", "reactions"})
    sequences = [
        int(e["sequence"]) for e in world.backend.events if e.get("subject") == ben.session_id and "sequence" in e
    ]
    assert sequences == sorted(set(sequences))


async def test_what_a_stranger_does_to_our_messages_is_not_told(world: World, pair: tuple[Member, Member]) -> None:
    ana, ben = pair
    eve = await world.phones.give("Eve")
    mine = await send(world, ana, ben, {"kind": "text", "text": "mine"})
    key = {"remoteJid": ana.phone.jid, "id": mine, "fromMe": True}
    edited = {"conversation": "not mine"}
    for forged in ({"type": "REVOKE"}, {"type": "MESSAGE_EDIT", "editedMessage": edited}):
        raw = {"kind": "raw", "message": {"protocolMessage": {"key": key, **forged}}}
        await world.phones.post(f"/phones/{eve.number}/send", {"to": ana.phone.number, "content": raw})
    after = await world.phones.send(eve, ana.phone.number, "that was me")
    await event_about(world, "message.received.v1", ana, after)
    kinds = ("message.revoked.v1", "message.edited.v1")
    changes = [e["data"]["messageId"] for e in world.backend.of(ana.session_id) if e["type"] in kinds]
    assert mine not in changes
    shown = await as_it_stands(world, ana, mine, lambda shown: "content" in shown)
    assert shown["content"] == {"kind": "text", "text": "mine"}


async def test_a_forwarded_message_says_so_and_is_the_same(world: World, pair: tuple[Member, Member]) -> None:
    ana, ben = pair
    original = await send(world, ana, ben, CONTENTS["location"])
    await event_about(world, "message.received.v1", ben, original)
    forwarded = await carry_out(world, "message.forward.v1", ben, ana, messageId=original)
    received = await event_about(world, "message.received.v1", ana, forwarded)
    assert received["data"]["content"] == CONTENTS["location"]
    assert received["data"]["forwarded"] is True


async def raw(world: World, member: Member, message: dict[str, Any]) -> Document:
    """What is told of a message that a phone of somebody else's sends."""
    eve = await world.phones.give("Eve")
    body = {"to": member.phone.number, "content": {"kind": "raw", "message": message}}
    sent = await world.phones.post(f"/phones/{eve.number}/send", body)
    return await event_about(world, "message.received.v1", member, sent["messageId"])


async def test_a_business_is_read_with_its_buttons_in_what_wraps_it_and_forwarded_as_its_words(
    world: World, pair: tuple[Member, Member]
) -> None:
    ana, ben = pair
    buttons = [{"index": 0, "quickReplyButton": {"displayText": "Yes", "id": "yes"}}]
    template = {"hydratedContentText": "Your code is 123456", "hydratedFooterText": "Acme", "hydratedButtons": buttons}
    ad = {"externalAdReply": {"title": "Sale", "ctwaClid": "CLICK"}}
    message = {"templateMessage": {"hydratedTemplate": template, "contextInfo": ad}}
    offered = (await raw(world, ana, {"questionMessage": {"message": message}}))["data"]
    content = {"kind": "text", "text": "Your code is 123456\nAcme"}
    yes = {"type": "quick_reply", "id": "yes", "text": "Yes"}
    assert offered["content"] == {**content, "buttons": [yes]}
    assert offered["ad"] == {"title": "Sale", "ctwaClid": "CLICK"}
    assert offered["wrappers"] == ["questionMessage"]

    forwarded = await carry_out(world, "message.forward.v1", ana, ben, messageId=offered["messageId"])
    assert (await event_about(world, "message.received.v1", ben, forwarded))["data"]["content"] == content

    unknown = (await raw(world, ana, {"placeholderMessage": {"type": "MASK_LINKED_DEVICES"}}))["data"]
    assert unknown["content"] == {"kind": "unsupported", "whatsappType": "placeholderMessage"}
    data = {"to": ben.phone.number, "messageId": unknown["messageId"]}
    rejected = await world.backend.ask("message.forward.v1", ana.session_id, data)
    assert (rejected["data"]["code"], rejected["data"]["detail"]["path"]) == ("command.invalid", "data.messageId")
    assert "placeholderMessage" in rejected["data"]["message"]


async def test_what_was_edited_is_quoted_and_forwarded_as_it_says_now_and_what_was_revoked_not_at_all(
    world: World, pair: tuple[Member, Member]
) -> None:
    ana, ben = pair
    original = await send(world, ana, ben, {"kind": "text", "text": "a slip"})
    await event_about(world, "message.received.v1", ben, original)
    now = {"kind": "text", "text": "what was meant"}
    await carry_out(world, "message.edit.v1", ana, ben, messageId=original, content=now)
    await event_about(world, "message.edited.v1", ben, original)

    forwarded = await carry_out(world, "message.forward.v1", ben, ana, messageId=original)
    assert (await event_about(world, "message.received.v1", ana, forwarded))["data"]["content"] == now
    assert (await as_it_stands(world, ben, forwarded, lambda shown: "content" in shown))["content"] == now

    await carry_out(world, "message.revoke.v1", ana, ben, messageId=original)
    await event_about(world, "message.revoked.v1", ben, original)
    about = {"to": ana.phone.number, "messageId": original}
    reply = {"to": ana.phone.number, "content": now, "quote": {"messageId": original}}
    for kind, data in (("message.forward.v1", about), ("message.send.v1", reply)):
        assert (await world.backend.ask(kind, ben.session_id, data))["data"]["code"] == "message.not_found"


async def test_a_vote_is_what_the_poll_shows_at_both_ends_and_the_last_one_counts(
    world: World, pair: tuple[Member, Member]
) -> None:
    ana, ben = pair
    message_id = await send(world, ana, ben, CONTENTS["poll"])
    await event_about(world, "message.received.v1", ben, message_id)

    async def votes(member: Member, options: list[str]) -> None:
        shown = await as_it_stands(
            world, member, message_id, lambda shown: [each["options"] for each in shown.get("votes", [])] == [options]
        )
        assert [each["fromMe"] for each in shown["votes"]] == [member is ben]

    for options in (["Monday"], ["Tuesday"]):
        await carry_out(world, "poll.vote.v1", ben, ana, messageId=message_id, options=options)
        await world.backend.event(
            "poll.vote.v1",
            lambda e, wanted=(ana.session_id, options): (e["subject"], e["data"].get("options")) == wanted,
        )
        await votes(ana, options)
        await votes(ben, options)
    for options, place in ((["Monday", "Tuesday"], "data.options"), (["Friday"], "data.options[0]")):
        data = {"to": ana.phone.number, "messageId": message_id, "options": options}
        refused = (await world.backend.ask("poll.vote.v1", ben.session_id, data))["data"]
        assert (refused["code"], place in str(refused["detail"])) == ("command.invalid", True)


async def test_a_message_that_cannot_be_edited_is_refused_with_its_place(
    world: World, pair: tuple[Member, Member]
) -> None:
    ana, ben = pair
    message_id = await send(world, ana, ben, CONTENTS["text"])
    await event_about(world, "message.received.v1", ben, message_id)
    data = {"to": ana.phone.number, "messageId": message_id, "content": {"kind": "text", "text": "x"}}
    rejected = await world.backend.ask("message.edit.v1", ben.session_id, data)
    assert (rejected["data"]["code"], rejected["data"]["detail"]["path"]) == ("command.invalid", "data.messageId")
    unknown = await world.backend.ask("message.edit.v1", ana.session_id, {**data, "messageId": "3EB0FFFFFFFFFFFF"})
    assert unknown["data"]["code"] == "message.not_found"


async def test_a_chat_has_a_history_and_counts(world: World, pair: tuple[Member, Member]) -> None:
    ana, ben = pair
    sent = [await send(world, ana, ben, {"kind": "text", "text": f"number {number}"}) for number in range(3)]
    for message_id in sent:
        await event_about(world, "message.received.v1", ben, message_id)

    first = await world.backend.ask("message.history.v1", ben.session_id, {"chat": ana.phone.number, "limit": 2})
    rest = {"chat": ana.phone.number, "limit": 1, "cursor": first["data"]["result"]["cursor"]}
    second = await world.backend.ask("message.history.v1", ben.session_id, rest)
    listed = [*first["data"]["result"]["messages"], *second["data"]["result"]["messages"]]
    assert [message["messageId"] for message in listed] == sent[::-1]
    assert listed[0]["content"] == {"kind": "text", "text": "number 2"}

    stats = await world.backend.ask("message.stats.v1", ben.session_id, {})
    counted = [each for each in stats["data"]["result"]["counts"] if each["direction"] == "incoming"]
    assert sum(each["count"] for each in counted if each["kind"] == "text") >= len(sent)
