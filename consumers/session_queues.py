"""The sessions' own queues. Implements `connections.ports.SessionQueues`."""

import asyncio
import contextlib
from functools import partial
from typing import Final

import structlog

from consumers.consumption import Settle
from consumers.queue_consumer import ConsumerContext, QueueConsumer
from gateway_worker.broker.driver import Channel
from gateway_worker.broker.errors import QueueMissing
from gateway_worker.broker.topology import declare
from schemas.names import SessionId
from schemas.topology.channels import Binding, Plan, Queue, Topology

log = structlog.get_logger(__name__)

_DRAIN_LOOK_SECONDS: Final = 0.02
_DRAIN_GRACE_SECONDS: Final = 1.0


class SessionQueues:
    """Opens, pauses and removes the consumers of sessions. Every call is idempotent and retries until it is done."""

    def __init__(self, context: ConsumerContext, topology: Topology, settle: Settle) -> None:
        self._context = context
        self._topology = topology
        self._settle = settle
        self._consumers: dict[SessionId, QueueConsumer] = {}

    async def declare(self, session_id: SessionId) -> None:
        """The session's queue exists: commands may be published to it."""
        await self._context.link.insist(partial(declare, plan=self._topology.session(session_id)))

    async def open(self, session_id: SessionId) -> None:
        """Consume the queue."""
        await self._consumer(session_id).open()

    async def pause(self, session_id: SessionId, *, grace: float = 0) -> None:
        """Stop consuming and keep the queue.

        What runs has `grace` seconds to settle; what is held then goes back in order, and its handlers are cancelled.
        """
        consumer = self._consumers.pop(session_id, None)
        if consumer is not None:
            await consumer.close(grace=grace)

    async def delete(self, session_id: SessionId) -> None:
        """Let what is still queued be answered (the manager no longer knows the session), then remove the queue.

        From the first step on new commands are unroutable, and answered there.
        """
        await self.pause(session_id)
        plan = self._topology.session(session_id)
        queue = plan.queues[0]
        with contextlib.suppress(QueueMissing):
            await self._context.link.insist(partial(_unbind, binding=plan.bindings[0]))
        consumer = QueueConsumer(self._context, queue, Plan(queues=plan.queues), self._settle, keeps_order=True)
        while await self._waiting(queue):
            await consumer.open()
            while not consumer.is_idle or await self._waiting(queue):  # noqa: ASYNC110 (no event at the broker tells of it)
                await asyncio.sleep(_DRAIN_LOOK_SECONDS)
            await consumer.close(
                grace=_DRAIN_GRACE_SECONDS
            )  # and look again: a delivery may have been on its way to us
        removed = await self._context.link.insist(partial(_remove, queue=queue))
        if removed:
            log.error("session_queue.removed_with_commands", session_id=session_id, count=removed)

    async def close(self, *, grace: float) -> None:
        """Consume nothing any more; what runs has `grace` seconds."""
        consumers = list(self._consumers.values())
        self._consumers.clear()
        async with asyncio.TaskGroup() as group:
            for consumer in consumers:
                group.create_task(consumer.close(grace=grace))

    def __len__(self) -> int:
        return len(self._consumers)

    def _consumer(self, session_id: SessionId) -> QueueConsumer:
        consumer = self._consumers.get(session_id)
        if consumer is None:
            plan = self._topology.session(session_id)
            consumer = QueueConsumer(self._context, plan.queues[0], plan, self._settle, keeps_order=True)
            self._consumers[session_id] = consumer
        return consumer

    async def _waiting(self, queue: Queue) -> int:
        """How many commands wait in the queue; 0 if there is no such queue."""
        try:
            return await self._context.link.insist(partial(_count, queue=queue))
        except QueueMissing:
            return 0


async def _unbind(channel: Channel, *, binding: Binding) -> None:
    await channel.queue_unbind(binding.queue, binding.exchange, binding.routing_key)


async def _count(channel: Channel, *, queue: Queue) -> int:
    declared = await channel.queue_declare(queue.name, passive=True)
    return declared.message_count or 0


async def _remove(channel: Channel, *, queue: Queue) -> int:
    """Answers how many messages went with it. Removing a queue that is not there is no error."""
    deleted = await channel.queue_delete(queue.name)
    return deleted.message_count or 0
