import asyncio
import os
import signal
from pathlib import Path

import psutil

from tests.e2e.conftest import Member, World


def bridges_of(world: World) -> list[psutil.Process]:
    """The worker's Node processes."""
    family = psutil.Process(world.worker.child.pid).children(recursive=True)
    return [process for process in family if Path(process.exe()).name == "node"]


async def epoch_of(world: World, member: Member) -> int:
    described = await world.backend.ask("session.describe.v1", member.session_id)
    return described["data"]["result"]["epoch"]


async def test_a_killed_bridge_gives_its_sessions_back_to_the_same_owner(mortal_world: World) -> None:
    world = mortal_world
    ana, ben = await world.paired("Ana"), await world.paired("Ben")
    before, epoch = len(world.backend.events), await epoch_of(world, ana)

    bridges = bridges_of(world)
    assert bridges
    for bridge in bridges:
        os.kill(bridge.pid, signal.SIGKILL)
    for member in (ana, ben):
        await world.backend.state(member.session_id, "connected", after=before)
    assert await epoch_of(world, ana) == epoch, "nobody had to wait for the end of a lease"

    command = await world.send(ana, ben.phone, "still here")
    await world.status(command, "delivered")


async def test_sigterm_under_load_loses_nothing(mortal_world: World) -> None:
    world = mortal_world
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    texts = [f"{number:03}" for number in range(120)]

    commands = [await world.send(ana, ben, text) for text in texts[:60]]
    await world.status(commands[5], "sent")
    pid = world.worker.child.pid
    stopping = asyncio.create_task(world.worker.stop())
    commands += [await world.send(ana, ben, text) for text in texts[60:]]
    assert await stopping == 0
    assert not psutil.pid_exists(pid)
    world.worker = await world.stage.start_worker("worker-001")

    for command in commands:
        await world.status(command, "sent", patience=60)
    inbox = await world.phones.inbox(ben, len(texts))
    assert [entry["content"]["text"] for entry in inbox] == texts
    assert all(world.backend.statuses(command).count("sent") == 1 for command in commands)
    sequences = [int(event["sequence"]) for event in world.backend.of(ana.session_id) if "sequence" in event]
    assert sequences == list(range(1, len(sequences) + 1))


async def test_a_stopped_worker_leaves_no_process_behind(mortal_world: World) -> None:
    world = mortal_world
    await world.paired("Ana")
    before = len(world.backend.events)
    family = [psutil.Process(world.worker.child.pid), *bridges_of(world)]

    assert await world.worker.stop() == 0

    assert [process for process in family if process.is_running()] == []
    await world.backend.event(
        "worker.stopped.v1", lambda e: e["subject"] == "worker-001" and e in world.backend.events[before:]
    )
