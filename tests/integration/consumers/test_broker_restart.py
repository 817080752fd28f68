"""Commands through the death of the broker: none lost, each chat in order, each carried out once."""

import asyncio

import pytest

from deploy.local.services import PrivateServices
from gateway_worker.broker.errors import TopologyMismatch
from gateway_worker.broker.outgoing import Outgoing
from schemas.names import SessionId
from schemas.topology.channels import Topology
from tests.support.consumers.consuming import consuming
from tests.support.consumers.fakes import text_message
from tests.support.store.outbox import remembered


@pytest.mark.alone
@pytest.mark.timeout(180)
async def test_messages_keep_their_order_when_the_broker_is_killed(services: PrivateServices, namespace: str) -> None:
    topology = Topology(namespace)
    session_ids = [f"s{number}" for number in range(5)]
    async with consuming(services.amqp_url, topology, *session_ids) as here:
        await remembered()
        pipe = await here.publisher.pipe()
        for number in range(150):
            async with asyncio.TaskGroup() as group:
                for session_id in session_ids:
                    message = Outgoing(
                        exchange=topology.commands,
                        routing_key=f"session.{session_id}",
                        body=text_message(session_id, f"{number}", command_id=f"{session_id}-{number}"),
                        message_id=None,
                    )
                    group.create_task(pipe.publish(message))
            if number == 75:
                for session_id in session_ids:
                    here.manager.of(SessionId(session_id)).connected.clear()  # from now on they are held
        await asyncio.to_thread(services.rabbitmq.kill)
        for session_id in session_ids:
            here.manager.of(SessionId(session_id)).connected.set()
        await asyncio.to_thread(services.rabbitmq.start)
        for session_id in session_ids:
            session = here.manager.of(SessionId(session_id))
            async with asyncio.timeout(60):
                await session.until_sent(150)
            assert list(dict.fromkeys(session.begun)) == [f"{number}" for number in range(150)]
            assert session.sent == [f"{number}" for number in range(150)]
            async with asyncio.timeout(60):
                while await here.count(topology.session_queue_name(session_id)):  # noqa: ASYNC110 (nothing tells of acks)
                    await asyncio.sleep(0.05)


async def test_a_session_queue_with_other_arguments_says_what_to_do(services: PrivateServices, namespace: str) -> None:
    topology = Topology(namespace)
    async with consuming(services.amqp_url, topology, opened=False) as here:
        channel = await here.link.channel(confirms=False)
        await channel.queue_declare(topology.session_queue_name("odd"), durable=True)
        with pytest.raises(TopologyMismatch, match="delete it"):
            await here.consumers.session_queues.declare(SessionId("odd"))
        await channel.queue_delete(topology.session_queue_name("odd"))
