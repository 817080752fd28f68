"""Groups by commands: real Baileys at the sessions, checked at the phones and in the events of the others."""

import asyncio
import base64
import io
from typing import Any

from PIL import Image

from tests.e2e.conftest import Member, World
from tests.e2e.messages.asking import of
from tests.e2e.sessions.test_crashes import kill_and_restart
from tests.support import media
from tests.support.backend import Document
from tests.support.whatsapp.phones import Phone


async def ask(world: World, member: Member, verb: str, **data: Any) -> Document:
    """A command about groups; what it was answered."""
    reply = await world.backend.ask(f"group.{verb}.v1", member.session_id, data)
    return reply["data"]


async def result(world: World, member: Member, verb: str, **data: Any) -> Document:
    """The same, for what has a result."""
    answered = await ask(world, member, verb, **data)
    assert "result" in answered, answered
    return answered["result"]


async def accepted(world: World, member: Member, verb: str, **data: Any) -> None:
    """The same, for what has none."""
    answered = await ask(world, member, verb, **data)
    assert "code" not in answered, answered


async def a_group(world: World, member: Member, *people: Phone, subject: str = "Us") -> str:
    made = await result(world, member, "create", subject=subject, participants=[person.number for person in people])
    assert {each["outcome"] for each in made["participants"]} == {"done"}
    return made["groupId"]


async def say(world: World, member: Member, group: str, text: str, **more: Any) -> str:
    """A session writes to a group; WhatsApp's id, once one of the members has it."""
    return await act(world, member, "send", group, content={"kind": "text", "text": text}, **more)


async def act(world: World, member: Member, verb: str, group: str, **data: Any) -> str:
    command = await world.backend.publish(f"message.{verb}.v1", member.session_id, {"to": group, **data})
    reply = await world.backend.reply_to(command)
    assert reply["type"] == "command.accepted.v1", reply
    await world.status(command, "delivered")
    return reply["data"]["messageId"]


async def test_a_group_lives_by_commands(world: World, pair: tuple[Member, Member]) -> None:
    ana, ben = pair
    eve, joe = await world.phones.give("Eve"), await world.phones.give("Joe")
    nobody = "+15559990000"
    made = await result(world, ana, "create", subject="Us", participants=[ben.phone.number, eve.jid, nobody])
    group = made["groupId"]
    assert [(each["participant"], each["outcome"], each["whatsappCode"]) for each in made["participants"]] == [
        (ben.phone.number, "done", "200"),
        (eve.jid, "done", "200"),
        (nobody, "not_found", "404"),
    ]
    assert (await world.phones.group(group))["subject"] == "Us"

    described = await result(world, ben, "describe", groupId=group)
    roles = {each["phone"]: each["role"] for each in described["participants"]}
    assert roles == {ana.phone.number: "superadmin", ben.phone.number: "member", eve.number: "member"}
    assert (described["subject"], described["size"], described["role"]) == ("Us", 3, "member")
    assert described["owner"]["phone"] == ana.phone.number
    assert group in [each["groupId"] for each in (await result(world, ben, "list"))["groups"]]

    await world.phones.post("/faults", {"kind": "refuse_add", "phone": joe.number, "count": 1})
    people = {"groupId": group, "participants": [joe.number, eve.number]}
    added = await result(world, ana, "participants", action="add", **people)
    assert [each["outcome"] for each in added["participants"]] == ["needs_invite", "unchanged"]
    promoted = await result(world, ana, "participants", groupId=group, action="promote", participants=[eve.number])
    assert [each["whatsappCode"] for each in promoted["participants"]] == ["200"]
    await accepted(world, ana, "update", groupId=group, subject="We", description="All of us", locked=True)
    shown = await world.phones.group(group)
    assert (shown["subject"], shown["description"], "locked" in shown["settings"]) == ("We", "All of us", True)

    invite = await result(world, ana, "invite", groupId=group)
    assert invite["link"] == f"https://chat.whatsapp.com/{invite['code']}"
    await accepted(world, ben, "leave", groupId=group)
    assert (await ask(world, ben, "describe", groupId=group))["detail"]["whatsappCode"] == "403"
    assert (await result(world, ben, "join", link=invite["link"])) == {"groupId": group, "pending": False}
    assert (await result(world, ben, "join", code=invite["code"]))["groupId"] == group, "it is in it already"
    fresh = await result(world, ana, "invite", groupId=group, revoke=True)
    assert fresh["code"] != invite["code"]
    assert (await ask(world, ben, "join", code=invite["code"]))["code"] == "message.rejected_by_whatsapp"


