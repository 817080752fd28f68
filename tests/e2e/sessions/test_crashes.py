"""The worker is killed while messages flow, and comes back under its id: what backend and phones count agrees."""

import asyncio
import os
import signal
from collections import Counter

from tests.e2e.conftest import Member, World
from tests.support.backend import Document
from tests.support.whatsapp.phones import Phone

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
MESSAGES = 90  # each way
KILLS = 3


async def kill_and_restart(world: World) -> None:
    """SIGKILL, as by the kernel: nothing is said, written or closed by it any more."""
    os.kill(world.worker.child.pid, signal.SIGKILL)
    await world.worker.child.wait()
    world.worker = await world.stage.start_worker("worker-001")


def distinct_events(events: list[Document]) -> list[Document]:
    """Events as a consumer sees them: by `source` and `id` (a crash tells some again), in the order of `sequence`."""
    by_id = {(event["source"], event["id"]): event for event in events if "sequence" in event}
    ordered = sorted(by_id.values(), key=lambda event: int(event["sequence"]))
    assert [int(event["sequence"]) for event in ordered] == list(range(1, len(ordered) + 1)), "no gap, no number twice"
    return ordered


async def test_a_message_whose_acknowledgement_was_lost_with_the_worker_is_the_same_message_again(
    own_world: World,
) -> None:
    world = own_world
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    await world.status(await world.send(ana, ben, "before"), "delivered")
    before = (await world.phones.stats())["messages"]
    await world.phones.fault("mute", ana.phone, count=1)
    await world.phones.offline(ben)  # no receipt that could stand for the acknowledgement
    text = {"kind": "text", "text": "twice on the wire, once in the chat"}
    command = await world.backend.publish(
        "message.send.v1", ana.session_id, {"to": ben.number, "content": text}, tenant="acme", traceparent=TRACEPARENT
    )
    await until_messages(world, before + 1)
    assert world.backend.statuses(command) == []

    await kill_and_restart(world)
    sent = await world.status(command, "sent")
    await world.phones.online(ben)
    delivered = await world.status(command, "delivered")
    answers = [reply for given, reply in world.backend.answers if given == command]
    assert {(each["tenant"], each["traceparent"]) for each in (sent, delivered, *answers)} == {("acme", TRACEPARENT)}
    _, entry = await world.phones.inbox(ben, 2)
    assert entry["content"]["text"] == "twice on the wire, once in the chat"
    assert (await world.phones.stats())["messages"] == before + 2
    assert world.backend.statuses(command) == ["sent", "delivered"]
    assert (await world.phones.stats())["brokenRatchets"] == 0


async def until_messages(world: World, count: int) -> None:
    """Wait until WhatsApp's server has taken so many."""
    async with asyncio.timeout(60):
        while (await world.phones.stats())["messages"] < count:  # noqa: ASYNC110 (a counter over HTTP)
            await asyncio.sleep(0.05)


async def test_killing_the_worker_again_and_again_loses_and_doubles_nothing_either_way(own_world: World) -> None:
    world = own_world
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    await world.status(await world.send(ana, ben, "before"), "delivered")
    texts = [f"{number:03}" for number in range(MESSAGES)]
    bens = list[str]()

    async def ours() -> list[str]:
        return [await paced(world, ana, ben, text) for text in texts]

    async def theirs() -> None:
        for text in texts:
            await world.phones.send(ben, ana.phone.jid, text)
            bens.append(text)
            await asyncio.sleep(0.05)  # a steady load, not a burst that is over before the first kill

    async with asyncio.TaskGroup() as tasks:
        sending, receiving = tasks.create_task(ours()), tasks.create_task(theirs())
        for kill in range(KILLS):
            await world.backend.until(lambda n=kill: progress(world, ana) >= (n + 1) * 20, "there is no progress")
            await kill_and_restart(world)
            # A message over which two processes died is rightly set aside: none is to be at hand at two of the kills.
            waited = len(bens)
            await world.backend.until(lambda n=waited: len(received(world, ana)) >= n, "what waited has not come")
    commands = sending.result()
    assert receiving.done()

    for command in commands:
        await world.status(command, "delivered", patience=60)
    await world.backend.until(lambda: len(received(world, ana)) >= MESSAGES, "a message of Ben's was lost")
    assert received(world, ana) == texts, "each once, in order"
    assert all(world.backend.statuses(command)[:1] == ["sent"] for command in commands)
    events = distinct_events(world.backend.of(ana.session_id))
    seen = Counter((e["data"].get("commandId"), e["data"].get("status")) for e in events if "commandId" in e["data"])
    assert set(seen.values()) == {1}, "each status once"
    inbox = (await world.phones.inbox(ben, MESSAGES + 1))[1:]
    assert [entry["content"]["text"] for entry in inbox] == texts, "each once, in order"
    stats = await world.phones.stats()
    assert (stats["brokenRatchets"], stats["retries"]) == (0, 0)


async def paced(world: World, ana: Member, ben: Phone, text: str) -> str:
    command = await world.send(ana, ben, text)
    await asyncio.sleep(0.05)
    return command


def received(world: World, member: Member) -> list[str]:
    """The texts the backend was told of, in order."""
    events = distinct_events(world.backend.of(member.session_id))
    return [e["data"]["content"]["text"] for e in events if e["type"] == "message.received.v1"]


def progress(world: World, member: Member) -> int:
    """How many messages were sent or received, as far as the backend knows."""
    events = world.backend.of(member.session_id)
    done = {(e["type"], e["data"]["messageId"]) for e in events if "messageId" in e["data"]}
    return len(done)
