"""The way out with a real broker under it: relay, publisher, replayer; and a backend's ears."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway_worker.broker.connection import BrokerConnection
from gateway_worker.broker.ids import uuid7
from gateway_worker.events.announcer import Announcer
from gateway_worker.events.ports import PublishingLease
from gateway_worker.events.publisher import Publisher
from gateway_worker.events.relay import Relay
from gateway_worker.events.replay import Replayer
from gateway_worker.timing.clock import SystemClock
from schemas.topology.channels import Topology
from tests.support.lease import TestLease
from tests.support.store.outbox import Listener, MemoryOutbox, listening


class Counts:
    """An observer that counts."""

    def __init__(self) -> None:
        self.published = self.repeated = self.refused = 0

    def event_published(self, event_type: str) -> None:
        assert event_type
        self.published += 1

    def event_repeated(self, event_type: str) -> None:
        assert event_type
        self.repeated += 1

    def event_refused(self, event_type: str) -> None:
        assert event_type
        self.refused += 1


@dataclass(slots=True, kw_only=True)
class WayOut:
    topology: Topology
    link: BrokerConnection
    publisher: Publisher
    outbox: MemoryOutbox
    relay: Relay
    announcer: Announcer
    replayer: Replayer
    counts: Counts


@asynccontextmanager
async def way_out(
    amqp_url: str, topology: Topology, outbox: MemoryOutbox | None = None, lease: PublishingLease | None = None
) -> AsyncGenerator[WayOut]:
    link = BrokerConnection(amqp_url, name="out")
    publisher = Publisher(link, topology)
    outbox = outbox or MemoryOutbox()
    clock, counts = SystemClock(), Counts()
    relay = Relay(
        outbox,
        publisher,
        namespace=topology.namespace,
        clock=clock,
        lease=lease or TestLease(),
        keeps_unroutable=topology.backend_queue is not None,
        observer=counts,
    )
    announcer = Announcer(publisher, relay, namespace=topology.namespace, clock=clock, new_id=uuid7)
    async with asyncio.TaskGroup() as group:
        group.create_task(link.run())
        relaying = group.create_task(relay.run())
        try:
            yield WayOut(
                topology=topology,
                link=link,
                publisher=publisher,
                outbox=outbox,
                relay=relay,
                announcer=announcer,
                replayer=Replayer(outbox, publisher),
                counts=counts,
            )
        finally:
            await relay.stop()
            await asyncio.wait({relaying})
            await link.stop()


@asynccontextmanager
async def hearing(amqp_url: str, queue: str) -> AsyncGenerator[Listener]:
    """A backend's ears, on a connection of their own."""
    link = BrokerConnection(amqp_url, name="ears")
    async with asyncio.TaskGroup() as group:
        group.create_task(link.run())
        async with listening(link, queue) as listener:
            yield listener
        await link.stop()
