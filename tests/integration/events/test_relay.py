"""The outbox relay, the publisher and the registry on a real RabbitMQ, also while it is killed."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from deploy.local.services import PrivateServices
from gateway_worker.broker.connection import BrokerConnection
from gateway_worker.broker.errors import BrokerLost, TopologyMismatch
from gateway_worker.broker.topology import declare
from gateway_worker.events.publisher import Publisher
from gateway_worker.events.registry import Registry
from gateway_worker.events.relay import WINDOW
from gateway_worker.store.records import CausedBy
from schemas.events.workers import WorkerHeartbeat, WorkerMetrics, WorkerRegistered, WorkerState
from schemas.names import MAX_EVENT_BYTES, SessionId, WorkerId
from schemas.topology.channels import Binding, Plan, Queue, Topology
from tests.support.events import WayOut, hearing, way_out
from tests.support.lease import TestLease
from tests.support.store.outbox import Listener, MemoryOutbox, outbox_event, remembered


@pytest.fixture
async def out(services: PrivateServices, namespace: str) -> AsyncGenerator[WayOut]:
    async with way_out(services.amqp_url, Topology(namespace, backend_queue=f"{namespace}.backend")) as made:
        await (await made.publisher.pipe()).close()  # the topology is there
        yield made


@pytest.fixture
async def ears(services: PrivateServices, out: WayOut) -> AsyncGenerator[Listener]:
    async with hearing(services.amqp_url, f"{out.topology.namespace}.backend") as listener:
        yield listener


async def test_an_event_is_published_as_the_contract_says(out: WayOut, ears: Listener) -> None:
    out.outbox.commit("s1")
    await ears.until(1)
    (event,) = ears.events
    assert event["source"] == f"/{out.topology.namespace}/sessions/s1"
    assert (event["id"], int(event["sequence"]), event["epoch"], event["subject"]) == ("s1-1", 1, 1, "s1")
    await out.outbox.until_marked(1)


async def test_many_sessions_keep_their_order(out: WayOut, ears: Listener) -> None:
    for number in range(20):
        for session in range(50):
            out.outbox.commit(f"s{session}", announced=number % 7 != 3)  # what is not told is read
    for session in range(50):
        out.outbox.commit(f"s{session}")
    async with asyncio.timeout(60):
        await ears.until(50 * 21)
        for session in range(50):
            await out.relay.flushed(SessionId(f"s{session}"))
    for session in range(50):
        assert ears.first_arrivals(f"s{session}") == list(range(1, 22))
    assert len(ears.events) == 50 * 21
    assert (out.counts.published, out.counts.repeated, out.counts.refused) == (50 * 21, 0, 0)


async def test_past_its_lease_a_worker_tells_nothing_and_afterwards_only_of_what_is_still_its_own(
    services: PrivateServices, namespace: str
) -> None:
    lease = TestLease()
    topology = Topology(namespace, backend_queue=f"{namespace}.backend")
    async with (
        way_out(services.amqp_url, topology, lease=lease) as out,
        hearing(services.amqp_url, f"{namespace}.backend") as ears,
    ):
        out.outbox.commit("mine")
        out.outbox.commit("lost")
        await ears.until(2)

        lease.lose()
        out.outbox.commit("mine", 3)
        out.outbox.commit("lost", 3)
        out.relay.fence()
        out.outbox.taken.add(SessionId("lost"))
        lease.take()
        await ears.until(5)
        await out.relay.all_flushed()

    assert ears.first_arrivals("mine") == [1, 2, 3, 4]
    assert ears.first_arrivals("lost") == [1]
    assert len(ears.events) == 5, "none came twice"


async def test_of_a_session_that_another_worker_took_nothing_more_is_told(
    services: PrivateServices, namespace: str
) -> None:
    lease = TestLease()
    topology = Topology(namespace, backend_queue=f"{namespace}.backend")
    async with (
        way_out(services.amqp_url, topology, lease=lease) as out,
        hearing(services.amqp_url, f"{namespace}.backend") as ears,
    ):
        out.outbox.commit("mine")
        out.outbox.commit("lost")
        await ears.until(2)

        out.outbox.commit("lost", 3)  # in one turn of the loop with what follows: they are not under way yet
        out.relay.let_go(SessionId("lost"))
        out.outbox.taken.add(SessionId("lost"))
        out.outbox.commit("mine")
        await ears.until(3)
        await out.relay.all_flushed()

    assert ears.first_arrivals("lost") == [1]
    assert out.relay.backlog == 0


async def test_what_an_earlier_life_left_is_published_first(services: PrivateServices, namespace: str) -> None:
    outbox = MemoryOutbox()
    outbox.commit("s1", 5, announced=False)
    outbox.published.update({(SessionId("s1"), 1), (SessionId("s1"), 2)})
    async with (
        way_out(services.amqp_url, Topology(namespace, backend_queue=f"{namespace}.backend"), outbox) as out,
        hearing(services.amqp_url, f"{namespace}.backend") as ears,
    ):
        outbox.commit("s1")
        await out.relay.flushed(SessionId("s1"))
        await ears.until(4)
        assert ears.first_arrivals("s1") == [3, 4, 5, 6]


async def test_events_that_nobody_publishes_are_found(services: PrivateServices, namespace: str) -> None:
    outbox = MemoryOutbox()
    outbox.commit("orphan", 3, announced=False, time=datetime.now(UTC) - timedelta(minutes=1))
    outbox.commit("young", 3, announced=False)
    topology = Topology(namespace, backend_queue=f"{namespace}.backend")
    async with (
        way_out(services.amqp_url, topology, outbox),
        hearing(services.amqp_url, f"{namespace}.backend") as ears,
    ):
        await ears.until(3)
        assert ears.first_arrivals("orphan") == [1, 2, 3]
        assert ears.first_arrivals("young") == []


async def test_a_store_that_is_away_stops_nothing(out: WayOut, ears: Listener) -> None:
    out.outbox.away = True
    out.outbox.commit("s1", 3)
    await ears.until(3)
    out.outbox.away = False
    async with asyncio.timeout(60):
        await out.outbox.until_marked(3)


async def test_a_backend_queue_that_was_removed_comes_back(out: WayOut, services: PrivateServices) -> None:
    queue = f"{out.topology.namespace}.backend"
    channel = await out.link.channel(confirms=False)
    await channel.queue_delete(queue)
    await channel.close()
    out.outbox.commit("s1", 3)
    async with asyncio.timeout(60):
        await out.relay.flushed(SessionId("s1"))
        async with hearing(services.amqp_url, queue) as ears:
            await ears.until(3)
            assert ears.first_arrivals("s1") == [1, 2, 3]


async def test_a_queue_that_goes_while_it_is_bound_is_declared_again(out: WayOut) -> None:
    channel = await out.link.channel(confirms=False)
    events = out.topology.events
    gone = Binding(exchange=events, queue=f"{out.topology.namespace}.gone", routing_key="#")
    with pytest.raises(BrokerLost):
        await declare(channel, Plan(bindings=(gone,)))


async def test_without_a_backend_queue_nobody_is_waited_for(services: PrivateServices, namespace: str) -> None:
    async with way_out(services.amqp_url, Topology(namespace)) as out:
        out.outbox.commit("s1", 3)
        async with asyncio.timeout(60):
            await out.relay.flushed(SessionId("s1"))
            await out.outbox.until_marked(3)


async def test_a_queue_that_is_full_holds_back_one_session_only(out: WayOut, ears: Listener) -> None:
    channel = await out.link.channel(confirms=False)
    full = f"{out.topology.namespace}.full"
    await channel.queue_declare(full, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    await declare(
        channel,
        Plan(bindings=(Binding(exchange=out.topology.events, queue=full, routing_key="message.status.full"),)),
    )
    out.outbox.commit("full", 3)
    out.outbox.commit("free", 3)
    await out.relay.flushed(SessionId("free"))
    waiting = asyncio.create_task(out.relay.flushed(SessionId("full")))
    done, _ = await asyncio.wait({waiting}, timeout=0.2)
    assert not done
    await channel.queue_delete(full)
    async with asyncio.timeout(60):
        await waiting
    assert ears.first_arrivals("full") == [1, 2, 3]


async def test_an_event_that_is_too_large_goes_without_its_content(out: WayOut, ears: Listener) -> None:
    content = {"kind": "text", "text": "x" * MAX_EVENT_BYTES}
    event = outbox_event("s1", 1, data={"sessionId": "s1", "content": content})
    out.outbox.rows[SessionId("s1")] = [event]
    await out.relay.flushed(SessionId("s1"))
    await ears.until(1)
    assert ears.events[0]["data"]["content"] == {"kind": "unsupported", "whatsappType": "too_large"}


@pytest.mark.alone
@pytest.mark.timeout(180)
async def test_killing_the_broker_loses_nothing_and_keeps_the_order(services: PrivateServices, out: WayOut) -> None:
    # A queue without a single active consumer may hand out later messages before it takes back those of a consumer that
    # died with the broker (seen with 3.10.8): then only `sequence` tells their order.
    queue = Queue(
        name=f"{out.topology.namespace}.ordered",
        arguments={"x-queue-type": "quorum", "x-single-active-consumer": True},
    )
    binding = Binding(exchange=out.topology.events, queue=queue.name, routing_key="#")
    await out.link.insist(partial(declare, plan=Plan(queues=(queue,), bindings=(binding,))))
    await remembered()
    async with hearing(services.amqp_url, queue.name) as ears:
        await _kill_and_compare(services, out, ears)


async def _kill_and_compare(services: PrivateServices, out: WayOut, ears: Listener) -> None:
    sessions = [f"s{number}" for number in range(10)]
    for round_number in range(2):
        for _ in range(40):
            for session_id in sessions:
                out.outbox.commit(session_id)
            await asyncio.sleep(0)
        await ears.until(round_number * 500 + 20)
        await asyncio.to_thread(services.rabbitmq.kill)
        for session_id in sessions:
            out.outbox.commit(session_id, 10)
        await asyncio.to_thread(services.rabbitmq.start)
        async with asyncio.timeout(60):
            await ears.until((round_number + 1) * 500)
    async with asyncio.timeout(60):
        await out.outbox.until_marked(1_000)
    for session_id in sessions:
        assert ears.first_arrivals(session_id) == list(range(1, 101))
    assert out.counts.published == 1_000, "confirmed once each; what was sent again is counted apart"
    assert out.counts.repeated <= 2 * WINDOW


@dataclass
class Board:
    statuses: list[WorkerHeartbeat | None] = field(default_factory=list[WorkerHeartbeat | None])

    async def put_worker_status(self, worker_id: WorkerId, heartbeat: WorkerHeartbeat) -> None:
        assert worker_id == heartbeat.worker_id
        self.statuses.append(heartbeat)

    async def drop_worker_status(self, worker_id: WorkerId) -> None:
        assert worker_id == "w1"
        self.statuses.append(None)


async def test_a_worker_tells_of_its_life(out: WayOut, ears: Listener) -> None:
    board = Board()
    worker_id = WorkerId("w1")
    metrics = WorkerMetrics(session_count=1, max_sessions=50, active_connections=1, cpu_usage=2.5, memory_usage=3.5)
    registry = Registry(
        out.announcer,
        board,
        registration=WorkerRegistered(worker_id=worker_id, endpoint="http://w1:8001", max_sessions=50, version="0.1.0"),
        heartbeat=lambda: WorkerHeartbeat(worker_id=worker_id, status=WorkerState.ONLINE, metrics=metrics),
        every=0.05,
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(registry.run())
        await ears.until(3)
        await registry.stop()
    await ears.until(len(board.statuses) + 1)
    kinds = [event["type"] for event in ears.events]
    assert (kinds[0], kinds[1], kinds[-1]) == ("worker.registered.v1", "worker.heartbeat.v1", "worker.stopped.v1")
    assert ears.events[1]["data"]["metrics"]["sessionCount"] == 1
    assert "sequence" not in ears.events[1]
    assert board.statuses[-1] is None


async def test_a_queue_with_other_arguments_says_what_to_do(services: PrivateServices, namespace: str) -> None:
    link = BrokerConnection(services.amqp_url, name="mismatch")
    async with asyncio.TaskGroup() as group:
        group.create_task(link.run())
        channel = await link.channel(confirms=False)
        await channel.queue_declare(f"{namespace}.control", durable=True)
        with pytest.raises(TopologyMismatch, match=r"control.*delete it"):
            await Publisher(link, Topology(namespace)).pipe()
        await link.stop()


async def test_an_event_is_json_with_camel_case(out: WayOut, ears: Listener) -> None:
    await out.announcer.announce(
        "worker.registered.v1",
        "w1",
        WorkerRegistered(worker_id=WorkerId("w1"), endpoint="e", max_sessions=1, version="0"),
        caused_by=CausedBy(command_id="c1", correlation_id="order-77", carried={"tenant": "acme"}),
    )
    await ears.until(1)
    assert json.loads(json.dumps(ears.events[0]["data"]))["maxSessions"] == 1
    assert (ears.events[0]["causationid"], ears.events[0]["correlationid"]) == ("c1", "order-77")
    assert ears.events[0]["tenant"] == "acme"
