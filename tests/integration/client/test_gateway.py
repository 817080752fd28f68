"""The client on a real broker; the gateway's part is played by a few lines that answer as it does."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from deploy.local.services import PrivateServices
from gateway_worker.client import (
    AccessRefusedError,
    CommandRejectedError,
    Event,
    EventQueue,
    Gateway,
    Missed,
    NoReplyError,
    Subscription,
    Text,
    TopologyMissingError,
)
from schemas.sequence import write
from schemas.topology.addresses import shown
from schemas.topology.channels import Topology
from tests.support.network.gates import Gate, a_gate
from tests.support.services.private_services import unique_name

PATIENCE = 60.0
Json = dict[str, Any]


@dataclass(slots=True)
class FakeWorker:
    """Answers commands, and tells events; `stored` is what a replay tells again."""

    topology: Topology
    channel: AbstractChannel
    replies: Callable[[Json], Json | None]
    received: list[Json] = field(default_factory=list[Json])
    stored: dict[int, Json] = field(default_factory=dict[int, Json])

    async def on_command(self, message: AbstractIncomingMessage) -> None:
        command = json.loads(message.body)
        self.received.append(command)
        if command["type"] == "events.replay.v1":
            reply = await self.replay(int(command["data"]["fromSequence"]))
        else:
            reply = self.replies(command)
        if reply is not None and message.reply_to:
            envelope = {"specversion": "1.0", "id": f"r-{len(self.received)}", "source": "/worker", **reply}
            body = aio_pika.Message(json.dumps(envelope).encode(), correlation_id=message.correlation_id)
            await self.channel.default_exchange.publish(body, message.reply_to)

    async def replay(self, first: int) -> Json:
        again = [number for number in sorted(self.stored) if number >= first]
        for number in again:
            await self.publish(self.stored[number])
        result: Json = {"sessionId": "A", "count": len(again), "newestSequence": write(max(self.stored, default=0))}
        if again:
            result |= {"fromSequence": write(again[0]), "toSequence": write(again[-1])}
        return answered("command.result.v1", {"commandId": "c", "commandType": "events.replay.v1", "result": result})

    async def tell(self, number: int, *, publish: bool = True) -> None:
        """An event of the session A; unpublished it is as if a queue had lost it."""
        event: Json = {
            "specversion": "1.0",
            "id": f"event-{number}",
            "source": "/gateway/sessions/A",
            "type": "message.revoked.v1",
            "subject": "A",
            "sequence": write(number),
            "data": {},
        }
        self.stored[number] = event
        if publish:
            await self.publish(event)

    async def publish(self, event: Json) -> None:
        exchange = await self.channel.get_exchange(self.topology.events, ensure=False)
        await exchange.publish(aio_pika.Message(json.dumps(event).encode()), f"message.revoked.{event['subject']}")


def port_of(services: PrivateServices) -> int:
    return int(shown(services.amqp_url).rpartition(":")[2])


def through(gate: Gate, services: PrivateServices) -> str:
    return services.amqp_url.replace(f":{port_of(services)}", f":{gate.port}")


def answered(kind: str, data: Json) -> Json:
    return {"type": kind, "data": data}


def accept(command: Json) -> Json:
    seen = {"commandId": command["id"], "commandType": command["type"], "messageId": f"WA-{command['id']}"}
    return answered("command.accepted.v1", seen)


@asynccontextmanager
async def fake_worker(
    services: PrivateServices, replies: Callable[[Json], Json | None] = accept
) -> AsyncGenerator[FakeWorker]:
    topology = Topology(unique_name())
    connection = await aio_pika.connect(services.amqp_url)
    async with connection:
        channel = await connection.channel()
        await channel.declare_exchange(topology.events, aio_pika.ExchangeType.TOPIC, durable=True)
        commands = await channel.declare_exchange(topology.commands, aio_pika.ExchangeType.TOPIC, durable=True)
        inbox = await channel.declare_queue(exclusive=True)
        await inbox.bind(commands, "#")
        worker = FakeWorker(topology, channel, replies)
        await inbox.consume(worker.on_command, no_ack=True)
        yield worker


async def read(events: Subscription, count: int) -> list[int | None]:
    """The sequences of the next so many."""
    async with asyncio.timeout(PATIENCE):
        return [(await anext(events)).sequence for _ in range(count)]


async def test_a_message_is_sent_and_accepted_with_its_whatsapp_id(services: PrivateServices) -> None:
    async with (
        fake_worker(services) as worker,
        Gateway(services.amqp_url, namespace=worker.topology.namespace, source="/shop") as gateway,
    ):
        accepted = await gateway.send("A", "+15550001111", Text("hi"), command_id="order-7")
        assert (accepted.command_id, accepted.message_id) == ("order-7", "WA-order-7")
        (command,) = worker.received
        assert (command["source"], command["subject"]) == ("/shop", "A")
        assert command["data"]["content"] == {"kind": "text", "text": "hi"}


async def test_many_replies_find_those_who_wait_for_them(services: PrivateServices) -> None:
    async with (
        fake_worker(services) as worker,
        Gateway(services.amqp_url, namespace=worker.topology.namespace) as gateway,
        asyncio.TaskGroup() as group,
    ):
        asked = [group.create_task(gateway.restart_session("A", command_id=f"c-{n % 20}")) for n in range(40)]
        for number, task in enumerate(asked):
            assert (await task).command_id == f"c-{number % 20}"


async def test_no_is_an_error_with_the_code_and_its_detail(services: PrivateServices) -> None:
    def refuse(command: Json) -> Json:
        seen = {"commandId": command["id"], "code": "rate.limited", "message": "Too many.", "detail": {"retryAfter": 7}}
        return answered("command.rejected.v1", seen)

    async with (
        fake_worker(services, refuse) as worker,
        Gateway(services.amqp_url, namespace=worker.topology.namespace) as gateway,
    ):
        with pytest.raises(CommandRejectedError) as refused:
            await gateway.send("A", "+15550001111", Text("hi"))
        assert (refused.value.code, refused.value.detail) == ("rate.limited", {"retryAfter": 7})


async def test_silence_is_told_with_the_commands_id(services: PrivateServices) -> None:
    async with (
        fake_worker(services, lambda _: None) as worker,
        Gateway(services.amqp_url, namespace=worker.topology.namespace) as gateway,
    ):
        with pytest.raises(NoReplyError) as nothing:
            await gateway.restart_session("A", command_id="mine", timeout=0.3)
        assert nothing.value.command_id == "mine"


async def test_a_gateway_that_is_not_there_is_told_and_the_client_goes_on(services: PrivateServices) -> None:
    async with Gateway(services.amqp_url, namespace=unique_name()) as gateway:
        with pytest.raises(TopologyMissingError):
            await gateway.restart_session("A")
        with pytest.raises(TopologyMissingError):
            async with gateway.events():
                raise AssertionError("there is nothing to listen to")
    async with (
        fake_worker(services) as worker,
        Gateway(services.amqp_url, namespace=worker.topology.namespace) as gateway,
    ):
        with pytest.raises(TopologyMissingError):
            async with gateway.events(EventQueue(name=unique_name(), declare=False, bind=False)):
                raise AssertionError("there is nothing to listen to")
        assert await gateway.restart_session("A")


async def test_a_wrong_password_is_told_at_once_and_in_one_line(services: PrivateServices) -> None:
    url = "amqp://nobody:secret@" + shown(services.amqp_url)
    with pytest.raises(AccessRefusedError, match="nobody") as refused:
        async with Gateway(url):
            raise AssertionError("nobody may come in")
    assert "secret" not in str(refused.value)


async def test_a_lost_connection_loses_no_reply_and_no_event(services: PrivateServices) -> None:
    async with (
        a_gate(port_of(services)) as gate,
        fake_worker(services) as worker,
        Gateway(through(gate, services), namespace=worker.topology.namespace) as gateway,
        gateway.events() as events,
    ):
        await worker.tell(1)
        assert await read(events, 1) == [1]
        await gate.shut()
        await worker.tell(2)  # into no queue: that of the connection is gone
        asked = asyncio.create_task(gateway.restart_session("A", command_id="mine"))
        await gate.start()
        assert (await asked).command_id == "mine"
        assert await read(events, 1) == [2]


async def test_what_was_missed_is_replayed_in_order_and_what_is_gone_is_told(services: PrivateServices) -> None:
    async with fake_worker(services) as worker:
        for number in (2, 3, 10):  # 4 to 9 do not exist: the session was restored
            await worker.tell(number, publish=False)
        async with (
            Gateway(services.amqp_url, namespace=worker.topology.namespace) as gateway,
            gateway.events(after={"A": 1}) as events,
        ):
            seen: list[Event] = []
            async with asyncio.timeout(PATIENCE):
                seen.extend([await anext(events) for _ in range(3)])
                assert [event.sequence for event in seen] == [2, 3, 10]
                assert seen[2].missed == Missed(first=4, last=9)
                await worker.tell(11, publish=False)
                await worker.tell(12)
                await worker.tell(12)
                await worker.tell(13)
            assert await read(events, 3) == [11, 12, 13]
            assert events.positions == {"A": 12}  # 13 is in hand


async def read_and_fail(gateway: Gateway, queue: EventQueue, worker: FakeWorker) -> None:
    async with gateway.events(queue) as events:
        for number in (1, 2, 3):
            await worker.tell(number)
        assert await read(events, 2) == [1, 2]
        raise RuntimeError("the program failed")


async def test_a_durable_queue_keeps_what_was_not_done_with(services: PrivateServices) -> None:
    async with fake_worker(services) as worker:
        queue = EventQueue(name=f"{worker.topology.namespace}-backend.events")
        async with Gateway(services.amqp_url, namespace=worker.topology.namespace) as gateway:
            with pytest.raises(RuntimeError, match="the program failed"):
                await read_and_fail(gateway, queue, worker)
            await worker.tell(4)
            async with gateway.events(queue) as events:
                assert await read(events, 3) == [2, 3, 4]
            await worker.tell(5)
            async with gateway.events(queue) as events:
                assert await read(events, 1) == [5]
        await worker.channel.queue_delete(queue.name or "")


async def test_events_are_worked_on_at_the_same_time_and_each_is_told_once(services: PrivateServices) -> None:
    async with a_gate(port_of(services)) as gate, fake_worker(services) as worker:
        queue = EventQueue(name=f"{worker.topology.namespace}-backend.events")
        async with (
            Gateway(through(gate, services), namespace=worker.topology.namespace) as gateway,
            gateway.events(queue) as events,
        ):
            for number in (1, 2, 3):
                await worker.tell(number)
            async with asyncio.timeout(PATIENCE):
                in_hand = [await events.take() for _ in range(3)]
                await gate.shut()
                await gate.start()
                await worker.tell(4)
                assert (await events.take()).event.sequence == 4
                for delivery in in_hand:
                    await delivery.ack()
            assert events.positions == {"A": 3}
        await worker.channel.queue_delete(queue.name or "")
