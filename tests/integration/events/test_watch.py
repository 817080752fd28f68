"""What is deleted at the broker while nobody speaks, nodes that go, and an alarm: noticed all the same."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, cast
from urllib.parse import urlsplit

import aio_pika
import pytest

from deploy.local.services import PrivateServices
from gateway_worker.broker.connection import BrokerConnection
from gateway_worker.broker.errors import BrokerRefused
from gateway_worker.broker.marks import MarkQueue
from gateway_worker.broker.topology import declare
from gateway_worker.broker.watch import TopologyWatch
from schemas.topology.channels import Topology
from tests.support.network.gates import a_gate
from tests.support.services.pressure import memory_alarm

_PATIENCE_SECONDS = 60.0


class Environment:
    """Two connections and a watch over a fleet's topology and one session's binding."""

    def __init__(self, amqp_url: str, topology: Topology) -> None:
        self.topology = topology
        self.consuming, self.publishing = (
            BrokerConnection(amqp_url, name="consume"),
            BrokerConnection(amqp_url, name="publish"),
        )
        self.missed = 0
        self.watch = TopologyWatch(
            self.consuming,
            self.publishing,
            topology.fleet(),
            bindings_lost=self._bind,
            missed=self._miss,
            every=0.2,
        )

    def _miss(self) -> None:
        self.missed += 1

    async def _bind(self, name: str) -> None:
        if name == self.topology.commands:
            await self.declare_session()

    async def declare_session(self) -> None:
        await self.consuming.insist(lambda channel: declare(channel, self.topology.session("s1")))


@asynccontextmanager
async def running(*services: Callable[[], Awaitable[None]]) -> AsyncGenerator[None]:
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(_run(service)) for service in services]
        yield
        for task in started:
            task.cancel()


async def _run(service: Callable[[], Awaitable[None]]) -> None:
    await service()


async def until(happened: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not await happened():  # noqa: ASYNC110 (another program does it)
            await asyncio.sleep(0.05)


@pytest.fixture
async def here(services: PrivateServices, namespace: str) -> AsyncGenerator[Environment]:
    made = Environment(services.amqp_url, Topology(namespace, f"{namespace}.backend"))
    async with running(made.consuming.run, made.publishing.run):
        await made.consuming.insist(lambda channel: declare(channel, made.topology.fleet()))
        await made.declare_session()
        async with running(made.watch.run):
            yield made


@pytest.mark.parametrize("kind", ["exchange", "queue"])
async def test_what_is_deleted_while_nobody_speaks_is_declared_again_with_its_bindings(
    here: Environment, services: PrivateServices, kind: str
) -> None:
    async with await aio_pika.connect(services.amqp_url) as connection:
        channel = await connection.channel()
        if kind == "exchange":
            await channel.exchange_delete(here.topology.commands)
        else:
            await channel.queue_delete(here.topology.control_queue)

        async def arrives() -> bool:
            """A command for each queue finds it."""
            with suppress(Exception):
                fresh = await connection.channel()
                commands = await fresh.get_exchange(here.topology.commands)
                for key in ("control.s1", "session.s1"):
                    await commands.publish(aio_pika.Message(b"{}"), key, mandatory=True)
                lost = await fresh.declare_queue(here.topology.unroutable, passive=True)
                control = await fresh.declare_queue(here.topology.control_queue, passive=True)
                session = await fresh.declare_queue(here.topology.session_queue_name("s1"), passive=True)
                counts = [queue.declaration_result.message_count or 0 for queue in (control, session)]
                await lost.purge()
                return min(counts) > 0
            return False

        await until(arrives)
    assert here.missed == 1


async def test_whatever_of_the_fleets_is_deleted_comes_back_with_what_leads_to_it(
    here: Environment, services: PrivateServices
) -> None:
    plan = here.topology.fleet()
    ways = {binding.queue: binding for binding in plan.bindings}
    async with await aio_pika.connect(services.amqp_url) as connection:

        async def counts(queue: str) -> int:
            channel = await connection.channel()
            found = await channel.declare_queue(queue, passive=True)
            return found.declaration_result.message_count or 0

        async def arrives(queue: str) -> bool:
            with suppress(Exception):
                before = await counts(queue)
                way = ways[queue]
                target = await (await connection.channel()).get_exchange(way.exchange)
                await target.publish(aio_pika.Message(b"{}"), way.routing_key.replace("#", "s1").replace("*", "s1"))
                return await counts(queue) > before
            return False

        for missed, (kind, name) in enumerate(
            [*(("exchange", each.name) for each in plan.exchanges), *(("queue", each.name) for each in plan.queues)]
        ):
            channel = await connection.channel()
            await (channel.exchange_delete if kind == "exchange" else channel.queue_delete)(name)
            led = [queue for queue, way in ways.items() if name in {queue, way.exchange}]
            for queue in led:
                await until(partial(arrives, queue))
            assert here.missed == missed + 1, name


async def test_the_mark_is_written_again_where_its_queue_was_deleted(
    here: Environment, services: PrivateServices
) -> None:
    place = MarkQueue(here.publishing, here.topology)
    assert await place.read() is None
    await place.write(b"one")
    async with await aio_pika.connect(services.amqp_url) as connection:
        await (await connection.channel()).queue_delete(here.topology.marks_queue)
    await place.write(b"two")
    await place.write(b"three")
    assert [await place.read(), await place.read()] == [b"three", b"three"]


@pytest.mark.alone
async def test_an_alarm_of_the_broker_is_noticed_by_who_has_nothing_to_publish(
    here: Environment, services: PrivateServices
) -> None:
    assert not await here.publishing.is_blocked()
    async with memory_alarm(services):
        await until(here.publishing.is_blocked)
        await here.consuming.ask()

    async def is_open() -> bool:
        return not await here.publishing.is_blocked()

    await until(is_open)


class First(random.Random):
    """Whoever asks for one of several gets the first."""

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:  # noqa: ARG002 (random's own)
        return 0


async def test_a_node_that_goes_is_followed_by_the_next(services: PrivateServices) -> None:
    address = urlsplit(services.amqp_url)
    assert address.port is not None
    async with a_gate(address.port) as one, a_gate(address.port) as two:
        nodes = f"127.0.0.1:{one.port},127.0.0.1:{two.port}"
        link = BrokerConnection(services.amqp_url.replace(f"127.0.0.1:{address.port}", nodes), name="t", chance=First())
        async with running(link.run):
            first = await link.connection()
            assert first.url.port == one.port
            await one.shut()
            closing = cast("asyncio.Future[Any]", first.closing)
            await asyncio.wait({closing}, timeout=_PATIENCE_SECONDS)
            async with asyncio.timeout(_PATIENCE_SECONDS):
                second = await link.connection()
            assert second.url.port == two.port


async def test_a_node_that_does_not_answer_is_followed_by_the_next(services: PrivateServices) -> None:
    address = urlsplit(services.amqp_url)
    assert address.port is not None
    async with a_gate(address.port, silent=True) as silent:
        nodes = f"127.0.0.1:{silent.port},127.0.0.1:{address.port}"
        link = BrokerConnection(services.amqp_url.replace(f"127.0.0.1:{address.port}", nodes), name="t", chance=First())
        async with running(link.run), asyncio.timeout(_PATIENCE_SECONDS):
            assert (await link.connection()).url.port == address.port


async def test_nodes_that_all_refuse_at_the_start_end_it_in_one_line(services: PrivateServices) -> None:
    nowhere = BrokerConnection(f"{services.amqp_url.rstrip('/')}/no-such-vhost", name="t")
    with pytest.raises(BrokerRefused, match="'no-such-vhost' does not exist"):
        await nowhere.run()
    nobody = BrokerConnection(f"amqp://nobody:hidden@127.0.0.1:{urlsplit(services.amqp_url).port}/", name="t")
    with pytest.raises(BrokerRefused, match="refuses the user 'nobody'") as refused:
        await nobody.run()
    assert "hidden" not in str(refused.value)
