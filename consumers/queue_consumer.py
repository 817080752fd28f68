"""Queues that are consumed for as long as they are open, through every loss of the connection."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from consumers.consumption import Consumption, Settle, Spawn
from gateway_worker.broker.connection import BrokerConnection
from gateway_worker.broker.errors import BrokerLost, QueueMissing
from gateway_worker.broker.topology import declare
from schemas.topology.channels import Plan, Queue

log = structlog.get_logger(__name__)

OPENERS: Final = 8  # consumers that reopen at once after a loss
_REPAIR_SECONDS: Final = 0.2
_LOOK_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerContext:
    """What all consumers share.

    Attributes:
        link: the connection for consuming.
        spawn: starts a task that lives as long as the worker consumes.
        reopen: has a consumer opened again soon.
        clock: monotonic seconds.
    """

    link: BrokerConnection
    spawn: Spawn
    reopen: "Callable[[QueueConsumer], None]"
    clock: Callable[[], float]


class QueueConsumer:
    """One queue. `open` and `close` may be called in any order, any number of times.

    Args:
        plan: declares the queue and what it hangs on: at each opening, or (`keeps_order`) when it is found missing.
        settle: settles one delivery.
        keeps_order: deliveries that are given back must come before later ones, wherever they go next.
    """

    __slots__ = (
        "_consumption",
        "_context",
        "_declares",
        "_lock",
        "_outlived",
        "_plan",
        "_settle",
        "_wanted",
        "keeps_order",
        "queue",
    )

    def __init__(
        self, context: ConsumerContext, queue: Queue, plan: Plan, settle: Settle, *, keeps_order: bool
    ) -> None:
        self.queue = queue
        self.keeps_order = keeps_order
        self._context = context
        self._plan = plan
        self._settle = settle
        self._lock = asyncio.Lock()
        self._wanted = False
        self._declares = not keeps_order  # a session's queue was declared when the session was made
        self._consumption: Consumption | None = None
        self._outlived: Consumption | None = None

    @property
    def is_open(self) -> bool:
        """Whether deliveries come in at this moment."""
        return self._consumption is not None and self._consumption.is_open

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return self._consumption is None or self._consumption.is_idle

    async def open(self) -> None:
        """Consume the queue. Waits for the broker, for ever.

        Raises:
            TopologyMismatch: the queue exists with other arguments.
        """
        self._wanted = True
        await self.restore()

    async def restore(self) -> None:
        """Consume again if it is wanted and not so at this moment."""
        async with self._lock:
            while self._wanted and not self.is_open:
                try:
                    await self._consume()
                except QueueMissing:
                    log.warning("queue_consumer.queue_missing", queue=self.queue.name)
                    self._declares = True
                except BrokerLost as error:
                    log.info("queue_consumer.not_opened", queue=self.queue.name, why=str(error))
                    await asyncio.sleep(_REPAIR_SECONDS)
            if not self._wanted:  # closed in the meantime
                await self._end(grace=0)

    async def close(self, *, grace: float = 0) -> None:
        """Consume no more. What runs has `grace` seconds to settle; what is not settled then goes back, in order."""
        self._wanted = False
        try:
            async with asyncio.timeout(grace + _LOOK_SECONDS * 2):
                await self._lock.acquire()
        except TimeoutError:  # the broker does not answer to the opening; whoever opens sees that it is not wanted
            log.warning("queue_consumer.closed_while_opening", queue=self.queue.name)
            return
        try:
            await self._end(grace=grace)
        finally:
            self._lock.release()

    async def _end(self, *, grace: float) -> None:
        consumption, self._consumption = self._consumption, None
        outlived, self._outlived = self._outlived, None
        if outlived is not None:
            await outlived.abandon()
        if consumption is not None:
            await consumption.end(grace=grace, cancel_first=not self.keeps_order)

    async def _consume(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._context.link.connection()
        except TimeoutError:
            return  # so that `close` need not wait for a broker that is away
        await self._leave_behind()
        channel = await self._context.link.channel(confirms=False)
        consumption = Consumption(
            channel,
            self._context.link.batch(channel),
            self.queue,
            settle=self._settle,
            spawn=self._context.spawn,
            lost=self._lost,
            clock=self._context.clock,
        )
        try:
            if self._declares:
                await declare(channel, self._plan)
            await consumption.start()
        except asyncio.CancelledError:  # nobody else knows of it: the broker must not go on delivering to it
            await consumption.end(grace=0, cancel_first=False)
            raise
        self._consumption = consumption
        self._declares = not self.keeps_order

    async def _leave_behind(self) -> None:
        """What still runs for a lost channel goes on (its command comes again and joins it), for one generation."""
        if self._consumption is None:
            return
        if self._outlived is not None:
            await self._outlived.abandon()
        self._outlived, self._consumption = self._consumption, None

    def _lost(self) -> None:
        if self._wanted:
            self._context.reopen(self)


class Reopener:
    """A service that opens consumers again which have lost their channel: many, but not all at once."""

    def __init__(self) -> None:
        self._lost: asyncio.Queue[QueueConsumer] = asyncio.Queue()

    def reopen(self, consumer: QueueConsumer) -> None:
        """Have it opened soon."""
        self._lost.put_nowait(consumer)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(OPENERS):
                group.create_task(self._restore())

    async def _restore(self) -> None:
        while True:
            consumer = await self._lost.get()
            await consumer.restore()