async def test_what_may_not_be_is_refused_with_whatsapps_code(world: World, pair: tuple[Member, Member]) -> None:
    ana, ben = pair
    group = await a_group(world, ana, ben.phone)
    refused = await ask(world, ben, "participants", groupId=group, action="remove", participants=[ana.phone.number])
    assert (refused["code"], refused["detail"]) == ("message.rejected_by_whatsapp", {"whatsappCode": "403"})
    unknown = await ask(world, ben, "describe", groupId="120363999999999999@g.us")
    assert (unknown["code"], unknown["detail"]) == ("message.recipient_unknown", {"whatsappCode": "404"})
    alone = await ask(world, ana, "create", subject="Us", participants=["+15559990000"])
    assert alone["code"] == "message.recipient_unknown"


async def test_who_may_not_write_to_a_group_is_told_why(world: World, pair: tuple[Member, Member]) -> None:
    ana, ben = pair
    group = await a_group(world, ana, ben.phone)
    await accepted(world, ana, "update", groupId=group, announcement=True)
    assert await failed(world, ben, group) == ("message.rejected_by_whatsapp", {"whatsappCode": "420"})
    await accepted(world, ben, "leave", groupId=group)
    assert await failed(world, ben, group) == ("message.rejected_by_whatsapp", {"whatsappCode": "403"})
    nowhere = "120363999999999999@g.us"
    assert await failed(world, ben, nowhere) == ("message.recipient_unknown", {"whatsappCode": "404"})


async def failed(world: World, member: Member, group: str) -> tuple[str, Document]:
    """A message that fails: its error."""
    data = {"to": group, "content": {"kind": "text", "text": "Hello?"}}
    command = await world.backend.publish("message.send.v1", member.session_id, data)
    error = (await world.status(command, "failed"))["data"]["error"]
    return error["code"], error["detail"]


async def test_what_a_session_does_to_a_group_itself_is_told_once(world: World, pair: tuple[Member, Member]) -> None:
    ana, ben = pair
    group = await a_group(world, ana, ben.phone, subject="Us")
    await accepted(world, ana, "update", groupId=group, subject="We")
    renamed = await world.backend.event(
        "group.updated.v1", lambda e: (e["subject"], e["data"]["groupId"]) == (ana.session_id, group)
    )
    assert (renamed["data"]["subject"], renamed["data"]["by"]["jid"]) == ("We", ana.phone.jid)
    made = world.backend.of(ana.session_id, "group.participants.v1")
    published = [each["data"] for each in made if each["data"]["groupId"] == group]
    assert [(each["action"], each["includesMe"], each["subject"]) for each in published] == [("add", True, "Us")]


async def test_a_group_that_was_being_made_as_the_worker_died_is_not_made_again(mortal_world: World) -> None:
    world = mortal_world
    ana, eve = await world.paired("Ana"), await world.phones.give("Eve")
    await world.phones.fault("mute_query", ana.phone, count=1)
    data = {"subject": "Half-made", "participants": [eve.number]}

    async def made() -> list[Document]:
        return [group for group in await world.phones.groups() if group["subject"] == "Half-made"]

    command = await world.backend.publish("group.create.v1", ana.session_id, data)
    async with asyncio.timeout(60):
        while not await made():  # noqa: ASYNC110 (a state over HTTP)
            await asyncio.sleep(0.05)
    await kill_and_restart(world)
    reply = await world.backend.reply_to(command)
    assert (reply["type"], reply["data"]["code"]) == ("command.rejected.v1", "command.outcome_unknown")
    again = await world.backend.ask("group.create.v1", ana.session_id, data, command_id=command)
    assert again["data"]["code"] == "command.outcome_unknown"
    (group,) = await made()
    assert [each["groupId"] for each in (await result(world, ana, "list"))["groups"]] == [group["groupId"]]


