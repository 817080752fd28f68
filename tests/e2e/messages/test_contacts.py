"""Contacts: what changes about people is told, once."""

import base64
from collections.abc import Callable

from tests.e2e.conftest import Member, World
from tests.e2e.messages.asking import result
from tests.support.backend import Document
from tests.support.whatsapp.phones import Phone

_UPDATED = "contact.updated.v1"


def _about(member: Member, phone: Phone, *changed: str) -> Callable[[Document], bool]:
    """Whether an event tells this session that this about that person has changed."""
    return lambda event: (
        event["subject"] == member.session_id
        and event["data"]["jid"] == phone.jid
        and event["data"]["changed"] == list(changed)
    )


def _names(world: World, member: Member) -> list[object]:
    return [event["data"].get("pushName") for event in world.backend.of(member.session_id, _UPDATED)]


async def _say(world: World, member: Member, phone: Phone, text: str) -> None:
    """The phone writes to the session, and that has come out as an event."""
    await world.phones.send(phone, member.phone.number, text)
    await world.backend.event(
        "message.received.v1",
        lambda event: event["subject"] == member.session_id and event["data"]["content"].get("text") == text,
    )


async def _show(world: World, phone: Phone, picture: bytes) -> None:
    await world.phones.post(f"/phones/{phone.number}/picture", {"base64": base64.b64encode(picture).decode()})


async def _rename(world: World, phone: Phone, name: str) -> None:
    await world.phones.post("/phones", {"phone": phone.number, "name": name})


async def _save(world: World, member: Member, phone: Phone, name: str) -> None:
    await world.phones.post(f"/phones/{member.phone.number}/save", {"contact": phone.number, "name": name})


async def test_a_person_that_renames_itself_is_told_with_its_next_message(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    await _say(world, ana, ben, "I am Ben")
    seen = await world.backend.event(_UPDATED, _about(ana, ben, "pushName"))
    assert (seen["data"]["pushName"], seen["data"]["phone"]) == ("Ben", ben.number)
    assert seen["data"]["lid"].endswith("@lid")
    assert int(seen["sequence"]) > 0

    await _rename(world, ben, "Benny")
    await _say(world, ana, ben, "and now?")
    await _say(world, ana, ben, "still Benny")
    await _say(world, ana, ben, "that was all")
    assert _names(world, ana) == ["Ben", "Benny"]

    await world.backend.ask("session.restart.v1", ana.session_id)
    await world.backend.until(
        lambda: (
            len([e for e in world.backend.of(ana.session_id, "session.status.v1") if e["data"]["state"] == "connected"])
            > 1
        ),
        "it came back",
    )
    await _say(world, ana, ben, "Benny, on a new connection")
    assert _names(world, ana) == ["Ben", "Benny"]


async def test_a_picture_that_changes_or_goes_is_told(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    await _say(world, ana, ben, "hello")
    await world.status(await world.send(ana, ben, "hello yourself"), "delivered")  # WhatsApp tells who asked for it
    for picture, word in ((b"\xff\xd8 one \xff\xd9", "changed"), (b"", "removed")):
        await _show(world, ben, picture)
        seen = await world.backend.event(
            _UPDATED,
            lambda event, word=word: _about(ana, ben, "picture")(event) and event["data"]["picture"] == word,
        )
        described = await result(world, ana, "contact.describe.v1", {"contact": ben.number})
        assert ("pictureId" in described) is (word == "changed")
        assert seen["data"]["pushName"] == "Ben"


async def test_what_changed_while_the_worker_was_away_is_told_when_it_is_back(mortal_world: World) -> None:
    world = mortal_world
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    await _say(world, ana, ben, "hello")
    await world.status(await world.send(ana, ben, "hello yourself"), "delivered")
    await world.worker.stop()
    await _show(world, ben, b"\xff\xd8 one \xff\xd9")
    await _show(world, ben, b"\xff\xd8 two \xff\xd9")
    await _rename(world, ben, "Benny")
    await _save(world, ana, ben, "Ben the plumber")
    await world.phones.send(ben, ana.phone.number, "where are you?")
    world.worker = await world.stage.start_worker("worker-001")
    await world.backend.event(
        _UPDATED, lambda event: _about(ana, ben, "pushName")(event) and event["data"]["pushName"] == "Benny"
    )
    await world.backend.event(_UPDATED, _about(ana, ben, "savedName"))
    await world.backend.until(
        lambda: len([e for e in world.backend.of(ana.session_id, _UPDATED) if e["data"].get("picture")]) == 2,
        "both pictures",
    )


async def test_a_contact_that_the_owner_saves_is_told_and_one_saved_before_is_not(world: World) -> None:
    ana, ben, eve = await world.phones.give("Ana"), await world.phones.give("Ben"), await world.phones.give("Eve")
    await world.phones.send(ben, ana.number, "before there was a companion")
    member = Member(session_id=world.new_session_id(), phone=ana)
    await _save(world, member, ben, "Ben the plumber")
    await world.create(member.session_id, options={"history": "recent"})
    await world.scan(member.session_id, ana)
    await world.backend.state(member.session_id, "connected")
    synced = await world.backend.event(
        "history.synced.v1", lambda event: event["subject"] == member.session_id and event["data"]["contacts"] > 0
    )
    assert synced["data"]["contacts"] == 1

    await _save(world, member, eve, "My Eve")
    seen = await world.backend.event(_UPDATED, _about(member, eve, "savedName"))
    assert (seen["data"]["savedName"], seen["data"]["phone"]) == ("My Eve", eve.number)
    await _save(world, member, ben, "Ben the baker")
    seen = await world.backend.event(_UPDATED, _about(member, ben, "savedName"))
    assert (seen["data"]["savedName"], seen["data"]["pushName"]) == ("Ben the baker", "Ben")
    assert [event["data"]["savedName"] for event in world.backend.of(member.session_id, _UPDATED)] == [
        "My Eve",
        "Ben the baker",
    ]


async def test_another_status_text_is_told(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    await world.status(await world.send(ana, ben, "hello"), "delivered")
    await world.phones.post(f"/phones/{ben.number}/about", {"text": "At work"})
    seen = await world.backend.event(_UPDATED, _about(ana, ben, "about"))
    assert seen["data"]["about"] == "At work"
