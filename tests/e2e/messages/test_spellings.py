"""A number that WhatsApp writes another way than the backend: one person, one chat."""

import base64
from collections.abc import Sequence

import pytest

from tests.e2e.conftest import World
from tests.support.backend import Document
from tests.support.whatsapp.phones import Phone

# WhatsApp's own spelling, the backend's, and what the simulator has to be told of it.
KINDS = pytest.mark.parametrize(
    ("number", "dialled", "found"),
    [
        ("+551187654{}", "+5511987654{}", ()),
        ("+5491123456{}", "+541123456{}", ()),
        ("+5215512345{}", "+525512345{}", ()),
        ("+447700900{}", "+447700901{}", ("+447700901731",)),
    ],
)


async def _result(world: World, session_id: str, kind: str, **data: object) -> Document:
    reply = await world.backend.ask(kind, session_id, data)
    assert reply["type"] == "command.result.v1", reply
    return reply["data"]["result"]


async def _done(world: World, session_id: str, kind: str, **data: object) -> None:
    command = await world.backend.publish(kind, session_id, data)
    status = await world.status(command, "sent")
    assert status["data"]["status"] == "sent", status


@KINDS
async def test_every_spelling_of_a_number_is_one_chat(
    world: World, number: str, dialled: str, found: Sequence[str]
) -> None:
    ana = await world.paired("Ana")
    number, dialled = number.format(731), dialled.format(731)
    ben = Phone(number, "Ben")
    jid = (await world.phones.post("/phones", {"phone": number, "name": "Ben", "spellings": list(found)}))["jid"]
    assert jid == f"{number[1:]}@s.whatsapp.net"

    names = [dialled, number, f"{dialled[1:]}@s.whatsapp.net", jid]
    commands = [
        await world.backend.publish(
            "message.send.v1", ana.session_id, {"to": names[at % 4], "content": {"kind": "text", "text": str(at)}}
        )
        for at in range(12)
    ]
    inbox = await world.phones.inbox(ben, at_least=12)
    assert [message["content"]["text"] for message in inbox] == [str(at) for at in range(12)]
    for at, command in enumerate(commands):
        sent = (await world.status(command, "sent"))["data"]
        assert (sent["to"], sent["chat"]) == (names[at % 4], jid)
        assert (await world.status(command, "delivered"))["data"]["chat"] == jid

    answer = await world.phones.send(ben, ana.phone.number, "so I am")
    received = await world.backend.event("message.received.v1", lambda event: event["data"]["messageId"] == answer)
    assert received["data"]["chat"] == jid
    first = inbox[0]["messageId"]
    for name in (dialled, number):
        page = await _result(world, ana.session_id, "message.history.v1", chat=name)
        assert page["messages"][0]["messageId"] == answer
        assert (len(page["messages"]), {message["chat"] for message in page["messages"]}) == (13, {jid})
        read = await world.backend.ask("message.read.v1", ana.session_id, {"chat": name, "messageIds": [answer]})
        assert read["type"] == "command.accepted.v1", read
        await _done(world, ana.session_id, "message.react.v1", to=name, messageId=answer, emoji="👍")
        changed = {"kind": "text", "text": f"edited as {name}"}
        await _done(world, ana.session_id, "message.edit.v1", to=name, messageId=first, content=changed)
        await world.backend.ask("chat.presence.v1", ana.session_id, {"to": name, "state": "typing"})
        async with world.phones.http.get(f"/phones/{number}") as response:
            shown = (await response.json())["chatStates"]
        assert [state["chat"] for state in shown] == [ana.phone.jid]
    await _done(world, ana.session_id, "message.revoke.v1", to=dialled, messageId=first)

    group = await world.phones.make_group(ben, "Spelt", ana.phone)
    mention = {"to": group, "content": {"kind": "text", "text": f"so says @{dialled[1:]}"}, "mentions": [dialled]}
    named = await world.status(await world.backend.publish("message.send.v1", ana.session_id, mention), "sent")
    (shown,) = [
        entry
        for entry in await world.phones.inbox(ben, at_least=13)
        if entry["messageId"] == named["data"]["messageId"]
    ]
    lid = (await world.phones.person(ben))["lid"]
    assert (shown["mentions"], shown["content"]["text"]) == ([lid], f"so says @{lid.split('@')[0]}")

    await world.phones.post(f"/phones/{number}/picture", {"base64": base64.b64encode(b"\xff\xd8\xff").decode()})
    picture = await _result(world, ana.session_id, "contact.picture.v1", to=dialled)
    assert (picture["state"], picture["jid"]) == ("shown", jid)
    seen = [event["data"]["chat"] for event in world.backend.of(ana.session_id, "presence.updated.v1")]
    assert set(seen) <= {jid}