async def test_people_who_leave_read_no_more_and_those_who_come_read_from_then_on(
    world: World, pair: tuple[Member, Member]
) -> None:
    ana, ben = pair
    eve, joe = await world.phones.give("Eve"), await world.phones.give("Joe")
    group = await a_group(world, ana, ben.phone, eve)
    before = (await world.phones.stats())["retries"]
    await say(world, ana, group, "to Eve")
    await world.phones.inbox(eve, 1)
    await result(world, ana, "participants", groupId=group, action="add", participants=[joe.number])
    await say(world, ana, group, "to Eve and Joe")
    await world.phones.inbox(eve, 2)
    await world.phones.inbox(joe, 1)
    await world.phones.in_group(eve, group, "leave")
    await say(world, ben, group, "Ben to Joe")
    await world.phones.inbox(joe, 2)
    await say(world, ana, group, "to Joe")
    texts = [entry["content"]["text"] for entry in await world.phones.inbox(joe, 3)]
    assert texts == ["to Eve and Joe", "Ben to Joe", "to Joe"]
    assert len(await world.phones.inbox(eve)) == 2
    stats = await world.phones.stats()
    assert (stats["retries"], stats["brokenRatchets"]) == (before, 0)


async def test_a_group_is_written_to_and_answers_with_quotes_and_mentions(
    world: World, pair: tuple[Member, Member]
) -> None:
    ana, ben = pair
    eve = await world.phones.give("Eve")
    group = await a_group(world, ana, ben.phone, eve)
    first = await say(world, ana, group, f"@{eve.number[1:]} hello", mentions=[eve.number])
    (entry,) = await world.phones.inbox(eve, 1)
    assert (entry["chat"], entry["messageId"]) == (group, first)
    assert len(entry["mentions"]) == 1

    answer = await world.phones.send(eve, group, "yes", quote={"messageId": first}, mentions=[ana.phone.number])
    for member in (ana, ben):
        received = await world.backend.event(
            "message.received.v1",
            lambda e, member=member: e["subject"] == member.session_id and e["data"]["messageId"] == answer,
        )
        data = received["data"]
        assert (data["chat"], data["isGroup"]) == (group, True)
        assert (data["sender"]["jid"], data["sender"]["phone"]) == (eve.jid, eve.number), "as in all other events"
        assert (data["quote"]["messageId"], data["mentions"]) == (first, [ana.phone.jid])
        listed = await world.backend.ask("message.describe.v1", member.session_id, {"messageId": answer})
        assert listed["data"]["result"]["sender"] == eve.jid

    quoting = await say(world, ben, group, "so be it", quote={"messageId": answer})
    await act(world, ben, "react", group, messageId=answer, emoji="👍")
    await act(world, ana, "edit", group, messageId=first, content={"kind": "text", "text": "Hello!"})
    await act(world, ana, "revoke", group, messageId=first)
    poll = await act(
        world, ana, "send", group, content={"kind": "poll", "question": "When?", "options": ["A", "B"], "selectable": 1}
    )
    inbox = {entry["messageId"]: entry for entry in await world.phones.inbox(eve, 3)}
    assert inbox[quoting]["quote"]["messageId"] == answer
    assert inbox[first]["revoked"]
    assert inbox[poll]["content"]["question"] == "When?"
    read = await world.backend.ask("message.read.v1", ben.session_id, {"chat": group, "messageIds": [answer]})
    assert read["type"] == "command.accepted.v1", read


