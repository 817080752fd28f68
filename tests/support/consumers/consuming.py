"""The consuming room with a real broker under it, and a backend beside it."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from consumers.fence import Fence
from consumers.ports import UnobservedCommands
from consumers.service import Consumers, Dependencies
from gateway_worker.broker.connection import BrokerConnection
from gateway_worker.broker.ids import uuid7
from gateway_worker.broker.topology import declare
from gateway_worker.events.publisher import Publisher
from schemas.names import SessionId, WorkerId
from schemas.topology.channels import Topology
from tests.support.consumers.fakes import FakeManager, FakeWorker, MemoryLedger, replay


@dataclass(slots=True, kw_only=True)
class Consuming:
    """A worker's way in, with a fake manager behind it."""

    topology: Topology
    link: BrokerConnection
    publisher: Publisher
    manager: FakeManager
    consumers: Consumers

    async def count(self, queue: str) -> int:
        """How many messages are ready in a queue."""
        channel = await self.link.channel(confirms=False)
        declared = await channel.queue_declare(queue, passive=True)
        await channel.close()
        return declared.message_count or 0

    async def until_count(self, queue: str, expected: int) -> None:
        """Wait until so many are ready: a quorum queue takes back what a channel held after that has closed."""
        async with asyncio.timeout(60):
            while await self.count(queue) != expected:  # noqa: ASYNC110 (the broker has no event for it)
                await asyncio.sleep(0.02)

    async def take(self, queue: str) -> tuple[bytes, dict[str, object]]:
        """Take one message out of a queue; waits for it. Answers with its body and headers."""
        channel = await self.link.channel(confirms=False)
        try:
            async with asyncio.timeout(60):
                while (got := await channel.basic_get(queue, no_ack=True)).message_count is None:  # noqa: ASYNC110 (basic.get has no event)
                    await asyncio.sleep(0.02)
        finally:
            await channel.close()
        return got.body, dict(got.header.properties.headers or {})


@asynccontextmanager
async def consuming(
    amqp_url: str, topology: Topology, *session_ids: str, worker_id: str = "w1", opened: bool = True
) -> AsyncGenerator[Consuming]:
    """Run it; with `opened`, the common queues and those of the sessions are open."""
    way_in = BrokerConnection(amqp_url, name=f"{worker_id} in")
    way_out = BrokerConnection(amqp_url, name=f"{worker_id} out")
    publisher = Publisher(way_out, topology)
    consumers = Consumers(
        Dependencies(
            link=way_in,
            topology=topology,
            publisher=publisher,
            ledger=MemoryLedger(),
            worker_id=WorkerId(worker_id),
            now=lambda: datetime.now(UTC),
            monotonic=time.monotonic,
            new_id=uuid7,
            observer=UnobservedCommands(),
            fence=Fence(topology),
        )
    )
    manager = FakeManager(*session_ids)
    consumers.serve(manager, FakeWorker(), replay)
    async with asyncio.TaskGroup() as group:
        for service in (way_in, way_out, consumers):
            group.create_task(service.run())
        channel = await way_in.channel(confirms=False)
        await declare(channel, topology.fleet())
        await channel.close()
        if opened:
            await consumers.open()
            for session_id in session_ids:
                await consumers.session_queues.open(SessionId(session_id))
        try:
            yield Consuming(topology=topology, link=way_in, publisher=publisher, manager=manager, consumers=consumers)
        finally:
            await consumers.stop(grace=0.1)
            await way_in.stop()
            await way_out.stop()
