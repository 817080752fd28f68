"""What one target leaves in RabbitMQ beside its events: parked lines, what was given up, what was redriven."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from gateway_worker.client import ClientError, ConnectionLostError, Event, TopologyMissingError
from gateway_worker.client.background import Flag
from gateway_worker.client.connection import Connection, shut
from gateway_worker.client.errors import translated
from gateway_worker.client.events import NotAnEventError, read_envelope
from gateway_worker.timing.clock import Clock
from gateway_worker.webhooks.jobs import EventJob
from gateway_worker.webhooks.names import WebhookNames
from schemas.envelope import CONTENT_TYPE

log = structlog.get_logger(__name__)

T = TypeVar("T")

_PAUSE: Final = 0.5  # seconds before what failed with a connection is done again
_REDRIVEN_AT_ONCE: Final = 20
_END: Final = "x-gateway-end"


class Drain:
    """Reads a parked line, one event after the other.

    There is a single active consumer: after a lost connection nothing is handed out before the broker has back what
    the old one held. Where the line ends is told by a message of ours: `end` is the id of one that is under way.
    """

    def __init__(self, connection: Connection, queue: str) -> None:
        self.end: str | None = None
        self._connection = connection
        self._queue = queue
        self._channel: AbstractChannel | None = None
        self._arrived: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()

    async def next(self) -> AbstractIncomingMessage | None:
        """The next event; None: the end was reached."""
        while True:
            message = await self._receive()
            end = message.headers.get(_END)
            if end is None:
                return message
            with suppress(ClientError), translated():
                await message.ack()
            if end == self.end:
                self.end = None
                return None

    async def close(self) -> None:
        """Read no more."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await shut(channel)

    async def _receive(self) -> AbstractIncomingMessage:
        while True:
            try:
                if self._channel is None:
                    await self._listen()
                message = await self._arrived.get()
            except ConnectionLostError:
                message = None
            if message is not None:
                return message
            await self.close()
            await asyncio.sleep(_PAUSE)

    async def _listen(self) -> None:
        arrived = self._arrived = asyncio.Queue()  # what an earlier channel brought is handed out again
        channel = self._channel = await self._connection.channel()

        def lost(*_: object) -> None:
            arrived.put_nowait(None)

        channel.close_callbacks.add(lost)
        with translated():
            (await channel.get_underlay_channel()).on_consumer_cancel_callbacks.add(lost)
            await channel.set_qos(prefetch_count=1)
            await (await channel.get_queue(self._queue, ensure=False)).consume(arrived.put)