async def test_each_participants_receipts_are_told(world: World, pair: tuple[Member, Member]) -> None:
    ana, ben = pair
    eve = await world.phones.give("Eve")
    group = await a_group(world, ana, ben.phone, eve)
    data = {"to": group, "content": {"kind": "text", "text": "who reads this?"}}
    command = await world.backend.publish("message.send.v1", ana.session_id, data)
    message_id = (await world.backend.reply_to(command))["data"]["messageId"]
    people = {ben.phone.jid, eve.jid}
    await until_status(world, command, "delivered", people)
    await world.backend.event(
        "message.received.v1",
        lambda e: e["subject"] == ben.session_id and e["data"]["messageId"] == message_id,
    )
    await world.phones.inbox(eve, 1)
    await world.phones.read(eve, message_id)
    read = await world.backend.ask("message.read.v1", ben.session_id, {"chat": group, "messageIds": [message_id]})
    assert read["type"] == "command.accepted.v1", read
    await until_status(world, command, "read", people)

    published = [(e["data"]["status"], e["data"].get("participant")) for e in statuses(world, command)]
    assert published[0] == ("sent", None)
    assert sorted(published[1:]) == sorted((status, who) for status in ("delivered", "read") for who in people)
    described = await world.backend.ask("message.describe.v1", ana.session_id, {"messageId": message_id})
    receipts = described["data"]["result"]["receipts"]
    assert {(each["participant"], each["status"]) for each in receipts} == {(who, "read") for who in people}


def statuses(world: World, command: str) -> list[Document]:
    return [e for e in world.backend.events if e["type"] == "message.status.v1" and e["data"]["commandId"] == command]


async def until_status(world: World, command: str, status: str, people: set[str], patience: float = 60.0) -> None:
    """Wait until each of these people has come so far."""

    def all_of_them() -> bool:
        return {
            e["data"].get("participant") for e in statuses(world, command) if e["data"]["status"] == status
        } >= people

    await world.backend.until(all_of_them, f"not everybody is told to have {status} it", patience)


async def test_a_large_group_gets_a_message_and_confirms_it(world: World, pair: tuple[Member, Member]) -> None:
    ana, _ = pair
    people = [await world.phones.give(f"P{number}") for number in range(60)]
    group = await a_group(world, ana, *people, subject="Many")
    texts = ["first", "second", "third"]
    for text in texts:
        data = {"to": group, "content": {"kind": "text", "text": text}}
        command = await world.backend.publish("message.send.v1", ana.session_id, data)
        await until_status(world, command, "delivered", {person.jid for person in people})
        assert len(statuses(world, command)) == 1 + len(people)
    for person in people:
        assert [entry["content"]["text"] for entry in await world.phones.inbox(person, 3)] == texts


def news(world: World, member: Member, group: str) -> list[Document]:
    """The events about a group, in the order of their sequence, each once."""
    events = [
        e
        for e in world.backend.of(member.session_id)
        if e["type"] in ("group.updated.v1", "group.participants.v1") and e["data"]["groupId"] == group
    ]
    return sorted({e["id"]: e for e in events}.values(), key=lambda e: int(e["sequence"]))


def said(event: Document) -> tuple[Any, ...]:
    """What an event says, in short."""
    data = event["data"]
    if event["type"] == "group.participants.v1":
        return (data["action"], sorted(each["phone"] for each in data["participants"]), data["includesMe"])
    names = ("subject", "description", "announcement", "locked", "inviteCode")
    return tuple((name, data[name]) for name in names if name in data)


async def test_what_happens_to_a_group_is_told_with_who_did_it(world: World, pair: tuple[Member, Member]) -> None:
    ana, ben = pair
    eve, joe = await world.phones.give("Eve"), await world.phones.give("Joe")
    group = await a_group(world, ana, ben.phone, eve)
    await accepted(world, ana, "update", groupId=group, subject="We", description="All of us", announcement=True)
    await accepted(world, ana, "update", groupId=group, description="", announcement=False)
    await result(world, ana, "participants", groupId=group, action="promote", participants=[eve.number])
    await world.phones.in_group(eve, group, "add", participants=[joe.number])
    await world.phones.in_group(joe, group, "leave")
    code = (await result(world, ana, "invite", groupId=group, revoke=True))["code"]
    await world.phones.in_group(joe, group, "join", code=code)
    await world.phones.in_group(eve, group, "remove", participants=[ben.phone.number])
    await world.backend.event(
        "group.participants.v1",
        lambda e: e["subject"] == ben.session_id and e["data"]["groupId"] == group and e["data"]["action"] == "remove",
    )
    events = news(world, ben, group)
    everybody = sorted(person.number for person in (ana.phone, ben.phone, eve))
    assert [said(event) for event in events] == [
        ("add", everybody, True),
        (("subject", "We"),),
        (("description", "All of us"),),
        (("announcement", True),),
        (("description", ""),),
        (("announcement", False),),
        ("promote", [eve.number], False),
        ("add", [joe.number], False),
        ("leave", [joe.number], False),
        (("inviteCode", code),),
        ("join", [joe.number], False),
        ("remove", [ben.phone.number], True),
    ]
    assert events[0]["data"]["subject"] == "Us"
    by = [event["data"]["by"]["phone"] for event in events]
    assert by == [ana.phone.number] * 7 + [eve.number, joe.number, ana.phone.number, joe.number, eve.number]


