"""Disappearing chats, and what leaves: real Baileys at the session, phones that are strict."""

from collections.abc import Callable
from typing import Any

from tests.e2e.conftest import Member, Phone, World
from tests.support.backend import Document

DAY, WEEK, QUARTER = 86_400, 604_800, 7_776_000


async def _accepted(world: World, member: Member, kind: str, data: Document) -> Document:
    reply = await world.backend.ask(kind, member.session_id, data)
    assert reply["type"] == "command.accepted.v1", reply
    return reply["data"]


async def _send(world: World, member: Member, to: str, text: str, **more: Any) -> str:
    data = {"to": to, "content": {"kind": "text", "text": text}, **more}
    return (await _accepted(world, member, "message.send.v1", data))["messageId"]


def _of(member: Member, **fields: Any) -> Callable[[Document], bool]:
    def met(event: Document) -> bool:
        data = event["data"]
        return event["subject"] == member.session_id and all(data.get(name) == fields[name] for name in fields)

    return met


async def test_a_persons_timer_is_heard_told_kept_to_and_set(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    await world.phones.post(f"/phones/{ben.number}/disappearing", {"to": ana.phone.number, "seconds": DAY})
    changed = await world.backend.event("chat.updated.v1", _of(ana, chat=ben.jid))
    assert changed["data"]["disappearingSeconds"] == DAY
    assert (changed["data"]["sender"]["jid"], changed["data"]["fromMe"], changed["data"]["isGroup"]) == (
        ben.jid,
        False,
        False,
    )
    heard = await world.phones.send(ben, ana.phone.number, "goes")
    received = await world.backend.event("message.received.v1", _of(ana, messageId=heard))
    assert received["data"]["disappearingSeconds"] == DAY

    inherits = await _send(world, ana, ben.number, "goes too")
    week = await _send(world, ana, ben.number, "a week", disappearingSeconds=WEEK)
    stays = await _send(world, ana, ben.number, "stays", disappearingSeconds=0)
    inbox = {entry["messageId"]: entry for entry in await world.phones.inbox(ben, 3)}
    seen = [inbox[each].get("disappearingSeconds") for each in (inherits, week, stays)]
    assert seen == [DAY, WEEK, None]

    await _accepted(world, ana, "chat.disappearing.v1", {"to": ben.number, "seconds": QUARTER})
    ours = await world.backend.event("chat.updated.v1", _of(ana, chat=ben.jid, disappearingSeconds=QUARTER))
    assert ours["data"]["fromMe"] is True
    answer = await world.phones.send(ben, ana.phone.number, "as you like")
    heard_again = await world.backend.event("message.received.v1", _of(ana, messageId=answer))
    assert heard_again["data"]["disappearingSeconds"] == QUARTER, "the phone took it over"
    described = await world.backend.ask("message.describe.v1", ana.session_id, {"messageId": inherits})
    assert described["data"]["result"]["expiresAt"]

    await world.phones.post(f"/phones/{ana.phone.number}/disappearing", {"to": ben.number, "seconds": WEEK})
    own = await world.backend.event("chat.updated.v1", _of(ana, chat=ben.jid, disappearingSeconds=WEEK))
    assert own["data"]["fromMe"] is True, "the account's own phone has set it"
    after = await _send(world, ana, ben.number, "as my phone has it")
    inbox = {entry["messageId"]: entry for entry in await world.phones.inbox(ben, 4)}
    assert inbox[after]["disappearingSeconds"] == WEEK
    assert (await world.phones.stats())["dropped"] == 0


async def _begun_with(world: World, member: Member, seconds: int) -> tuple[Phone, str]:
    """Somebody new, to whom the first message goes after `seconds`: nothing else shows that the phone has said so."""
    while True:
        person = await world.phones.give("New")
        sent = await _send(world, member, person.number, "hello")
        (entry,) = await world.phones.inbox(person, 1)
        if entry.get("disappearingSeconds") == seconds:
            return person, sent


async def test_a_chat_that_begins_takes_the_accounts_timer_of_new_chats_and_an_old_one_does_not(world: World) -> None:
    phone, old = await world.phones.give("Ana"), await world.phones.give("Ben")
    await world.phones.send(old, phone.number, "long ago")
    await world.phones.inbox(phone, 1)
    await world.phones.post(f"/phones/{phone.number}/new-chats", {"seconds": WEEK})
    ana = Member(session_id=world.new_session_id(), phone=phone)
    await world.create(ana.session_id)
    await world.scan(ana.session_id, phone)
    await world.named(ana.session_id, "Ana")

    new, first = await _begun_with(world, ana, WEEK)
    changed = await world.backend.event("chat.updated.v1", _of(ana, chat=new.jid))
    assert (changed["data"]["disappearingSeconds"], changed["data"]["fromMe"]) == (WEEK, True)
    described = await world.backend.ask("message.describe.v1", ana.session_id, {"messageId": first})
    assert described["data"]["result"]["expiresAt"]
    again = await _send(world, ana, new.number, "again")
    assert {e["messageId"]: e["disappearingSeconds"] for e in await world.phones.inbox(new, 2)}[again] == WEEK
    answer = await world.phones.send(new, phone.number, "hello you")
    heard = await world.backend.event("message.received.v1", _of(ana, messageId=answer))
    assert heard["data"]["disappearingSeconds"] == WEEK, "the other phone took it over"

    stays = await _send(world, ana, old.number, "as it was")
    assert {e["messageId"]: e.get("disappearingSeconds") for e in await world.phones.inbox(old, 1)} == {stays: None}
    await world.phones.post(f"/phones/{phone.number}/new-chats", {"seconds": DAY})
    await _begun_with(world, ana, DAY)
    unlike = await _send(world, ana, new.number, "as it began")
    assert {e["messageId"]: e["disappearingSeconds"] for e in await world.phones.inbox(new, 3)}[unlike] == WEEK


async def test_a_groups_timer_likewise(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    group = (
        await world.phones.post("/groups", {"owner": ben.number, "subject": "G", "participants": [ana.phone.number]})
    )["groupId"]
    await world.phones.post(f"/phones/{ben.number}/disappearing", {"to": group, "seconds": WEEK})
    changed = await world.backend.event("chat.updated.v1", _of(ana, chat=group))
    assert (changed["data"]["disappearingSeconds"], changed["data"]["isGroup"]) == (WEEK, True)
    sent = await _send(world, ana, group, f"@{ben.number[1:]} hello", mentions=[ben.number])
    (entry,) = await world.phones.inbox(ben, 1)
    assert (entry["messageId"], entry["disappearingSeconds"]) == (sent, WEEK)
    assert "notUnderstood" not in entry
    (mentioned,) = entry["mentions"]
    assert entry["content"]["text"] == f"@{mentioned.partition('@')[0]} hello"
    answer = await world.phones.send(
        ben, group, f"@{ana.phone.number[1:]} yes", quote={"messageId": sent}, mentions=[ana.phone.number]
    )
    received = (await world.backend.event("message.received.v1", _of(ana, messageId=answer)))["data"]
    assert (received["content"]["text"], received["mentions"]) == (f"@{ana.phone.number[1:]} yes", [ana.phone.jid])
    quoting = await _send(world, ana, group, "so be it", quote={"messageId": answer})
    assert {e["messageId"]: e for e in await world.phones.inbox(ben, 2)}[quoting].get("notUnderstood") is None
    await _accepted(world, ana, "chat.disappearing.v1", {"to": group, "seconds": 0})
    assert (await world.phones.group(group))["disappearingSeconds"] == 0
