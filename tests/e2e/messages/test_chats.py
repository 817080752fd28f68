"""Chats as their owner has them: by commands and by the phone, real Baileys between them, a server that is strict."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.conftest import Member, World
from tests.e2e.messages.asking import accepted, by_phone, of, result
from tests.support.whatsapp.phones import Phone


async def _state(world: World, phone: Phone) -> Mapping[tuple[str, ...], Mapping[str, Any]]:
    async with world.phones.http.get(f"/phones/{phone.number}/app-state") as response:
        return {tuple(entry["index"]): entry["action"] for entry in await response.json()}


async def _heard(world: World, member: Member, who: Phone, text: str) -> str:
    message_id = await world.phones.send(who, member.phone.number, text)
    await world.backend.event("message.received.v1", of(member, messageId=message_id))
    return message_id


async def test_chats_are_listed_as_the_phone_and_commands_leave_them(world: World) -> None:
    ana, ben, eve = await world.paired("Ana"), await world.phones.give("Ben"), await world.phones.give("Eve")
    first = await _heard(world, ana, ben, "one")
    await _heard(world, ana, eve, "two")
    last = await _heard(world, ana, ben, "three")
    page = await result(world, ana, "chat.list.v1", {"limit": 1})
    (chat,) = page["chats"]
    assert (chat["chat"], chat["kind"], chat["unread"]) == (ben.jid, "person", 2)
    assert chat["lastMessage"]["content"]["text"] == "three"
    behind = await result(world, ana, "chat.list.v1", {"cursor": page["cursor"]})
    assert [each["chat"] for each in behind["chats"]] == [eve.jid]

    await by_phone(world, ana, "chat", chat=ben.number, archived=True)
    event = await world.backend.event("chat.updated.v1", of(ana, chat=ben.jid, archived=True))
    assert event["data"]["fromMe"] is True
    ends = (datetime.now(UTC) + timedelta(hours=8)).replace(microsecond=0)
    muted = {"chat": ben.number, "archived": False, "mutedUntil": ends.isoformat().replace("+00:00", "Z")}
    await accepted(world, ana, "chat.update.v1", muted)
    await world.backend.event("chat.updated.v1", of(ana, chat=ben.jid, muted=True))
    state = await _state(world, ana.phone)
    assert "archived" not in state["archive", ben.jid]["archiveChatAction"] or not state["archive", ben.jid][
        "archiveChatAction"
    ].get("archived")
    assert state["mute", ben.jid]["muteAction"]["muteEndTimestamp"] == str(int(ends.timestamp() * 1000))
    await accepted(world, ana, "chat.update.v1", {"chat": ben.number, "pinned": True, "unread": True})
    described = await result(world, ana, "chat.describe.v1", {"chat": ben.number})
    assert [described[each] for each in ("archived", "pinned", "muted", "markedUnread", "unread")] == [
        False,
        True,
        True,
        True,
        2,
    ]
    assert described["lastMessage"]["messageId"] == last

    await by_phone(world, ana, "read", messageId=first)
    read = await world.backend.event("chat.updated.v1", of(ana, chat=ben.jid, unread=1))
    assert read["data"]["fromMe"] is True
    await accepted(world, ana, "message.read.v1", {"chat": ben.number, "messageIds": [last]})
    await world.backend.event("chat.updated.v1", of(ana, chat=ben.jid, unread=0))
    reply = await world.backend.ask("chat.describe.v1", ana.session_id, {"chat": "+15550009999"})
    assert reply["data"]["code"] == "chat.not_found"


async def test_messages_are_starred_and_deleted_for_the_account_alone(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    first, second, third = [await _heard(world, ana, ben, text) for text in ("one", "two", "three")]
    await accepted(world, ana, "message.star.v1", {"chat": ben.number, "messageId": first})
    await world.backend.event("message.starred.v1", of(ana, messageId=first, starred=True))
    assert (await _state(world, ana.phone))["star", ben.jid, first, "0", "0"]["starAction"] == {"starred": True}
    await by_phone(world, ana, "star", messageId=second)
    await world.backend.event("message.starred.v1", of(ana, messageId=second, starred=True))
    described = await result(world, ana, "message.describe.v1", {"messageId": second})
    assert described["starred"] is True
    await accepted(world, ana, "message.delete.v1", {"chat": ben.number, "messageId": third})
    await world.backend.event("message.deleted.v1", of(ana, messageId=third))
    again = await world.backend.ask("message.delete.v1", ana.session_id, {"chat": ben.number, "messageId": third})
    assert again["data"]["code"] == "message.not_found"
    await by_phone(world, ana, "delete-for-me", messageId=second)
    await world.backend.event("message.deleted.v1", of(ana, messageId=second))
    chat = await result(world, ana, "chat.describe.v1", {"chat": ben.number})
    assert chat["lastMessage"]["messageId"] == first

    await accepted(world, ana, "chat.clear.v1", {"chat": ben.number, "keepStarred": True})
    left = await result(world, ana, "message.history.v1", {"chat": ben.number})
    assert [each["messageId"] for each in left["messages"]] == [first]
    await by_phone(world, ana, "delete-chat", chat=ben.number)
    await world.backend.event("chat.deleted.v1", of(ana, chat=ben.jid))
    assert (await result(world, ana, "chat.list.v1", {}))["chats"] == []
    back = await _heard(world, ana, ben, "four")
    page = await result(world, ana, "chat.list.v1", {})
    assert [each["lastMessage"]["messageId"] for each in page["chats"]] == [back]
    assert (await world.phones.stats())["appStateRefused"] == 0


async def test_the_address_book_is_kept_by_the_phone_and_by_commands(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    await accepted(world, ana, "contact.save.v1", {"contact": ben.number, "name": "Ben Baker"})
    await world.backend.event("contact.updated.v1", of(ana, jid=ben.jid, savedName="Ben Baker"))
    assert (await _state(world, ana.phone))["contact", ben.jid]["contactAction"]["fullName"] == "Ben Baker"
    await by_phone(world, ana, "save", contact=ben.number, name="Benny")
    await world.backend.event("contact.updated.v1", of(ana, jid=ben.jid, savedName="Benny"))
    described = await result(world, ana, "contact.describe.v1", {"contact": ben.number})
    assert (described["savedName"], described["phone"]) == ("Benny", ben.number)
    page = await result(world, ana, "contact.list.v1", {"limit": 1})
    assert [each["jid"] for each in page["contacts"]] == [ben.jid]
    await accepted(world, ana, "contact.remove.v1", {"contact": ben.number})
    await world.backend.event(
        "contact.updated.v1",
        lambda event: event["subject"] == ana.session_id and "savedName" not in event["data"],
    )
    assert ("contact", ben.jid) not in await _state(world, ana.phone)
    described = await result(world, ana, "contact.describe.v1", {"contact": ben.number})
    assert "savedName" not in described


async def test_labels_are_what_commands_and_the_phone_make_of_them(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    message_id = await _heard(world, ana, ben, "an order")
    made = await result(world, ana, "label.create.v1", {"name": "New order", "color": 2})
    label = made["labelId"]
    await world.backend.event("label.updated.v1", of(ana, labelId=label, change="created", name="New order"))
    assert await result(world, ana, "label.create.v1", {"name": "New order"}) == made
    await accepted(world, ana, "chat.label.v1", {"chat": ben.number, "labelId": label})
    await world.backend.event("label.updated.v1", of(ana, labelId=label, change="added", chat=ben.jid))
    where = {"chat": ben.number, "messageId": message_id, "labelId": label}
    await accepted(world, ana, "message.label.v1", where)
    await world.backend.event("label.updated.v1", of(ana, change="added", messageId=message_id))
    state = await _state(world, ana.phone)
    assert state["label_edit", label]["labelEditAction"]["name"] == "New order"
    assert state["label_jid", label, ben.jid]["labelAssociationAction"] == {"labeled": True}
    assert state["label_message", label, ben.jid, message_id, "0", "0"]["labelAssociationAction"] == {"labeled": True}

    await by_phone(world, ana, "label", labelId="7", name="Paid", color=3)
    await world.backend.event("label.updated.v1", of(ana, labelId="7", change="created", color=3))
    await by_phone(world, ana, "label-chat", labelId="7", chat=ben.number)
    await world.backend.event("label.updated.v1", of(ana, labelId="7", change="added", chat=ben.jid))
    (chat,) = (await result(world, ana, "chat.list.v1", {}))["chats"]
    assert set(chat["labels"]) == {label, "7"}
    await accepted(world, ana, "label.update.v1", {"labelId": "7", "name": "Paid in full"})
    await world.backend.event("label.updated.v1", of(ana, labelId="7", change="changed", name="Paid in full"))
    await accepted(world, ana, "label.delete.v1", {"labelId": label})
    await world.backend.event("label.updated.v1", of(ana, labelId=label, change="deleted"))
    listed = await result(world, ana, "label.list.v1", {})
    assert listed["labels"] == [{"labelId": "7", "name": "Paid in full", "color": 3}]
    described = await result(world, ana, "chat.describe.v1", {"chat": ben.number})
    assert described["labels"] == ["7"]
    assert "labels" not in await result(world, ana, "message.describe.v1", {"messageId": message_id})
    refused = await world.backend.ask("chat.label.v1", ana.session_id, {"chat": ben.number, "labelId": label})
    assert refused["data"]["code"] == "label.not_found"
    assert (await world.phones.stats())["appStateRefused"] == 0