async def test_a_notification_that_comes_again_is_told_once(mortal_world: World) -> None:
    world = mortal_world
    ana, eve = await world.paired("Ana"), await world.phones.give("Eve")
    await world.phones.fault("mute_acks", ana.phone)
    group = await world.phones.make_group(eve, "Us", ana.phone)
    await world.phones.in_group(eve, group, "subject", subject="We")

    def published(subject: str) -> bool:
        return any(e["data"].get("subject") == subject for e in news(world, ana, group))

    await world.backend.until(lambda: published("We"), "the subject is not told")
    assert await queued(world, ana) >= 2
    await world.phones.post("/faults", {"kind": "mute_acks", "phone": ana.phone.number, "count": 0})
    await kill_and_restart(world)  # the confirmations were lost, and so is all that the worker knew
    await world.phones.in_group(eve, group, "subject", subject="They")
    await world.backend.until(lambda: published("They"), "the next subject is not told")
    assert [said(event) for event in news(world, ana, group)] == [
        ("add", sorted([eve.number, ana.phone.number]), True),
        (("subject", "We"),),
        (("subject", "They"),),
    ]
    async with asyncio.timeout(60):
        while await queued(world, ana):  # noqa: ASYNC110 (a counter over HTTP)
            await asyncio.sleep(0.05)


async def queued(world: World, member: Member) -> int:
    """What WhatsApp keeps for the session, because it was not confirmed."""
    queues: dict[str, int] = (await world.phones.stats())["queues"]
    return sum(count for device, count in queues.items() if device.startswith(f"{member.phone.number[1:]}:"))


