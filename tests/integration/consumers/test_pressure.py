"""Commands while the broker has no memory left, while it dies with replies on their way, and while a queue goes."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator

import aio_pika
import pytest

from deploy.local.services import PrivateServices
from schemas.names import SessionId
from schemas.topology.channels import Topology
from tests.support.backend import Backend, backend
from tests.support.consumers.consuming import Consuming, consuming
from tests.support.consumers.fakes import body_of
from tests.support.services.pressure import memory_alarm
from tests.support.store.outbox import remembered

S1 = SessionId("s1")


def text(words: str) -> dict[str, object]:
    return {"to": "+15550001111", "content": {"kind": "text", "text": words}}


@pytest.fixture
async def here(services: PrivateServices, namespace: str) -> AsyncGenerator[Consuming]:
    async with consuming(services.amqp_url, Topology(namespace), "s1") as made:
        yield made


@pytest.fixture
async def shop(services: PrivateServices, here: Consuming) -> AsyncGenerator[Backend]:
    async with backend(services.amqp_url, here.topology.namespace) as made:
        yield made


@pytest.mark.alone
async def test_a_memory_alarm_holds_up_replies_but_no_message(
    services: PrivateServices, shop: Backend, here: Consuming
) -> None:
    queues, session = here.consumers.session_queues, here.manager.of(S1)
    await queues.pause(S1)
    waiting = [await shop.publish("message.send.v1", "s1", text(f"{number}")) for number in range(40)]
    async with memory_alarm(services):
        await queues.open(S1)
        async with asyncio.timeout(60):
            await session.until_sent(40)
    assert session.sent == [f"{number}" for number in range(40)]
    for command_id in waiting:
        assert (await shop.reply_to(command_id))["type"] == "command.accepted.v1"
    assert len(shop.answers) == len(waiting)


@pytest.mark.alone
@pytest.mark.timeout(180)
async def test_a_broker_killed_with_replies_on_their_way_leaves_no_command_unanswered(
    services: PrivateServices, here: Consuming
) -> None:
    topology = here.topology
    names = [f"c{number}" for number in range(300)]
    await here.consumers.stop(grace=0)
    async with await aio_pika.connect(services.amqp_url) as connection:
        channel = await connection.channel(publisher_confirms=True)
        inbox = f"{topology.namespace}.replies"
        await channel.declare_queue(inbox, durable=True, arguments={"x-queue-type": "quorum"})
        commands = await channel.get_exchange(topology.commands)
        for name in names:
            body = body_of("session.restart.v1", "s1", {}, command_id=name)
            message = aio_pika.Message(body, reply_to=inbox, correlation_id=name, delivery_mode=2)
            await commands.publish(message, "control.s1")
    await remembered()
    async with consuming(services.amqp_url, topology, "s1", worker_id="w2") as second:
        async with asyncio.timeout(60):
            while len(second.manager.asked) < 60:  # noqa: ASYNC110 (the fake tells nobody)
                await asyncio.sleep(0.01)
        await asyncio.to_thread(services.rabbitmq.kill)
        await asyncio.to_thread(services.rabbitmq.start)
        answered = await answers(services.amqp_url, inbox, len(names))
        assert set(answered) == set(names)
        assert len(second.manager.asked) == len(names), "each was carried out once"
        twice = sum(count - 1 for count in answered.values())
        assert twice <= 50, "at most those that were held by the consumer when it died"


async def answers(amqp_url: str, inbox: str, distinct: int) -> Counter[str]:
    """The replies in a queue, counted by whose they are."""
    counted: Counter[str] = Counter()
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue(inbox)
        async with asyncio.timeout(60), queue.iterator() as arrivals:
            async for message in arrivals:
                await message.ack()
                counted[message.correlation_id or ""] += 1
                if len(counted) == distinct:
                    break
    return counted


async def test_five_hundred_queued_commands_and_those_that_come_meanwhile_are_answered_when_a_session_goes(
    shop: Backend, here: Consuming
) -> None:
    queues, session = here.consumers.session_queues, here.manager.of(S1)
    session.connected.clear()
    await queues.pause(S1)
    published = [await shop.publish("message.send.v1", "s1", text(f"{number}")) for number in range(500)]
    del here.manager.sessions[S1]
    deleting = asyncio.create_task(queues.delete(S1))
    while not deleting.done():
        published.append(await shop.publish("message.send.v1", "s1", text("meanwhile")))
    await deleting
    for command_id in published:
        assert (await shop.reply_to(command_id))["data"]["code"] == "session.not_found"
    assert len(shop.answers) == len(published), "exactly one reply each"
    assert len(published) > 500
    assert await here.count(here.topology.unroutable) == 0
