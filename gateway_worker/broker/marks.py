"""The mark in RabbitMQ: a quorum queue that keeps one message, the newest.

Reading takes the message and gives it back, so for that moment there is none: whoever reads sees to it that no other
does (`store/sessions/renewal.py` holds a lock), and an empty queue is looked at again before it is believed.
"""

import asyncio
from typing import Final, cast

import structlog
from aiormq.channel import Channel
from pamqp.commands import Basic

from gateway_worker.broker.connection import BrokerConnection, discard
from gateway_worker.broker.errors import QueueMissing, Unroutable, translated
from gateway_worker.broker.topology import ANSWER_SECONDS, declare
from schemas.topology.channels import Topology

log = structlog.get_logger(__name__)

_LOOKS: Final = 20
_LOOK_SECONDS: Final = 1.0  # a reader that was cut off in the act is found out by its heartbeats


class MarkQueue:
    """One place for marks."""

    def __init__(self, link: BrokerConnection, topology: Topology) -> None:
        self._link = link
        self._topology = topology
        self._channel: Channel | None = None

    async def read(self) -> bytes | None:
        """The newest mark; None: this broker has known no worker. Waits for the broker.

        Raises:
            TopologyMismatch: the queue may not be read.
        """
        for _ in range(_LOOKS):
            try:
                body = await self._link.insist(self._take)
            except QueueMissing:
                return None
            if body is not None:
                return body
            await asyncio.sleep(_LOOK_SECONDS)
        log.warning("lineage.mark_missing", queue=self._topology.marks_queue)
        return None

    async def write(self, body: bytes) -> None:
        """Replace it. Returns when the broker has it.

        Raises:
            BrokerError: it may not have it.
        """
        channel = self._channel
        if channel is None or channel.is_closed:
            channel = self._channel = await self._declared()
        try:
            await self._publish(channel, body)
        except Unroutable:  # somebody has deleted it
            log.warning("topology.missing", name=self._topology.marks_queue)
            await declare(channel, self._topology.marks())
            await self._publish(channel, body)

    async def _declared(self) -> Channel:
        channel = await self._link.channel(confirms=True)
        try:
            await declare(channel, self._topology.marks())
        except BaseException:
            await discard(channel)
            raise
        return channel

    async def _publish(self, channel: Channel, body: bytes) -> None:
        with translated():
            await channel.basic_publish(
                body,
                exchange="",
                routing_key=self._topology.marks_queue,
                properties=Basic.Properties(delivery_mode=2, content_type="application/json"),
                mandatory=True,
                timeout=ANSWER_SECONDS,
            )

    async def _take(self, channel: Channel) -> bytes | None:
        with translated():
            await channel.queue_declare(self._topology.marks_queue, passive=True, timeout=ANSWER_SECONDS)
            message = await channel.basic_get(self._topology.marks_queue, timeout=ANSWER_SECONDS)
            if not isinstance(message.delivery, Basic.GetOk):
                return None
            await channel.basic_nack(cast("int", message.delivery.delivery_tag), requeue=True)
        return message.body
