"""RabbitMQ: each node, and what our user may do there."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import aio_pika
from aiormq.channel import Channel

from gateway_worker.broker.connection import BrokerConnection, discard
from gateway_worker.broker.errors import BrokerError, BrokerLost, QueueMissing, TopologyMismatch, translated
from gateway_worker.broker.nodes import let_in, require_version
from gateway_worker.broker.topology import declare
from gateway_worker.cli.doctor.examination import NAME, SECONDS, UnwellError
from gateway_worker.settings.settings import Settings
from schemas.names import WorkerId
from schemas.topology.addresses import amqp_nodes, shown
from schemas.topology.channels import Exchange, Plan, Topology

_RIGHTS: Final = "see gateway-worker topology --definitions"


async def rabbitmq(settings: Settings) -> str:
    """Every node is asked: one that is away is to be known before the others are."""
    urls = amqp_nodes(settings.amqp_url)
    found = await asyncio.gather(*(let_in(url, _version, SECONDS) for url in urls), return_exceptions=True)
    if failures := [each for each in found if isinstance(each, BaseException)]:
        raise UnwellError("; ".join(str(each) for each in failures))
    return ", ".join(f"{shown(url)}: RabbitMQ {version}" for url, version in zip(urls, found, strict=True))


async def _version(url: str) -> str:
    async with await aio_pika.connect(url) as connection:
        properties = connection.transport.connection.server_properties if connection.transport else {}
        return require_version(properties, url)


async def rights(settings: Settings) -> str:
    """Whether our user may do what a worker does: what is there is declared once more, the rest is tried elsewhere."""
    topology = Topology(settings.namespace, settings.backend_queue_name)
    async with opened(settings) as link:
        await _try_out(link, f"{settings.namespace}.doctor.{secrets.token_hex(8)}")
        own = (topology.fleet(), topology.worker(WorkerId(settings.worker_id)), topology.marks())
        there = [await _declared_again(link, part) for plan in own for part in _parts(plan)]
    return f"it may declare, bind, publish and consume; {sum(there)} of {len(there)} exchanges and queues are there"


@asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator[BrokerConnection]:
    """A connection as the worker's. Raises BrokerError when no node lets us in; one that is away is waited for."""
    link = BrokerConnection(settings.amqp_url, name=NAME)
    running, connecting = asyncio.ensure_future(link.run()), asyncio.ensure_future(link.connection())
    try:
        await asyncio.wait({running, connecting}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()  # it refuses us
        yield link
    finally:
        await link.stop()
        connecting.cancel()
        await asyncio.gather(running, connecting, return_exceptions=True)


def _parts(plan: Plan) -> list[Plan]:
    return [
        *(Plan(exchanges=(exchange,)) for exchange in plan.exchanges),
        *(Plan(queues=(queue,)) for queue in plan.queues),
    ]


async def _declared_again(link: BrokerConnection, part: Plan) -> bool:
    """Whether it is there. Raises UnwellError when it is, and a worker could not declare it."""
    channel = await link.channel(confirms=False)
    try:
        await _look_up(channel, part)
    except QueueMissing:
        return False
    try:
        await declare(channel, part)
    except TopologyMismatch as error:
        raise UnwellError(str(error)) from error
    finally:
        await discard(channel)
    return True


async def _look_up(channel: Channel, part: Plan) -> None:
    with translated():
        for exchange in part.exchanges:
            await channel.exchange_declare(exchange.name, passive=True, timeout=SECONDS)
        for queue in part.queues:
            await channel.queue_declare(queue.name, passive=True, timeout=SECONDS)


async def _try_out(link: BrokerConnection, name: str) -> None:
    """All that a worker does at the broker, with an exchange and a queue that go by themselves."""
    channel = await link.channel(confirms=True)
    try:
        await declare(channel, Plan(exchanges=(Exchange(name=name, kind="topic"),)))
        with translated():
            await channel.queue_declare(
                name, exclusive=True, arguments={"x-dead-letter-exchange": name}, timeout=SECONDS
            )
            await channel.queue_bind(name, name, routing_key="probe", timeout=SECONDS)
            for exchange, key in ((name, "probe"), ("", name)):
                await channel.basic_publish(b"", exchange=exchange, routing_key=key, mandatory=True, timeout=SECONDS)
                await channel.basic_get(name, no_ack=True, timeout=SECONDS)
            await channel.exchange_delete(name, timeout=SECONDS)
    except BrokerLost:
        raise
    except BrokerError as error:
        cause = error.__cause__ or error
        raise UnwellError(f"RabbitMQ does not let this user do what a worker does ({cause}): {_RIGHTS}") from error
    finally:
        await discard(channel)
