"""What is confirmed is marked; whoever gives a session up can wait for that."""

import asyncio

from gateway_worker.events.marker import Marker
from schemas.names import SessionId
from tests.support.connections.virtual_time import virtual
from tests.support.store.outbox import MemoryOutbox

ANNA = SessionId("anna")


@virtual
async def test_whoever_waits_goes_on_when_all_that_was_confirmed_is_marked() -> None:
    outbox = MemoryOutbox(away=True)
    marker = Marker(outbox)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(marker.run())
        marker.mark(ANNA, 1)
        marker.mark(ANNA, 2)
        waiting = tasks.create_task(marker.caught_up())
        await asyncio.sleep(10)
        assert not waiting.done()
        outbox.away = False
        await waiting
        assert outbox.published == {(ANNA, 1), (ANNA, 2)}
        marker.stop()


@virtual
async def test_nobody_waits_for_what_is_marked_already() -> None:
    await Marker(MemoryOutbox()).caught_up()


@virtual
async def test_marks_gather_while_nobody_waits_for_them() -> None:
    outbox = MemoryOutbox()
    marker = Marker(outbox)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(marker.run())
        marker.mark(ANNA, 1)
        await asyncio.sleep(0.01)
        assert outbox.published == {(ANNA, 1)}  # the first one waits for nobody
        marker.mark(ANNA, 2)
        await asyncio.sleep(0.01)
        assert outbox.published == {(ANNA, 1)}
        await asyncio.sleep(1)
        assert outbox.published == {(ANNA, 1), (ANNA, 2)}
        marker.stop()


@virtual
async def test_whoever_waits_does_not_wait_for_marks_to_gather() -> None:
    outbox = MemoryOutbox()
    marker = Marker(outbox)
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(marker.run())
        marker.mark(ANNA, 1)
        await marker.caught_up()
        marker.mark(ANNA, 2)
        began = loop.time()
        await marker.caught_up()
        assert loop.time() - began < 0.01  # seconds
        marker.stop()
