"""People: their pictures, calls and presence; and what they see of us."""

import base64
from collections.abc import Callable

import aiohttp

from tests.e2e.conftest import Member, World
from tests.support.backend import Document

_PICTURE = b"\xff\xd8\xff\xe0 a picture \xff\xd9"


def _of(member: Member, **values: object) -> Callable[[Document], bool]:
    """Whether an event is of this session and has these values in its data."""
    return lambda event: (
        event["subject"] == member.session_id
        and all(event["data"].get(name) == value for name, value in values.items())
    )


async def _picture(world: World, member: Member, to: str) -> Document:
    reply = await world.backend.ask("contact.picture.v1", member.session_id, {"to": to})
    assert reply["type"] == "command.result.v1", reply
    return reply["data"]["result"]


async def test_a_picture_is_found_by_number_and_by_lid(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    assert await _picture(world, ana, ben.number) == {"to": ben.number, "jid": ben.jid, "state": "none"}

    shown = await world.phones.post(f"/phones/{ben.number}/picture", {"base64": base64.b64encode(_PICTURE).decode()})
    for address in (ben.number, ben.jid, shown["lid"]):
        picture = await _picture(world, ana, address)
        assert (picture["state"], picture["to"]) == ("shown", address)
        assert picture["id"]
        async with world.phones.http.get(picture["url"], ssl=False) as file:
            assert await file.read() == _PICTURE

    await world.phones.post(f"/phones/{ben.number}/picture", {"base64": ""})
    assert (await _picture(world, ana, ben.number))["state"] == "none"


async def test_a_picture_of_nobody_is_refused(world: World) -> None:
    ana = await world.paired("Ana")
    reply = await world.backend.ask("contact.picture.v1", ana.session_id, {"to": "+15550999997"})
    assert (reply["type"], reply["data"]["code"]) == ("command.rejected.v1", "message.recipient_unknown")


async def test_a_call_is_told_once_and_rings_on(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    call = await world.phones.post(f"/phones/{ben.number}/call", {"to": ana.phone.number, "video": True})
    found = await world.backend.event("call.received.v1", _of(ana, callId=call["callId"]))
    assert found["data"]["from"]["phone"] == ben.number
    assert found["data"]["from"]["jid"] == ben.jid
    assert (found["data"]["video"], found["data"]["rejected"]) == (True, False)
    assert int(found["sequence"]) > 0

    await world.phones.post(f"/phones/{ben.number}/hang-up", {"callId": call["callId"]})  # nobody has declined it
    await world.phones.send(ben, ana.phone.number, "you were away")
    await world.backend.event("message.received.v1", _of(ana, chat=ben.jid))
    assert len(world.backend.of(ana.session_id, "call.received.v1")) == 1
    ended = await world.backend.event("call.ended.v1", _of(ana, callId=call["callId"]))
    assert (ended["data"]["outcome"], ended["data"]["missed"], ended["data"]["from"]["jid"]) == (
        "missed",
        True,
        ben.jid,
    )


async def test_a_call_is_declined_by_a_command(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    call = await world.phones.post(f"/phones/{ben.number}/call", {"to": ana.phone.number})
    await world.backend.event("call.received.v1", _of(ana, callId=call["callId"]))
    reply = await world.backend.ask("call.reject.v1", ana.session_id, {"callId": call["callId"]})
    assert reply["type"] == "command.accepted.v1"
    ended = await world.backend.event("call.ended.v1", _of(ana, callId=call["callId"]))
    assert (ended["data"]["outcome"], ended["data"]["missed"]) == ("rejected", False)
    assert [each["state"] for each in await _calls(world, ben.number)] == ["rejected"]
    reply = await world.backend.ask("call.reject.v1", ana.session_id, {"callId": "NOBODY"})
    assert reply["data"]["code"] == "call.not_found"


async def test_a_session_that_rejects_calls_declines_them(world: World) -> None:
    ana = await world.paired("Ana", options={"rejectCalls": True})
    ben = await world.phones.give("Ben")
    call = await world.phones.post(f"/phones/{ben.number}/call", {"to": ana.phone.number})
    found = await world.backend.event("call.received.v1", _of(ana, callId=call["callId"]))
    assert (found["data"]["video"], found["data"]["rejected"]) == (False, True)
    while (await _calls(world, ben.number))[0]["state"] == "ringing":
        await world.backend.ask("contact.check.v1", ana.session_id, {"phones": [ben.number]})
    assert (await _calls(world, ben.number))[0]["state"] == "rejected"


async def test_a_call_that_came_while_the_session_was_away_is_told_when_it_is_back(mortal_world: World) -> None:
    world = mortal_world
    ana, ben = await world.paired("Ana", options={"rejectCalls": True}), await world.phones.give("Ben")
    await world.worker.stop()
    call = await world.phones.post(f"/phones/{ben.number}/call", {"to": ana.phone.number})
    world.worker = await world.stage.start_worker("worker-001")
    found = await world.backend.event("call.received.v1", _of(ana, callId=call["callId"]))
    assert found["data"]["rejected"] is False  # it may long be over


async def _calls(world: World, number: str) -> list[Document]:
    async with world.phones.http.get(f"/phones/{number}/calls") as response:
        return await response.json()


async def _show(world: World, member: Member, to: str, state: str, **more: object) -> None:
    reply = await world.backend.ask("chat.presence.v1", member.session_id, {"to": to, "state": state, **more})
    assert reply["type"] == "command.accepted.v1", reply


async def test_what_others_do_is_told_and_asked_for_again_after_a_reconnect(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    await _show(world, ana, ben.number, "available", subscribe=True)
    found = await world.backend.event("presence.updated.v1", _of(ana, state="available"))
    assert (found["data"]["chat"], "sequence" in found) == (ben.jid, False)

    for state in ("typing", "recording", "paused"):
        await world.phones.post(f"/phones/{ben.number}/presence", {"to": ana.phone.number, "state": state})
        await world.backend.event("presence.updated.v1", _of(ana, chat=ben.jid, state=state))
    await world.phones.offline(ben)
    await world.backend.event("presence.updated.v1", _of(ana, chat=ben.jid, state="unavailable"))

    seen = len(world.backend.events)
    await world.backend.ask("session.restart.v1", ana.session_id)
    await world.backend.state(ana.session_id, "connected", after=seen)
    await world.backend.until(  # WhatsApp answers each subscription with how things are
        lambda: any(
            event["type"] == "presence.updated.v1" and _of(ana, chat=ben.jid, state="unavailable")(event)
            for event in world.backend.events[seen:]
        ),
        "nobody was asked for again",
    )


async def test_who_is_shown_typing_is_followed(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    await _show(world, ana, ben.number, "typing")
    await world.backend.event("presence.updated.v1", _of(ana, chat=ben.jid, state="available"))


async def test_a_session_appears_online_only_if_it_is_to(world: World) -> None:
    for appears in (True, False):
        ana = await world.paired("Ana", options={"markOnline": appears})
        await world.backend.ask("contact.check.v1", ana.session_id, {"phones": [ana.phone.number]})
        async with world.phones.http.get(f"/phones/{ana.phone.number}") as response:
            companions = (await response.json())["companions"]
        assert [each["available"] for each in companions] == [appears]


async def test_read_receipts_are_sent_only_if_they_are_to(world: World) -> None:
    for reads in (True, False):
        ana, ben = await world.paired("Ana", options={"readReceipts": reads}), await world.phones.give("Ben")
        message_id = await world.phones.send(ben, ana.phone.number, "read me")
        await world.backend.event("message.received.v1", _of(ana, messageId=message_id))
        data = {"chat": ben.number, "messageIds": [message_id]}
        read = await world.backend.ask("message.read.v1", ana.session_id, data)
        assert read["type"] == "command.accepted.v1", read
        await world.send(ana, ben, "done")  # arrives after the receipt, which left before it on the same socket
        await world.phones.inbox(ben, at_least=1)
        assert await _status_at(world.phones.http, ben.number, message_id) == ("read" if reads else "delivered")


async def _status_at(http: aiohttp.ClientSession, number: str, message_id: str) -> str:
    async with http.get(f"/phones/{number}/outbox") as response:
        entries: list[Document] = await response.json()
    return next(entry["status"] for entry in entries if entry["messageId"] == message_id)


async def test_numbers_are_checked_in_the_order_asked_with_their_repetitions(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    nobody = "+15550999996"
    asked = [nobody, ben.number, ana.phone.number, ben.number, *[nobody] * 46]
    reply = await world.backend.ask("contact.check.v1", ana.session_id, {"phones": asked})
    contacts = reply["data"]["result"]["contacts"]
    assert [contact["phone"] for contact in contacts] == asked
    assert [contact["exists"] for contact in contacts] == [phone != nobody for phone in asked]
    assert (contacts[1]["jid"], contacts[1]["lid"][-4:], contacts[1]) == (ben.jid, "@lid", contacts[3])

    too_many = await world.backend.ask("contact.check.v1", ana.session_id, {"phones": [ben.number] * 1_001})
    assert (too_many["data"]["code"], too_many["data"]["detail"]["path"]) == ("command.invalid", "data.phones")
    bad = await world.backend.ask("contact.check.v1", ana.session_id, {"phones": [ben.number, "+1"]})
    assert (bad["data"]["code"], bad["data"]["detail"]["path"]) == ("command.invalid", "data.phones[1]")


async def test_a_text_is_typed_before_it_arrives_if_the_session_is_to_be_natural(world: World) -> None:
    ana = await world.paired("Ana", options={"typing": "natural"})
    ben = await world.phones.give("Ben")
    await world.send(ana, ben, "hello " * 10)
    await world.phones.inbox(ben, at_least=1)
    async with world.phones.http.get(f"/phones/{ben.number}") as response:
        states = (await response.json())["chatStates"]
    assert [(state["chat"], state["state"]) for state in states] == [(ana.phone.jid, "typing")]


async def test_number_and_lid_are_one_chat_and_one_lane(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    checked = await world.backend.ask("contact.check.v1", ana.session_id, {"phones": [ben.number]})
    lid = checked["data"]["result"]["contacts"][0]["lid"]
    names = [ben.number, lid, ben.jid]
    commands = [
        await world.backend.publish(
            "message.send.v1", ana.session_id, {"to": names[turn % 3], "content": {"kind": "text", "text": str(turn)}}
        )
        for turn in range(30)
    ]
    inbox = await world.phones.inbox(ben, at_least=len(commands))
    assert [message["content"]["text"] for message in inbox] == [str(turn) for turn in range(30)]
    for command in commands:
        await world.status(command, "delivered")
    async with world.phones.http.get(f"/phones/{ana.phone.number}") as response:
        own_lid = (await response.json())["lid"]
    answer = await world.phones.send(ben, own_lid, "by LID")
    found = await world.backend.event("message.received.v1", _of(ana, messageId=answer))
    assert found["data"]["chat"] == ben.jid
    assert (found["data"]["sender"]["lid"], found["data"]["sender"]["phone"]) == (lid, ben.number)
    pages = [
        (await world.backend.ask("message.history.v1", ana.session_id, {"chat": name}))["data"]["result"]["messages"]
        for name in names
    ]
    assert pages[0] == pages[1] == pages[2]
    assert [message["messageId"] for message in pages[0]][:1] == [answer]
    assert len(pages[0]) == 31


async def test_the_accounts_own_name_is_learnt_when_it_changes(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.paired("Ben")
    await world.phones.post("/phones", {"phone": ana.phone.number, "name": "Ana Maria"})

    found = await world.backend.event("profile.updated.v1", _of(ana, pushName="Ana Maria"))
    assert found["data"]["changed"] == ["pushName"]
    described = await world.backend.ask("session.describe.v1", ana.session_id)
    assert described["data"]["result"]["name"] == "Ana Maria"
    await world.send(ana, ben.phone, "it is me")
    read = await world.backend.event("message.received.v1", _of(ben, chat=ana.phone.jid))
    assert read["data"]["sender"]["pushName"] == "Ana Maria"
