"""Publishes events, replies, forwarded commands and dead letters: confirmed, persistent, mandatory, many in flight.

Through a broker's restart it waits and repeats under the same ids. Whoever needs an order across repeats (the relay)
takes a `Pipe`; everyone else calls `Publisher`.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import structlog

from gateway_worker.broker import frames
from gateway_worker.broker.connection import BrokerConnection
from gateway_worker.broker.errors import BrokerLost, PublishRefused, QueueMissing, Unroutable
from gateway_worker.broker.headers import HeaderValue
from gateway_worker.broker.outgoing import Outgoing
from gateway_worker.broker.pipe import Pipe
from gateway_worker.broker.topology import declare
from gateway_worker.events.envelopes import encode, without_content
from gateway_worker.store.records import OutboxEvent
from schemas.envelope import Envelope
from schemas.events.events import routing_key
from schemas.names import MAX_EVENT_BYTES
from schemas.topology.channels import DIRECT_REPLY_TO, Topology

log = structlog.get_logger(__name__)

REPLY_SECONDS: Final = 30.0  # a reply that could not be published for that long: its asker has given up
_REPAIR_SECONDS: Final = 0.5


class Publisher:
    """The worker's way out, on one channel of one connection.

    Args:
        link: the connection for publishing; not the one for consuming (a blocked publisher must not stop acks).
        topology: declared whenever a channel is opened, so that a broker that lost everything works again.
    """

    def __init__(self, link: BrokerConnection, topology: Topology) -> None:
        self._link = link
        self._topology = topology
        self._pipe: Pipe | None = None
        self._opening = asyncio.Lock()

    async def pipe(self) -> Pipe:
        """A pipe of the caller's own. Waits for the broker, for ever."""
        while True:
            channel = await self._link.channel(confirms=True)
            try:
                await declare(channel, self._topology.fleet())
            except BrokerLost:
                continue
            return Pipe(channel, self._link.batch(channel))

    async def publish_event(self, envelope: Envelope) -> None:
        """Publish an event that has no sequence. Waits for the broker; the caller sets the deadline.

        One that nobody is bound to, or that a full queue refuses, is dropped.
        """
        message = self.event(envelope)
        try:
            await self._insist(message)
        except (Unroutable, PublishRefused) as error:
            log.debug("event.dropped", type=envelope.type, why=type(error).__name__)

    def event(self, envelope: Envelope) -> Outgoing:
        """The publish that tells an event."""
        return Outgoing(
            exchange=self._topology.events,
            routing_key=_event_key(envelope.type, envelope.subject),
            body=envelope.to_json(),
            message_id=envelope.id,
            correlation_id=envelope.correlationid,
        )

    def durable_event(self, event: OutboxEvent) -> Outgoing:
        """The publish that tells a durable event: the same bytes each time, whoever publishes it.

        One over the contract's size loses its content, and the log says so.
        """
        namespace = self._topology.namespace
        body = encode(event, namespace)
        if len(body) > MAX_EVENT_BYTES:
            log.error("event.too_large", type=event.type, event_id=event.event_id, size=len(body))
            body = encode(without_content(event), namespace)
        return Outgoing(
            exchange=self._topology.events,
            routing_key=_event_key(event.type, event.session_id),
            body=body,
            message_id=event.event_id,
            correlation_id=event.correlation_id,
        )

    async def reply(
        self, reply_to: str, correlation_id: str | None, envelope: Envelope, *, is_due: Callable[[], bool]
    ) -> None:
        """Answer a command at the queue its sender named. A queue that is gone is logged; there is no second try.

        Of a direct reply (`DIRECT_REPLY_TO`) nobody knows: RabbitMQ 3.10 returns it as unroutable although it arrives.

        If the connection is lost it is repeated only while it `is_due`: a command that will be delivered again will be
        answered again.
        """
        if not frames.fits(reply_to):
            log.info("reply.undelivered", type=envelope.type, why="no such queue name")
            return
        message = Outgoing(
            exchange="",
            routing_key=reply_to,
            body=envelope.to_json(),
            message_id=envelope.id,
            correlation_id=correlation_id,
        )
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                await self._insist(message, is_due)
        except (Unroutable, PublishRefused) as error:
            if reply_to.startswith(f"{DIRECT_REPLY_TO}.") and isinstance(error, Unroutable):
                return
            log.info("reply.undelivered", type=envelope.type, why=type(error).__name__)
        except TimeoutError:
            log.warning("reply.given_up", type=envelope.type)

    async def forward(self, queue: str, message: Outgoing) -> None:
        """Move a command to another queue.

        Raises:
            Unroutable: there is no such queue.
            PublishRefused: the queue is full.
        """
        await self._insist(replace(message, exchange="", routing_key=queue))

    async def dead_letter(self, message: Outgoing, headers: Mapping[str, HeaderValue]) -> None:
        """Put a command that can never succeed into the dead queue, with the reasons."""
        headers = {**(message.headers or {}), **headers}
        key = message.routing_key if frames.fits(message.routing_key) else ""
        dead_letter = replace(message, exchange=self._topology.dead, routing_key=key, headers=headers)
        while True:
            try:
                return await self._insist(dead_letter)
            except (Unroutable, PublishRefused) as error:  # the dead queue was removed, or has no room
                log.warning("dead_letter.refused", why=type(error).__name__)
                self._pipe = None  # a new one declares the topology
                await asyncio.sleep(_REPAIR_SECONDS)

    async def _insist(self, message: Outgoing, is_due: Callable[[], bool] = lambda: True) -> None:
        """Publish through broker restarts, as long as it is due."""
        while is_due():
            pipe = await self._shared_pipe()
            try:
                await pipe.publish(message)
            except BrokerLost:
                continue
            except QueueMissing:  # an exchange of ours was removed: opening a channel declares it again
                await asyncio.sleep(_REPAIR_SECONDS)
                continue
            return

    async def _shared_pipe(self) -> Pipe:
        if self._pipe is not None and self._pipe.is_open:
            return self._pipe
        async with self._opening:
            if self._pipe is None or not self._pipe.is_open:
                self._pipe = await self.pipe()
            return self._pipe


def _event_key(event_type: str, subject: str | None) -> str:
    """The routing key; without the subject where that is too long (a rejected command may have named anything)."""
    key = routing_key(event_type, subject)
    return key if frames.fits(key) else routing_key(event_type, None)