class Shelf:
    """Implements `lines.Parking`. Everything is repeated until it works: RabbitMQ comes back.

    Args:
        connection: kept by somebody else.
        target: its name.
    """

    def __init__(self, connection: Connection, names: WebhookNames, target: str, clock: Clock) -> None:
        self._connection = connection
        self._names = names
        self._target = target
        self._clock = clock
        self._channel: AbstractChannel | None = None
        self._opening = asyncio.Lock()
        self._declared: set[str] = set()
        self._drains: dict[str, Drain] = {}

    async def prepare(self) -> None:
        """Declare what all targets share, and this one's queue of what is redriven.

        Raises:
            NotPermittedError, TopologyMissingError: as they say.
        """

        async def declare(channel: AbstractChannel) -> None:
            plan = self._names.plan()
            for exchange in plan.exchanges:
                await channel.declare_exchange(exchange.name, exchange.kind, durable=True)
            for queue in plan.queues:
                declared = await channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))
                await declared.bind(queue.name)
            await self._declare(channel, self._names.again(self._target))

        await self._until_it_works(declare)

    async def exists(self, line: str) -> bool:
        """Whether there is one of that line."""
        name = self._names.queue(self._names.parked(self._target, line))

        async def look() -> bool:
            channel = await self._connection.channel()  # of its own: a queue that is not there closes it
            try:
                with translated():
                    await channel.declare_queue(name, passive=True)
            except TopologyMissingError:
                return False
            finally:
                await shut(channel)
            return True

        while True:
            with suppress(ConnectionLostError):
                return await look()
            await asyncio.sleep(_PAUSE)

    async def park(self, line: str, job: EventJob) -> None:
        """Put it at the end; returns when it is safe."""
        route = self._names.parked(self._target, line)
        await self._see_to(route)
        await self._publish(self._names.exchange, route, _message(job))

    async def first(self, line: str) -> EventJob | None:
        """The next one, once the one before is acknowledged; None: an end, marked by the first call since the last."""
        route = self._names.parked(self._target, line)
        drain = self._drains.get(line)
        if drain is None:
            await self._see_to(route)  # nothing may have been parked yet
            drain = self._drains[line] = Drain(self._connection, self._names.queue(route))
        if drain.end is None:
            drain.end = str(uuid.uuid4())
            await self._publish(self._names.exchange, route, _end(drain.end))
        while (message := await drain.next()) is not None:
            if (job := await self._job(message)) is not None:
                return job
        return None

    async def remove(self, line: str) -> None:
        """Nothing is in it, and it is not needed any more."""
        route = self._names.parked(self._target, line)
        drain = self._drains.pop(line, None)
        if drain is not None:
            await drain.close()

        async def delete(channel: AbstractChannel) -> None:
            queue = await channel.get_queue(self._names.queue(route), ensure=False)
            await queue.delete(if_unused=False, if_empty=False)  # RabbitMQ 3.10 knows no if-empty of quorum queues

        self._declared.discard(route)
        with suppress(TopologyMissingError):
            await self._until_it_works(delete)

    async def shelve(self, job: EventJob, code: str, message: str) -> None:
        """Put an event that was given up into the dead queue, with the headers that ``gateway-worker dead`` reads."""
        headers = {
            "x-gateway-code": code,
            "x-gateway-message": message,
            "x-gateway-queue": self._names.queue(self._target),
            "x-gateway-exchange": self._names.exchange,
            "x-gateway-routing-key": self._names.again(self._target),
            "x-gateway-time": self._clock.now().isoformat().replace("+00:00", "Z"),
        }
        await self._publish(self._names.dead, job.event.routing_key, _message(job, headers))

    async def redriven(self, put: Callable[[EventJob], None]) -> None:
        """Hear of what a person has redriven; for ever. It is due from now on, whatever its age."""
        name = self._names.queue(self._names.again(self._target))
        while True:
            with suppress(ConnectionLostError):
                channel = await self._connection.channel()
                try:
                    await self._consume(channel, name, put)
                finally:
                    await shut(channel)
            await asyncio.sleep(_PAUSE)

    async def _consume(self, channel: AbstractChannel, name: str, put: Callable[[EventJob], None]) -> None:
        closed = Flag()
        channel.close_callbacks.add(closed.raised)

        async def on_message(message: AbstractIncomingMessage) -> None:
            if (job := await self._job(message, since=self._clock.now())) is not None:
                put(job)

        with translated():
            (await channel.get_underlay_channel()).on_consumer_cancel_callbacks.add(closed.raised)
            await channel.set_qos(prefetch_count=_REDRIVEN_AT_ONCE)
            await (await channel.get_queue(name, ensure=False)).consume(on_message)
        await closed.wait()

    async def _job(self, message: AbstractIncomingMessage, since: datetime | None = None) -> EventJob | None:
        """What lies in a message; what is no event is left out."""

        async def ack() -> None:
            with suppress(ClientError), translated():  # its channel is gone: it comes again
                await message.ack()

        try:
            event = Event(read_envelope(message.body), routing_key=message.routing_key or "")
        except NotAnEventError as error:
            log.warning("webhooks.not_an_event", target=self._target, error=str(error))
            await ack()
            return None
        return EventJob(event=event, since=since or event.envelope.time or self._clock.now(), ack=ack)

    async def _see_to(self, route: str) -> None:
        """Have a queue at the end of a route."""
        if route not in self._declared:
            await self._until_it_works(partial(self._declare, route=route))
            self._declared.add(route)

    async def _declare(self, channel: AbstractChannel, route: str) -> None:
        arguments = self._names.waiting_arguments()
        queue = await channel.declare_queue(self._names.queue(route), durable=True, arguments=dict(arguments))
        await queue.bind(self._names.exchange, route)

    async def _publish(self, exchange: str, route: str, message: aio_pika.Message) -> None:
        async def publish(channel: AbstractChannel) -> None:
            there = await channel.get_exchange(exchange, ensure=False)
            await there.publish(message, route, mandatory=True)

        await self._until_it_works(publish)

    async def _until_it_works(self, work: Callable[[AbstractChannel], Awaitable[T]]) -> T:
        """Do it on this target's channel; again on another one when that was lost."""
        while True:
            try:
                channel = await self._open_channel()
                with translated():
                    return await work(channel)
            except ConnectionLostError:
                await asyncio.sleep(_PAUSE)
            except ClientError:
                self._channel = None  # an error of the channel closes it
                raise

    async def _open_channel(self) -> AbstractChannel:
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                self._channel = await self._connection.channel()
            return self._channel


def _message(job: EventJob, headers: dict[str, Any] | None = None) -> aio_pika.Message:
    return aio_pika.Message(
        job.event.envelope.to_json(),
        content_type=CONTENT_TYPE,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=job.event.id,
        headers=headers,
    )


def _end(name: str) -> aio_pika.Message:
    return aio_pika.Message(b"", delivery_mode=aio_pika.DeliveryMode.PERSISTENT, headers={_END: name})
