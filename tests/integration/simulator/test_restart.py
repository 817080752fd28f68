"""WhatsApp restarts: nothing that anybody knew is forgotten, and the unmodified Baileys goes on as if nothing was."""

import os
import signal
from pathlib import Path

import aiohttp
import pytest

from deploy.local.program import ProgramFailedError
from deploy.local.stage import Stage
from gateway_worker.simulator.run import new_simulator
from gateway_worker.simulator.world.pickled import dump, load
from tests.integration.simulator.companion import baileys
from tests.integration.simulator.conftest import World


async def test_a_restart_cuts_everybody_refuses_them_for_a_while_and_keeps_everything(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, ann)
        mark = len(companion.events)
        assert await world.post("/restart", seconds=60) == {"cut": 1, "seconds": 60}
        await companion.event("close", skip=mark)
        meanwhile = await world.text(bob, ann, "while WhatsApp restarts")
        mark = len(companion.events)
        await companion.call("connect")
        await companion.event("close", skip=mark)
        assert await world.post("/restart", seconds=0) == {"cut": 0, "seconds": 0}
        await companion.call("connect")
        assert (await companion.received(meanwhile))["message"]["conversation"] == "while WhatsApp restarts"
        again = await companion.send(f"{bob}@s.whatsapp.net", "here again")
        assert [entry["messageId"] for entry in await world.inbox(bob)] == [again]
    assert await world.stat("decryptFailures") == 0


async def test_a_simulator_started_from_a_state_is_the_one_its_companions_knew() -> None:
    async with new_simulator() as first, aiohttp.ClientSession(first.url) as http:
        before = World(first, http)
        ann, bob = await before.person(), await before.person()
        async with baileys(first) as companion:
            await before.pair(companion, ann)
            sent = await companion.send(f"{bob}@s.whatsapp.net", "before")
            await before.inbox(bob)
            await companion.received(await before.text(bob, ann, "answer"))
            mark = len(companion.events)
            await first.stop()
            await companion.event("close", skip=mark)
            state = load(dump(first.state()), os.urandom)
            async with (
                new_simulator(port=first.port, state=state) as second,
                aiohttp.ClientSession(second.url) as again,
            ):
                after = World(second, again)
                waiting = await after.text(bob, ann, "while you were away")
                await companion.call("connect")
                await companion.received(waiting)
                later = await companion.send(f"{bob}@s.whatsapp.net", "after")
                assert [entry["messageId"] for entry in await after.inbox(bob, 2)] == [sent, later]
                for figure in ("decryptFailures", "retries", "loginsRefused"):
                    assert await after.stat(figure) == 0, figure
                assert await after.stat("pairings") == 1


async def test_the_program_keeps_its_state_over_sigterm_and_refuses_to_go_on_after_a_kill(tmp_path: Path) -> None:
    state = tmp_path / "whatsapp.state"
    async with Stage(tmp_path, {}) as stage:
        first = await stage.start_simulator(state=state)
        async with (
            aiohttp.ClientSession(first.url) as http,
            http.post("/phones", json={"phone": "+15550000001"}) as made,
        ):
            assert made.status == 200
        await first.child.end(signal.SIGTERM)
        second = await stage.start_simulator(state=state)
        assert second.root_key == first.root_key
        async with aiohttp.ClientSession(second.url) as http, http.get("/phones") as people:
            assert [person["phone"] for person in await people.json()] == ["+15550000001"]
        await second.child.end(signal.SIGKILL)
        with pytest.raises(ProgramFailedError, match="killed"):
            await stage.start_simulator(state=state)


@pytest.mark.parametrize("seconds", [-1, "soon", 1e9])
async def test_a_restart_of_no_duration_is_refused(world: World, seconds: object) -> None:
    await world.post("/restart", status=400, seconds=seconds)
