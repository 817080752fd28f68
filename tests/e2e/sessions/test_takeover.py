"""Workers die, stop and come back: their sessions live on, and what is done is done once."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence

import pytest

from deploy.local.program import ProgramFailedError
from deploy.local.stage import RunningWorker
from tests.e2e.conftest import Member, World

LEASE_SECONDS = 20


async def owners(world: World, members: Sequence[Member]) -> set[str]:
    described = [await world.backend.ask("session.describe.v1", member.session_id) for member in members]
    return {reply["data"]["result"]["owner"] for reply in described}


async def all_connected_at(world: World, members: Sequence[Member], worker_id: str, *, after: int) -> None:
    """Every session says that it is connected at this worker."""
    wanted = {member.session_id for member in members}

    def connected() -> bool:
        return wanted <= {
            event["subject"]
            for event in world.backend.events[after:]
            if event["type"] == "session.status.v1"
            and event["data"]["state"] == "connected"
            and event["data"]["workerId"] == worker_id
        }

    await world.backend.until(connected, f"not all are connected at {worker_id}", patience=90)


def kill(worker: RunningWorker) -> float:
    os.kill(worker.child.pid, signal.SIGKILL)
    return time.monotonic()


def assert_no_event_came_twice(world: World) -> None:
    ids = [event["id"] for event in world.backend.events if "sequence" in event]
    assert len(ids) == len(set(ids))


async def test_a_killed_workers_sessions_live_on_at_the_other(own_world: World) -> None:
    world = own_world
    members = [await world.paired(f"Ana {number}") for number in range(5)]
    ben = await world.phones.give("Ben")
    await world.stage.start_worker("worker-002")
    before = len(world.backend.events)

    killed_at = kill(world.worker)
    command = await world.send(members[0], ben, "sent while nobody was there")
    await all_connected_at(world, members, "worker-002", after=before)
    seconds = time.monotonic() - killed_at
    await world.status(command, "delivered")

    assert seconds < 60  # however busy the machine; 10 s are held by `make chaos`
    assert [entry["content"]["text"] for entry in await world.phones.inbox(ben, 1)] == ["sent while nobody was there"]
    assert world.backend.statuses(command).count("sent") == 1
    for member in members:
        numbered = [event for event in world.backend.of(member.session_id) if "sequence" in event]
        assert [int(event["sequence"]) for event in numbered] == list(range(1, len(numbered) + 1))
        assert numbered[-1]["epoch"] > numbered[0]["epoch"]


async def test_a_restarted_worker_has_its_own_sessions_back(own_world: World) -> None:
    world = own_world
    members = [await world.paired(f"Ana {number}") for number in range(3)]
    before = len(world.backend.events)

    kill(world.worker)
    await world.stage.start_worker("worker-001")
    await all_connected_at(world, members, "worker-001", after=before)


async def test_a_second_worker_with_the_same_id_refuses_to_start_and_says_why(world: World) -> None:
    with pytest.raises(ProgramFailedError, match="a live worker already uses the worker id worker-001"):
        await world.stage.start_worker("worker-001")
    assert world.worker.child.is_alive


async def test_a_stopped_worker_is_fenced_and_does_nothing_more_when_it_wakes(own_world: World) -> None:
    world = own_world
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    for number in range(5):
        await world.status(await world.send(ana, ben, f"before {number}"), "sent")
    other = await world.stage.start_worker("worker-002")
    before = len(world.backend.events)

    os.kill(world.worker.child.pid, signal.SIGSTOP)
    commands = [await world.send(ana, ben, f"meanwhile {number}") for number in range(5)]
    await world.backend.state(ana.session_id, "connected", after=before, patience=LEASE_SECONDS + 20)
    for command in commands:
        await world.status(command, "sent", patience=60)
    os.kill(world.worker.child.pid, signal.SIGCONT)
    later = [await world.send(ana, ben, f"after {number}") for number in range(5)]
    for command in later:
        await world.status(command, "delivered", patience=60)
    await asyncio.to_thread(wait_for_line, world.worker, "session.taken_over")

    texts = [entry["content"]["text"] for entry in await world.phones.inbox(ben, 15)]
    assert texts == [f"{when} {number}" for when in ("before", "meanwhile", "after") for number in range(5)]
    assert await owners(world, [ana]) == {"worker-002"}
    assert_no_event_came_twice(world)
    assert other.child.is_alive
    assert world.worker.child.is_alive


def wait_for_line(worker: RunningWorker, name: str) -> None:
    """Wait until the worker has logged an event of this name."""
    deadline = time.monotonic() + 30
    while f'"{name}"' not in worker.log():
        assert time.monotonic() < deadline, f"{worker.worker_id} never logs {name}"
        time.sleep(0.1)
