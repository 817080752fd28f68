"""Sessions move between two workers, by order and by shutdown, while messages flow; and wait when the fleet is full."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import aiohttp
import redis.asyncio as redis

from deploy.local.stage import RunningWorker
from tests.e2e.conftest import Member, World
from tests.support.backend import PATIENCE, Document
from tests.support.whatsapp.phones import Phone

HANDED_OVER = timedelta(seconds=8)  # nobody waited for the end of a lease; 0.3 s on a quiet machine
WINDOW = 4  # commands that wait for WhatsApp at a time: the flow goes on for as long as the test needs it
LOOK_SECONDS = 0.2
FIRST, SECOND = "worker-001", "worker-002"


async def flow_out(world: World, member: Member, to: Phone, count: int) -> list[str]:
    """Send numbered texts, always a few at a time; the commands' ids."""
    commands: list[str] = []
    for number in range(count):
        if number >= WINDOW:
            await world.status(commands[number - WINDOW], "sent")
        commands.append(await world.send(member, to, f"{member.session_id} {number:03}"))
    for command in commands:
        await world.status(command, "delivered")
    return commands


async def flow_in(world: World, sender: Phone, member: Member, count: int) -> list[str]:
    """The phone sends numbered texts, each when the last one has been told; their ids."""
    sent: list[str] = []
    for number in range(count):
        sent.append(await world.phones.send(sender, member.phone.number, f"{number:03}"))
        await world.backend.event("message.received.v1", lambda e: e["data"]["messageId"] == sent[-1])
    return sent


async def check_sent(world: World, members: Sequence[Member], to: Phone, commands: Sequence[Sequence[str]]) -> None:
    """Every text arrived once, in order; each was told as sent once."""
    inbox = await world.phones.inbox(to, sum(len(each) for each in commands))
    assert [entry["copies"] for entry in inbox] == [1] * len(inbox)
    texts = [entry["content"]["text"] for entry in inbox]
    for member, sent in zip(members, commands, strict=True):
        mine = [text for text in texts if text.startswith(f"{member.session_id} ")]
        assert mine == [f"{member.session_id} {number:03}" for number in range(len(sent))]
        assert all(world.backend.statuses(command).count("sent") == 1 for command in sent)


def check_events(world: World, session_id: str) -> None:
    """No sequence is missing, none came twice, and the epoch never fell."""
    durable = [event for event in world.backend.of(session_id) if "sequence" in event]
    assert [int(event["sequence"]) for event in durable] == list(range(1, len(durable) + 1))
    epochs = [event["epoch"] for event in durable]
    assert epochs == sorted(epochs)


async def lives_at(world: World, session_id: str, worker_id: str, *, after: int) -> Document:
    """Its `connected` at that worker, among the events after the `after`-th."""
    return await world.backend.event(
        "session.status.v1",
        lambda e: (
            e["subject"] == session_id
            and (e["data"]["state"], e["data"]["workerId"]) == ("connected", worker_id)
            and e in world.backend.events[after:]
        ),
    )


def gaps(world: World, session_id: str) -> list[timedelta]:
    """How long the session was without a connection, each time."""
    found: list[timedelta] = []
    since: datetime | None = None
    for event in world.backend.of(session_id, "session.status.v1"):
        at = datetime.fromisoformat(event["data"]["timestamp"])
        if event["data"]["state"] == "disconnected":
            since = at
        elif event["data"]["state"] == "connected" and since is not None:
            found.append(at - since)
            since = None
    return found


async def health(worker: RunningWorker, path: str) -> tuple[int, Document]:
    async with aiohttp.ClientSession(worker.url) as http, http.get(path) as response:
        return response.status, await response.json()


async def test_a_session_moves_there_and_back_while_messages_flow_both_ways(own_world: World) -> None:
    world = own_world
    ana, ben, cleo = await world.paired("Ana"), await world.phones.give("Ben"), await world.phones.give("Cleo")
    await world.stage.start_worker(SECOND)
    described = await world.backend.ask("session.describe.v1", ana.session_id)

    async with asyncio.TaskGroup() as flows:
        out = flows.create_task(flow_out(world, ana, ben, 100))
        inward = flows.create_task(flow_in(world, cleo, ana, 40))
        for target, number in ((SECOND, 20), (FIRST, 60)):
            await world.phones.inbox(ben, number)
            before = len(world.backend.events)
            reply = await world.backend.ask("session.migrate.v1", ana.session_id)
            assert reply["type"] == "command.accepted.v1"
            await lives_at(world, ana.session_id, target, after=before)

    await check_sent(world, [ana], ben, [out.result()])
    received = [e["data"]["messageId"] for e in world.backend.of(ana.session_id, "message.received.v1")]
    assert received == inward.result()
    check_events(world, ana.session_id)
    after = await world.backend.ask("session.describe.v1", ana.session_id)
    assert after["data"]["result"]["owner"] == FIRST
    assert after["data"]["result"]["epoch"] == described["data"]["result"]["epoch"] + 2
    measured = gaps(world, ana.session_id)
    print("without a connection:", [round(gap.total_seconds(), 3) for gap in measured])  # noqa: T201 (a figure)
    assert len(measured) == 2
    assert max(measured) < HANDED_OVER


async def test_a_move_without_another_worker_interrupts_nothing(world: World) -> None:
    ana = await world.paired("Ana")
    before = len(world.backend.events)
    await world.backend.ask("session.migrate.v1", ana.session_id)
    seen = await world.backend.state(ana.session_id, "connected", after=before)
    assert seen["data"]["reason"]["code"] == "fleet.full"
    assert gaps(world, ana.session_id) == []


