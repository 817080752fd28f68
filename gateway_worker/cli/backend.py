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

from schemas.channels import Topology

Document = dict[str, Any]
_SOURCE = "/cli"
_BACKLOG = 10_000  # events waiting to be printed; a terminal that is slower than that loses the oldest


class TerminalBackend:
    """Talks to a namespace as any backend would."""

    def __init__(self, channel: AbstractChannel, topology: Topology) -> None:
        self._channel = channel
        self._topology = topology

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
        arrived: asyncio.Queue[Document] = asyncio.Queue(_BACKLOG)
        await queue.consume(_into(arrived), no_ack=True)
        yield queue.name, _drain(arrived)

    @asynccontextmanager
    async def events(self, subject: str | None = None) -> AsyncGenerator[AsyncIterator[Document]]:
        """The events of one subject, or all, from now on."""
        queue = await self._channel.declare_queue(exclusive=True)
        await queue.bind(self._topology.events, f"*.*.{subject}" if subject else "#")
        arrived: asyncio.Queue[Document] = asyncio.Queue(_BACKLOG)
        await queue.consume(_into(arrived), no_ack=True)
        yield _drain(arrived)


@asynccontextmanager
async def connect(amqp_url: str, namespace: str) -> AsyncGenerator[TerminalBackend]:
    """Connect; raises aio-pika's connection errors."""
    connection = await aio_pika.connect(amqp_url, timeout=10)
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        yield TerminalBackend(channel, Topology(namespace))


def _into(queue: "asyncio.Queue[Document]") -> Any:
    async def arrived(message: AbstractIncomingMessage) -> None:
        if queue.full():
            queue.get_nowait()
        queue.put_nowait(json.loads(message.body))

    return arrived


async def _drain(queue: "asyncio.Queue[Document]") -> AsyncIterator[Document]:
    while True:
        yield await queue.get()