async def test_who_asks_to_come_in_is_told_listed_and_let_in_or_turned_down(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    group = await a_group(world, ana, ben)
    await accepted(world, ana, "update", groupId=group, joinApproval=True, membersAdd=True)
    published = await world.backend.event("group.updated.v1", lambda e: e["data"].get("joinApproval") is True)
    assert published["data"]["groupId"] == group
    described = await result(world, ana, "describe", groupId=group)
    assert (described["joinApproval"], described["membersAdd"]) == (True, True)

    code = (await result(world, ana, "invite", groupId=group))["code"]
    guests = [await world.phones.give(name) for name in ("Eve", "Joe", "Kim")]
    for guest in guests:
        await world.phones.in_group(guest, group, "join", code=code)
    for guest in guests:
        asks = await of_person(world, ana, "request", guest)
        assert (asks["groupId"], asks["method"]) == (group, "invite_link")
    eve, joe, kim = guests
    asking = (await result(world, ana, "requests", groupId=group))["requests"]
    assert [(each["phone"], each["method"]) for each in asking] == [(guest.number, "invite_link") for guest in guests]

    for action, guest, named in (("approve", eve, eve.number), ("reject", joe, asking[1]["lid"])):
        done = await result(world, ana, "requests", groupId=group, action=action, participants=[named])
        assert [(each["participant"], each["outcome"]) for each in done["participants"]] == [(named, "done")]
        await of_person(world, ana, {"approve": "add", "reject": "reject"}[action], guest)
    await world.phones.in_group(kim, group, "withdraw")
    await of_person(world, ana, "withdraw", kim)
    assert (await result(world, ana, "requests", groupId=group))["requests"] == []
    members = (await world.phones.group(group))["participants"]
    assert (eve.number in members, joe.number in members) == (True, False)

    renewed = f"{ben.number[:-4]}9{ben.number[-3:]}"
    await world.phones.in_group(ben, group, "modify", number=renewed)
    modified = await of_person(world, ana, "modify", Phone(renewed, "Ben"))
    assert modified["previous"]["phone"] == ben.number


async def of_person(world: World, member: Member, action: str, who: Phone) -> Document:
    """What a session is told of somebody in a group."""
    event = await world.backend.event(
        "group.participants.v1",
        lambda e: (
            e["subject"] == member.session_id
            and e["data"]["action"] == action
            and [each["phone"] for each in e["data"]["participants"]] == [who.number]
        ),
    )
    return event["data"]


async def test_a_groups_picture_is_set_shown_and_removed(world: World, pair: tuple[Member, Member]) -> None:
    ana, ben = pair
    group = await a_group(world, ana, ben.phone)
    picture = base64.b64encode(media.picture("PNG", 900, 500)).decode()
    await accepted(world, ben, "picture", groupId=group, picture={"base64": picture})
    told = await world.backend.event("group.updated.v1", of(ana, groupId=group, picture="changed"))
    assert told["data"]["by"]["phone"] == ben.phone.number
    async with world.phones.http.get(f"/groups/{group}/picture") as response:
        kept = base64.b64decode((await response.json())["base64"])
    with Image.open(io.BytesIO(kept)) as square:
        assert (square.format, square.size) == ("JPEG", (500, 500))
    shown = await world.backend.ask("contact.picture.v1", ana.session_id, {"to": group})
    assert (shown["data"]["result"]["state"], bool(shown["data"]["result"]["url"])) == ("shown", True)
    await world.phones.in_group(ana.phone, group, "locked")
    refused = await ask(world, ben, "picture", groupId=group, removePicture=True)
    assert (refused["code"], refused["detail"]["whatsappCode"]) == ("message.rejected_by_whatsapp", "403")
    await accepted(world, ana, "picture", groupId=group, removePicture=True)
    await world.backend.event("group.updated.v1", of(ben, groupId=group, picture="removed"))
    gone = await world.backend.ask("contact.picture.v1", ben.session_id, {"to": group})
    assert gone["data"]["result"]["state"] == "none"
    await world.phones.in_group(ana.phone, group, "picture", base64=base64.b64encode(kept).decode())
    again = of(ana, groupId=group, picture="changed")
    await world.backend.event("group.updated.v1", lambda event: again(event) and event["id"] != told["id"])


async def test_everyone_in_a_group_is_mentioned_by_both_sides(world: World, pair: tuple[Member, Member]) -> None:
    ana, ben = pair
    eve = await world.phones.give("Eve")
    group = await a_group(world, ana, ben.phone, eve)
    contents: list[Document] = [
        {"kind": "text", "text": "@everyone at noon"},
        {"kind": "poll", "question": "When?", "options": ["Noon", "One"], "selectable": 1},
        {"kind": "location", "latitude": 52.5, "longitude": 13.4},
        {"kind": "image", "media": {"base64": base64.b64encode(media.picture("PNG", 40, 30)).decode()}},
    ]
    for content in contents:
        sent = await act(world, ana, "send", group, content=content, mentions="everyone")
        told = await world.backend.event("message.received.v1", of(ben, messageId=sent))
        assert (told["data"]["mentionsAll"], "mentions" in told["data"]) == (True, False), content["kind"]
    shown = await world.phones.inbox(eve, len(contents))
    assert [(each["content"]["kind"], each.get("mentionsAll")) for each in shown] == [
        (content["kind"], True) for content in contents
    ]
    asked = await act(world, ana, "send", group, content=contents[1], mentions=[ben.phone.number])
    told = await world.backend.event("message.received.v1", of(ben, messageId=asked))
    assert (told["data"]["mentions"], "mentionsAll" in told["data"]) == ([ben.phone.jid], False)
    answer = await world.phones.send(eve, group, "@everyone yes", mentionsAll=True)
    told = await world.backend.event("message.received.v1", of(ana, messageId=answer))
    assert told["data"]["mentionsAll"] is True