async def test_moving_an_unknown_session_is_refused(world: World) -> None:
    reply = await world.backend.ask("session.migrate.v1", "nobody")
    assert (reply["type"], reply["data"]["code"]) == ("command.rejected.v1", "session.not_found")


async def test_a_drained_worker_hands_over_what_it_has_and_takes_nothing_new(own_world: World) -> None:
    world = own_world
    members = [await world.paired(f"Person {number}") for number in range(5)]
    await world.stage.start_worker(SECOND)
    before = len(world.backend.events)

    reply = await world.backend.ask("worker.drain.v1", FIRST)
    for member in members:
        await lives_at(world, member.session_id, SECOND, after=before)

    assert reply["type"] == "command.accepted.v1"
    pulse = await world.backend.event(
        "worker.heartbeat.v1", lambda e: (e["subject"], e["data"]["status"]) == (FIRST, "draining")
    )
    assert pulse["data"]["metrics"]["maxSessions"] == 100
    described = await world.backend.ask("worker.describe.v1", FIRST)
    assert (described["data"]["result"]["status"], described["data"]["result"]["sessionCount"]) == ("draining", 0)
    assert await health(world.worker, "/readyz") == (503, {"status": "draining"})
    status, body = await health(world.worker, "/health")
    assert (status, body["status"]) == (503, "draining")
    namespace = world.backend.namespace
    async with redis.from_url(world.stage.settings["GATEWAY_REDIS_URL"], decode_responses=True) as client:  # pyright: ignore[reportUnknownMemberType] (redis-py's own kwargs)
        assert await client.hget(f"{namespace}:worker:{FIRST}:status", "status") == "draining"
        assert await client.get(f"{namespace}:session:{members[0].session_id}:worker") == SECOND
    later = await world.paired("Late")
    shown = await world.backend.ask("session.describe.v1", later.session_id)
    assert shown["data"]["result"]["owner"] == SECOND
    assert await world.worker.stop() == 0
    for member in members:
        check_events(world, member.session_id)


async def test_two_workers_are_restarted_one_after_the_other_under_load(own_world: World) -> None:
    world = own_world
    ben = await world.phones.give("Ben")
    members = [await world.paired(f"Person {number}") for number in range(3)]
    second = await world.stage.start_worker(SECOND)
    before = len(world.backend.events)
    await world.backend.ask("session.migrate.v1", members[0].session_id)
    await lives_at(world, members[0].session_id, SECOND, after=before)

    async with asyncio.TaskGroup() as flows:
        flowing = [flows.create_task(flow_out(world, member, ben, 60)) for member in members]
        for number, worker in ((40, world.worker), (90, second)):
            await world.phones.inbox(ben, number)
            assert await worker.stop() == 0
            await world.stage.start_worker(worker.worker_id)

    await check_sent(world, members, ben, [task.result() for task in flowing])
    for member in members:
        check_events(world, member.session_id)
        measured = gaps(world, member.session_id)
        print("without a connection:", [round(gap.total_seconds(), 3) for gap in measured])  # noqa: T201 (a figure)
        assert max(measured) < HANDED_OVER


async def metrics(worker: RunningWorker, line: str) -> str:
    """What Prometheus is shown, once it has this line."""
    async with aiohttp.ClientSession(worker.url) as http, asyncio.timeout(PATIENCE):
        while True:
            shown = await (await http.get("/metrics")).text()
            if line in shown:
                return shown
            await asyncio.sleep(LOOK_SECONDS)


async def test_a_full_fleet_says_so_and_whoever_waits_connects_when_there_is_room(own_world: World) -> None:
    world = own_world
    await world.worker.stop()
    one_slot = {"GATEWAY_MAX_SESSIONS": "1"}
    first = await world.stage.start_worker("small-1", one_slot)
    ana = await world.paired("Ana")
    second = await world.stage.start_worker("small-2", one_slot)
    ben = await world.paired("Ben")

    third = {"sessionId": "third", "userId": "tester", "pairing": {"method": "qr"}}
    refused = await world.backend.ask("session.create.v1", "third", third, expiration=0.5)
    assert refused["data"]["code"] == "command.expired"
    assert refused["data"]["detail"] == {"reason": "fleet.full"}

    assert await second.stop() == 0  # and its session has nowhere to go
    waiting = await world.backend.state(ben.session_id, "waiting_for_capacity")
    assert waiting["data"]["reason"]["code"] == "fleet.full"
    described = await world.backend.ask("session.describe.v1", ben.session_id)
    assert described["data"]["result"]["state"] == "waiting_for_capacity"
    shown = await metrics(first, "gateway_sessions_unserved 1.0")
    assert "gateway_max_sessions 1.0" in shown
    text = await world.send(ben, ana.phone, "as soon as there is room")
    created = await world.backend.publish("session.create.v1", "third", third)

    before = len(world.backend.events)
    await world.backend.ask("session.delete.v1", ana.session_id)
    await world.backend.state(ben.session_id, "connected", after=before)
    await world.status(text, "delivered")
    states = [event["data"]["state"] for event in world.backend.of(ben.session_id, "session.status.v1")]
    assert states.count("waiting_for_capacity") == 1
    check_events(world, ben.session_id)

    await world.stage.start_worker("small-2", one_slot)
    assert (await world.backend.reply_to(created))["type"] == "command.accepted.v1"
    await world.backend.state("third", "qr_required")
