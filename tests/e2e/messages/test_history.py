"""The phone's history: stored once when a session wants it, part by part, and asked for like everything else."""

import asyncio
import os
import random
import signal

from tests.e2e.conftest import Member, World
from tests.support.backend import Document
from tests.support.whatsapp.phones import Phone

RECENT = {"options": {"history": "recent"}}


async def _with_past(world: World, friends: int, each: int) -> tuple[Phone, dict[str, list[str]]]:
    """A phone that many have written to, and answered; the ids of each chat, oldest first."""
    ana = await world.phones.give("Ana")
    chats: dict[str, list[str]] = {}
    for number in range(friends):
        friend = await world.phones.give(f"Friend {number}")
        sent = [await world.phones.send(friend, ana.number, f"{number}.{turn}") for turn in range(each)]
        chats[friend.number] = [*sent, await world.phones.send(ana, friend.number, f"answer {number}")]
    return ana, chats


async def _paired(world: World, phone: Phone, **more: object) -> Member:
    member = Member(session_id=world.new_session_id(), phone=phone)
    await world.create(member.session_id, **more)
    await world.scan(member.session_id, phone)
    await world.backend.state(member.session_id, "connected")
    return member


async def _synced(world: World, member: Member) -> Document:
    return await world.backend.event(
        "history.synced.v1", lambda e: e["subject"] == member.session_id and e["data"]["isLast"], patience=60
    )


async def _history(world: World, member: Member, chat: str, **more: object) -> list[Document]:
    reply = await world.backend.ask("message.history.v1", member.session_id, {"chat": chat, **more})
    return reply["data"]["result"]["messages"]


async def test_the_phones_history_is_stored_and_told_with_progress_but_not_as_received(world: World) -> None:
    phone, chats = await _with_past(world, friends=12, each=3)
    ana = await _paired(world, phone, **RECENT)
    last = await _synced(world, ana)
    seen = [event["data"] for event in world.backend.of(ana.session_id, "history.synced.v1")]
    assert [part["progress"] for part in seen] == sorted(part["progress"] for part in seen)
    assert (seen[-1]["progress"], int(last["sequence"]) > 0) == (100, True)
    assert sum(part["messages"] for part in seen) == sum(map(len, chats.values()))
    assert sum(part["chats"] for part in seen if part["messages"]) == len(chats)
    assert world.backend.of(ana.session_id, "message.received.v1") == []

    for number, (friend, ids) in enumerate(chats.items()):
        stored = await _history(world, ana, friend)
        assert [message["messageId"] for message in stored] == ids[::-1]
        assert [message["content"]["text"] for message in stored] == [
            f"answer {number}",
            *[f"{number}.{turn}" for turn in (2, 1, 0)],
        ]
        assert [message["fromMe"] for message in stored] == [True, False, False, False]
        assert stored[0]["sender"] == phone.jid


async def test_a_message_after_the_history_is_the_newest_and_may_quote_the_past(world: World) -> None:
    phone, chats = await _with_past(world, friends=1, each=1)
    (friend, (first, answer)) = next(iter(chats.items()))
    ana = await _paired(world, phone, **RECENT)
    await _synced(world, ana)
    data = {"to": friend, "content": {"kind": "text", "text": "and?"}, "quote": {"messageId": first}}
    sent = await world.backend.publish("message.send.v1", ana.session_id, data)
    await world.status(sent, "delivered")
    newest = (await world.backend.reply_to(sent))["data"]["messageId"]
    assert [message["messageId"] for message in await _history(world, ana, friend)] == [newest, answer, first]


