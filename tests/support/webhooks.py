"""Both sides of webhooks in a test: a gateway that tells events on a real broker, and a server that receives calls."""

import asyncio
import json
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aiohttp import web

from gateway_worker.timing.clock import SystemClock
from gateway_worker.webhooks.configuration import Configuration
from gateway_worker.webhooks.delivering import Pace
from gateway_worker.webhooks.names import WebhookNames
from gateway_worker.webhooks.service import Webhooks
from schemas.events.events import EVENTS, session_source, worker_source
from schemas.sequence import write
from schemas.topology.channels import Topology

Json = dict[str, Any]
PATIENCE = 60.0
QUICK = Pace(first=0.1, longest=0.3, reset=0.5)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A call as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


Answer = Callable[[Received], Awaitable[web.StreamResponse]]


async def well(_call: Received) -> web.StreamResponse:
    return web.Response(status=204)


@dataclass(slots=True)
class Receiver:
    """An HTTP server that notes what it takes; what `answer` refuses is in `calls`, but not in `taken`."""

    url: str = ""
    answer: Answer = well
    calls: list[Received] = field(default_factory=list[Received])
    taken: list[Received] = field(default_factory=list[Received])
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        call = Received(
            method=request.method, path=request.path_qs, headers=dict(request.headers), body=await request.read()
        )
        self.calls.append(call)
        answer = await self.answer(call)
        if 200 <= answer.status < 300:
            self.taken.append(call)
        async with self.moved:
            self.moved.notify_all()
        return answer

    async def until(self, is_enough: Callable[["Receiver"], bool], patience: float = PATIENCE) -> None:
        async with asyncio.timeout(patience), self.moved:
            await self.moved.wait_for(lambda: is_enough(self))

    async def has_taken(self, count: int, patience: float = PATIENCE) -> list[Received]:
        await self.until(lambda _: len(self.taken) >= count, patience)
        return self.taken


@asynccontextmanager
async def a_receiver(answer: Answer = well, port: int = 0) -> AsyncGenerator[Receiver]:
    receiver = Receiver(answer=answer)
    app = web.Application(client_max_size=4 * 1024 * 1024)
    app.router.add_route("*", "/{tail:.*}", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()


@dataclass(slots=True)
class Stage:
    """Tells events as a worker does; per session 1, 2, 3 …"""

    topology: Topology
    connection: AbstractConnection
    channel: AbstractChannel
    numbers: dict[str, int] = field(default_factory=dict[str, int])

    async def emit(self, kind: str, subject: str, data: Json | None = None, **attributes: Any) -> Json:
        known = EVENTS[kind]
        source = worker_source if known.of_worker else session_source
        event: Json = {
            "specversion": "1.0",
            "source": source(self.topology.namespace, subject),  # pyright: ignore[reportArgumentType]
            "type": kind,
            "subject": subject,
            "time": SystemClock().now().isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
        }
        if known.durable:
            self.numbers[subject] = self.numbers.get(subject, 0) + 1
            event |= {"sequence": write(self.numbers[subject]), "epoch": 1}
        number = self.numbers.get(subject, 0)
        event |= {"id": f"{subject}-{kind}-{number}", "data": data if data is not None else {"sessionId": subject}}
        await self.publish(event | attributes)
        return event | attributes

    async def publish(self, event: Json) -> None:
        exchange = await self.channel.get_exchange(self.topology.events, ensure=False)
        message = aio_pika.Message(
            json.dumps(event).encode(), delivery_mode=aio_pika.DeliveryMode.PERSISTENT, message_id=event["id"]
        )
        key = f"{event['type'].removesuffix('.v1')}.{event['subject']}"
        await exchange.publish(message, key, mandatory=False)

    async def count(self, queue: str) -> int:
        """Messages that are ready in a queue; -1: there is no such queue."""
        channel = await self.connection.channel()
        try:
            declared = await channel.declare_queue(queue, passive=True)
        except aio_pika.exceptions.ChannelNotFoundEntity:
            return -1
        finally:
            await channel.close()
        return declared.declaration_result.message_count or 0

    async def until_counted(self, queue: str, count: int) -> None:
        """Another program's queue tells nobody when something comes into it."""
        async with asyncio.timeout(PATIENCE):
            while await self.count(queue) != count:  # noqa: ASYNC110 (as it says)
                await asyncio.sleep(0.1)

    async def until_bound(self, queue: str) -> None:
        """Return when events reach a queue: a program that starts declares it, then binds it."""
        exchange = await self.channel.get_exchange(self.topology.events, ensure=False)
        async with asyncio.timeout(PATIENCE):
            while await self.count(queue) < 0:  # noqa: ASYNC110 (as above)
                await asyncio.sleep(0.1)
        declared = await self.channel.get_queue(queue, ensure=False)
        await declared.bind(exchange, "#")


def sequences(calls: list[Received]) -> dict[str, list[int]]:
    """Per session the sequences that arrived, in that order; repetitions left out."""
    found: dict[str, list[int]] = {}
    for call in calls:
        event = call.json
        numbers = found.setdefault(event["subject"], [])
        if int(event["sequence"]) not in numbers:
            numbers.append(int(event["sequence"]))
    return found


@asynccontextmanager
async def a_stage(amqp_url: str, namespace: str) -> AsyncGenerator[Stage]:
    topology = Topology(namespace)
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        await channel.declare_exchange(topology.events, aio_pika.ExchangeType.TOPIC, durable=True)
        await channel.declare_exchange(topology.commands, aio_pika.ExchangeType.TOPIC, durable=True)
        yield Stage(topology, connection, channel)


@asynccontextmanager
async def running(
    amqp_url: str, namespace: str, *, pace: Pace = QUICK, **wanted: Any
) -> AsyncGenerator[tuple[Webhooks, WebhookNames]]:
    """Webhooks in this process, listening to their queues; they end with the block."""
    webhooks = Webhooks(
        Configuration.model_validate(wanted),
        amqp_url=amqp_url,
        namespace=namespace,
        listen=("127.0.0.1", 0),
        clock=SystemClock(),
        chance=random.Random(),
        pace=pace,
    )
    task = asyncio.ensure_future(webhooks.run())
    try:
        ready = asyncio.ensure_future(webhooks.listening())
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        yield webhooks, WebhookNames(Topology(namespace))
    finally:
        webhooks.leave()
        await task
