"""A backend for the terminal: publishes a command, takes its reply, follows events."""

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from gateway_worker.broker.errors import BrokerLost
from gateway_worker.broker.nodes import first_of
from schemas.channels import Topology

Document = dict[str, Any]
_SOURCE = "/cli"
_BACKLOG = 10_000  # events waiting to be printed; a terminal that is slower than that loses the oldest


class TerminalBackend:
    """Talks to a namespace as any backend would."""

    def __init__(self, channel: AbstractChannel, topology: Topology) -> None:
        self._channel = channel
        self._topology = topology
        self._arrivals: list[asyncio.Queue[Document | None]] = []

    def lost(self, *_reason: object) -> None:
        """The connection is gone: whoever waits for something is told."""
        for arrivals in self._arrivals:
            arrivals.put_nowait(None)

    async def publish(
        self, command_type: str, routing_key: str, subject: str | None, data: Document, reply_to: str | None = None
    ) -> str:
        """Publish a command, confirmed; returns its id."""
        command_id = str(uuid.uuid4())
        envelope: Document = {
            "specversion": "1.0",
            "id": command_id,
            "source": _SOURCE,
            "type": command_type,
            **({} if subject is None else {"subject": subject}),
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": data,
        }
        exchange = await self._channel.get_exchange(self._topology.commands, ensure=False)
        message = aio_pika.Message(
            json.dumps(envelope, ensure_ascii=False).encode(),
            content_type="application/cloudevents+json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=command_id,
            correlation_id=command_id,
            reply_to=reply_to,
        )
        await exchange.publish(message, routing_key, mandatory=True)
        return command_id

    @asynccontextmanager
    async def replies(self) -> AsyncGenerator[tuple[str, AsyncIterator[Document]]]:
        """A reply queue of our own: its name, and the replies that come."""
        queue = await self._channel.declare_queue(exclusive=True)
        arrived = self._new_arrivals()
        await queue.consume(_into(arrived), no_ack=True)
        yield queue.name, _drain(arrived)

    @asynccontextmanager
    async def events(self, subject: str | None = None) -> AsyncGenerator[AsyncIterator[Document]]:
        """The events of one subject, or all, from now on."""
        queue = await self._channel.declare_queue(exclusive=True)
        await queue.bind(self._topology.events, f"*.*.{subject}" if subject else "#")
        arrived = self._new_arrivals()
        await queue.consume(_into(arrived), no_ack=True)
        yield _drain(arrived)

    def _new_arrivals(self) -> "asyncio.Queue[Document | None]":
        self._arrivals.append(asyncio.Queue())
        return self._arrivals[-1]


@asynccontextmanager
async def connect(amqp_url: str, namespace: str) -> AsyncGenerator[TerminalBackend]:
    """Connect to the first node that lets us in. Raises BrokerLost."""
    connection = await first_of(amqp_url, aio_pika.connect)
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        backend = TerminalBackend(channel, Topology(namespace))
        connection.close_callbacks.add(backend.lost)
        yield backend


def _into(queue: "asyncio.Queue[Document | None]") -> Any:
    async def arrived(message: AbstractIncomingMessage) -> None:
        if queue.qsize() >= _BACKLOG:
            queue.get_nowait()
        queue.put_nowait(json.loads(message.body))

    return arrived


async def _drain(queue: "asyncio.Queue[Document | None]") -> AsyncIterator[Document]:
    while (document := await queue.get()) is not None:
        yield document
    raise BrokerLost("RabbitMQ: the connection was lost")