async def test_what_was_done_to_messages_of_the_past_is_shown_and_not_told(world: World) -> None:
    ana, ben = await world.phones.give("Ana"), await world.phones.give("Ben")
    poll = {"kind": "poll", "question": "When?", "options": ["Now", "Later"], "selectable": 1}
    asked = (await world.phones.post(f"/phones/{ben.number}/send", {"to": ana.number, "content": poll}))["messageId"]
    text = await world.phones.send(ben, ana.number, "old")
    new = {"kind": "text", "text": "new"}
    await world.phones.post(f"/phones/{ben.number}/edit", {"messageId": text, "content": new, "sealed": True})
    await world.phones.post(f"/phones/{ana.number}/react", {"messageId": text, "emoji": "👍"})
    await world.phones.post(f"/phones/{ana.number}/vote", {"messageId": asked, "options": ["Later"]})
    await world.phones.post(f"/phones/{ben.number}/pin", {"messageId": asked})
    member = await _paired(world, ana, **RECENT)
    await _synced(world, member)
    edited, voted = await _history(world, member, ben.number)
    assert (edited["messageId"], edited["content"]) == (text, new)
    assert [(each["emoji"], each["fromMe"]) for each in edited["reactions"]] == [("👍", True)]
    assert [(each["options"], each["fromMe"]) for each in voted["votes"]] == [(["Later"], True)]
    assert voted["pinned"] is True
    seen = {event["type"] for event in world.backend.of(member.session_id)}
    assert not seen & {"message.received.v1", "message.edited.v1", "message.reaction.v1", "poll.vote.v1"}


async def test_a_session_without_history_stores_and_tells_none(world: World) -> None:
    phone, chats = await _with_past(world, friends=1, each=1)
    ana = await _paired(world, phone)
    friend = Phone(next(iter(chats)), "Friend 0")
    await world.phones.send(friend, phone.number, "now")  # comes after all of the history
    now = await world.backend.event("message.received.v1", lambda e: e["subject"] == ana.session_id)
    stored = await _history(world, ana, friend.number)
    assert [message["messageId"] for message in stored] == [now["data"]["messageId"]]
    assert world.backend.of(ana.session_id, "history.synced.v1") == []


async def _write_much(world: World, friend: Phone, ana: Phone) -> list[str]:
    """So much that it does not fit into the notification; the ids, oldest first."""
    noise = random.Random(1)
    return [await world.phones.send(friend, ana.number, noise.randbytes(12_000).hex()) for _ in range(3)]


async def test_what_is_too_large_for_a_notification_comes_from_the_media_host(world: World) -> None:
    ana, ben = await world.phones.give("Ana"), await world.phones.give("Ben")
    ids = await _write_much(world, ben, ana)
    before = (await world.phones.stats())["mediaDownloads"]
    member = await _paired(world, ana, **RECENT)
    last = await _synced(world, member)
    assert (last["data"]["progress"], last["data"]["messages"]) == (100, 3)
    stored = await _history(world, member, ben.number)
    assert [message["messageId"] for message in stored] == ids[::-1]
    assert {len(message["content"]["text"]) for message in stored} == {24_000}
    assert (await world.phones.stats())["mediaDownloads"] == before + 1


async def test_a_part_that_whatsapp_does_not_have_any_more_holds_up_nothing(world: World) -> None:
    ana, chats = await _with_past(world, friends=11, each=1)  # two parts, the newest chat is in the second
    ben = Phone(next(iter(chats)), "Friend 0")
    await _write_much(world, ben, ana)
    await world.phones.fault("media_403", ana, code=404, count=1)
    member = await _paired(world, ana, **RECENT)
    assert (await _synced(world, member))["data"]["chats"] == 1
    assert await _history(world, member, ben.number) == []
    newest = await world.phones.send(ben, ana.number, "now")
    await world.backend.event("message.received.v1", lambda e: e["data"]["messageId"] == newest)


async def test_a_worker_that_is_killed_in_the_middle_goes_on_with_the_history(mortal_world: World) -> None:
    world = mortal_world
    phone, chats = await _with_past(world, friends=150, each=2)
    ana = await _paired(world, phone, **RECENT)
    await world.backend.event("history.synced.v1", lambda e: e["subject"] == ana.session_id)
    os.kill(world.worker.child.pid, signal.SIGKILL)
    await world.worker.child.wait()
    world.worker = await world.stage.start_worker("worker-001")
    await _synced(world, ana)

    found = await asyncio.gather(*(_history(world, ana, friend) for friend in chats))
    assert [[message["messageId"] for message in stored] for stored in found] == [ids[::-1] for ids in chats.values()]
    seen = {event["id"]: event["data"] for event in world.backend.of(ana.session_id, "history.synced.v1")}
    assert sum(part["messages"] for part in seen.values()) == sum(map(len, chats.values()))
    assert [part["isLast"] for part in seen.values()].count(True) == 1
    assert world.backend.of(ana.session_id, "message.received.v1") == []
