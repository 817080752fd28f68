"""The same command again, in every phase of the first: one effect, one answer each."""

from tests.e2e.conftest import Member, World
from tests.support.backend import Document
from tests.support.whatsapp.phones import Phone


def saying(to: Phone, text: str) -> Document:
    return {"to": to.number, "content": {"kind": "text", "text": text}}


async def again(world: World, member: Member, data: Document, command_id: str, *, times: int = 1) -> None:
    """Publish the command some more times."""
    for _ in range(times):
        await world.backend.publish("message.send.v1", member.session_id, data, command_id=command_id)


async def replies(world: World, command_id: str, count: int) -> list[Document]:
    """Exactly that many replies: no more than these have come when a later command is answered."""
    backend = world.backend
    given = [reply for mark, reply in backend.answers if mark == command_id]
    await backend.until(lambda: len([1 for m, _ in backend.answers if m == command_id]) >= count, f"{count} replies")
    await backend.ask("session.list.v1", "", {"limit": 1})
    given = [reply for mark, reply in backend.answers if mark == command_id]
    assert len(given) == count
    return given


async def test_one_that_comes_while_the_first_is_on_its_way_waits_for_it(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    await world.phones.fault("delay", ana.phone, after=2, count=1)
    data = saying(ben, "slow and once")

    command = await world.backend.publish("message.send.v1", ana.session_id, data)
    await world.backend.reply_to(command)
    await again(world, ana, data, command, times=4)
    await world.status(command, "sent")

    given = await replies(world, command, 5)
    assert {reply["type"] for reply in given} == {"command.accepted.v1"}
    assert len({reply["data"]["messageId"] for reply in given}) == 1
    assert [(e["content"]["text"], e["copies"]) for e in await world.phones.inbox(ben, 1)] == [("slow and once", 1)]
    assert world.backend.statuses(command).count("sent") == 1


async def test_one_that_comes_after_the_first_failed_fails_it_no_second_time(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    await world.phones.fault("nack", ana.phone, code=463, count=1)
    data = saying(ben, "refused")

    command = await world.backend.publish("message.send.v1", ana.session_id, data)
    await world.status(command, "failed")
    await again(world, ana, data, command)
    await replies(world, command, 2)

    marker = await world.send(ana, ben, "afterwards")
    await world.status(marker, "sent")
    assert world.backend.statuses(command) == ["failed"]
    assert [entry["content"]["text"] for entry in await world.phones.inbox(ben, 1)] == ["afterwards"]


async def test_another_body_is_a_conflict_while_the_first_is_on_its_way_and_later(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    await world.phones.fault("delay", ana.phone, after=1, count=1)

    command = await world.backend.publish("message.send.v1", ana.session_id, saying(ben, "the one"))
    await again(world, ana, saying(ben, "the other"), command)
    await world.status(command, "sent")
    await again(world, ana, saying(ben, "a third"), command)

    codes = sorted(str(reply["data"].get("code")) for reply in await replies(world, command, 3))
    assert codes == ["None", "command.conflict", "command.conflict"]
    assert [entry["content"]["text"] for entry in await world.phones.inbox(ben, 1)] == ["the one"]


async def test_a_repeated_restart_restarts_once(world: World) -> None:
    ana = await world.paired("Ana")
    before = len(world.backend.events)

    command = await world.backend.publish("session.restart.v1", ana.session_id, {})
    await world.backend.publish("session.restart.v1", ana.session_id, {}, command_id=command)
    await world.backend.state(ana.session_id, "connected", after=before)
    await world.backend.publish("session.restart.v1", ana.session_id, {}, command_id=command)

    assert {reply["type"] for reply in await replies(world, command, 3)} == {"command.accepted.v1"}
    states = [e["data"]["state"] for e in world.backend.events[before:] if e.get("subject") == ana.session_id]
    assert states.count("connected") == 1


async def test_a_rejection_is_repeated_word_by_word_and_another_command_under_its_key_is_a_conflict(
    world: World,
) -> None:
    backend = world.backend
    command = await backend.publish("session.restart.v1", "nobody", {})
    await backend.reply_to(command)
    await backend.publish("session.restart.v1", "nobody", {}, command_id=command)
    await backend.publish("session.logout.v1", "nobody", {}, command_id=command)
    await backend.publish("session.restart.v1", "nobody-else", {}, command_id=command)  # a key is its session's

    given = await replies(world, command, 4)
    *refused, conflict = sorted((reply["data"] for reply in given), key=lambda data: data["code"], reverse=True)
    assert refused == [refused[0]] * 3
    assert (refused[0]["code"], conflict["code"]) == ("session.not_found", "command.conflict")
