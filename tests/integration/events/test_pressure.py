"""The relay while the broker has no memory left, no exchange, or no room."""

import asyncio
import time
from collections.abc import AsyncGenerator

import pytest

from deploy.local.services import PrivateServices
from gateway_worker.broker.topology import declare
from schemas.names import SessionId
from schemas.topology.channels import Binding, Plan, Topology
from tests.support.events import WayOut, hearing, way_out
from tests.support.services.pressure import memory_alarm
from tests.support.store.outbox import Listener

SESSIONS = [f"s{number}" for number in range(5)]


@pytest.fixture
async def out(services: PrivateServices, namespace: str) -> AsyncGenerator[WayOut]:
    async with way_out(services.amqp_url, Topology(namespace, backend_queue=f"{namespace}.backend")) as made:
        await (await made.publisher.pipe()).close()  # the topology is there
        yield made


@pytest.fixture
async def ears(services: PrivateServices, out: WayOut) -> AsyncGenerator[Listener]:
    async with hearing(services.amqp_url, f"{out.topology.namespace}.backend") as listener:
        yield listener


def commit(out: WayOut, count: int) -> None:
    for _ in range(count):
        for session_id in SESSIONS:
            out.outbox.commit(session_id)


def in_order(ears: Listener, session_id: str, count: int) -> bool:
    return ears.first_arrivals(session_id) == list(range(1, count + 1))


@pytest.mark.alone
async def test_a_memory_alarm_is_waited_for_without_work_and_nothing_is_lost_or_doubled(
    services: PrivateServices, out: WayOut, ears: Listener
) -> None:
    async with memory_alarm(services):
        commit(out, 300)
        await asyncio.sleep(0.5)  # what the relay does first is done: from now on it waits
        before = time.process_time()
        await asyncio.sleep(2)  # the waiting itself is measured
        spent = time.process_time() - before
        assert len(ears.events) < 5 * 300
        assert out.relay.backlog > 0
    async with asyncio.timeout(60):
        await ears.until(5 * 300)
    assert spent < 0.4, "no busy loop"
    assert all(in_order(ears, session_id, 300) for session_id in SESSIONS)
    assert (len(ears.events), out.counts.repeated, out.counts.published) == (5 * 300, 0, 5 * 300)


async def test_a_full_queue_is_tried_with_one_event_at_a_time_until_there_is_room(out: WayOut, ears: Listener) -> None:
    channel = await out.link.channel(confirms=False)
    full = f"{out.topology.namespace}.full"
    await channel.queue_declare(full, arguments={"x-max-length": 10, "x-overflow": "reject-publish"})
    await declare(channel, Plan(bindings=(Binding(exchange=out.topology.events, queue=full, routing_key="#"),)))
    commit(out, 100)
    while not out.counts.refused:  # noqa: ASYNC110 (a count tells nobody)
        await asyncio.sleep(0.02)
    before = time.process_time()
    await asyncio.sleep(3)  # the waiting itself is measured
    spent = time.process_time() - before
    refused = out.counts.refused
    assert spent < 0.6, "no busy loop"
    await channel.queue_delete(full)
    async with asyncio.timeout(60):
        for session_id in SESSIONS:
            await out.relay.flushed(SessionId(session_id))
        await ears.until(5 * 100)
    assert all(in_order(ears, session_id, 100) for session_id in SESSIONS)
    assert len(ears.events) <= 5 * 100 + out.counts.refused, "twice only what a queue refused"
    assert refused < 5 * 100


async def test_an_exchange_that_was_removed_comes_back_with_its_queue(out: WayOut, ears: Listener) -> None:
    commit(out, 1)
    await ears.until(5)
    channel = await out.link.channel(confirms=False)
    await channel.exchange_delete(out.topology.events)
    await channel.close()
    commit(out, 50)
    async with asyncio.timeout(60):
        await ears.until(5 * 51)
    assert all(in_order(ears, session_id, 51) for session_id in SESSIONS)
