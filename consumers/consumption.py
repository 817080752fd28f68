"""Consuming one queue on one channel, from the first delivery to the closing of the channel.

How it ends, and why in this way (RabbitMQ, tried): on a queue with a single active consumer, cancelling while holding
deliveries lets the next consumer overtake them; closing the channel gives them back in order. On a shared queue
cancelling first lets other workers go on at once. An ack on a channel that is closing kills the whole connection, so
from then on deliveries are not settled any more: the broker has them back.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog

from consumers.delivery import Delivery
from gateway_worker.broker import frames
from gateway_worker.broker.acks import Acks
from gateway_worker.broker.driver import Basic, Channel, DeliveredMessage
from gateway_worker.broker.errors import BrokerError, translated
from gateway_worker.broker.headers import HeaderValue
from gateway_worker.broker.topology import ANSWER_SECONDS
from gateway_worker.broker.writing import Batch
from gateway_worker.timing.cancelling import end
from schemas.topology.channels import Queue

log = structlog.get_logger(__name__)

Settle = Callable[[Delivery], Coroutine[Any, Any, None]]
Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]

_CLOSE_SECONDS: Final = 5.0
_ACK_ROUNDS: Final = 4  # for a window of 50, and as many again
_QUIET_SECONDS: Final = 3.0  # without any outcome, when leaving: what is left waits for something


class Consumption:
    """A consumer on a channel of its own, and the deliveries it holds. Implements `delivery.Receiver`.

    Args:
        channel: open; it belongs to this consumption.
        batch: through which its acks go out.
        queue: what to consume, and its prefetch.
        settle: settles one delivery. Started in the order of deliveries, as one task each.
        spawn: starts a task that outlives the channel.
        lost: called once if the channel ends without us: connection lost, queue removed, or an error.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        channel: Channel,
        batch: Batch,
        queue: Queue,
        *,
        settle: Settle,
        spawn: Spawn,
        lost: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._channel = channel
        self._batch = batch
        self._queue = queue
        self._settle = settle
        self._spawn = spawn
        self._lost = lost
        self._clock = clock
        self._tag: str | None = None
        self._taking = True
        self._open = True
        self._running: set[asyncio.Task[None]] = set()
        self._acks = Acks()
        self._acks_scheduled = False

    @property
    def is_open(self) -> bool:
        """Whether its deliveries can still be settled."""
        return self._open and not self._channel.is_closed

    @property
    def is_idle(self) -> bool:
        """Whether it holds nothing at this moment."""
        return not self._running

    async def start(self) -> None:
        """Begin to consume.

        Raises:
            BrokerError: the channel is of no use any more.
        """
        self._channel.on_consumer_cancel_callbacks.add(self._cancelled_by_broker)
        with translated():
            await self._channel.basic_qos(prefetch_count=self._queue.prefetch or 1, timeout=ANSWER_SECONDS)
            confirmed = await self._channel.basic_consume(self._queue.name, self._arrived, timeout=ANSWER_SECONDS)
        self._tag = confirmed.consumer_tag
        self._channel.closing.add_done_callback(self._closed)

    def ack(self, tag: int) -> None:
        """The broker may forget this delivery. It hears so at the end of this turn of the loop, or when leaving."""
        self._acks.settle(tag)
        if self._taking and not self._acks_scheduled:
            self._acks_scheduled = True
            asyncio.get_running_loop().call_soon(self._write_acks)

    async def end(self, *, grace: float, cancel_first: bool) -> None:
        """Take nothing new, let what runs settle, give the rest back, close the channel.

        It has `grace` seconds in all, as long as something settles every few seconds: what waits for a connection that
        does not come would wait in vain.
        """
        self._taking = False
        if cancel_first:
            await self._cancel()
        await self._settle_down(grace)
        await self.abandon()
        self._write_acks()
        self._open = False
        try:
            with translated():
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._batch.flushed()  # no ack may come after the closing
                    await self._acks_applied()
                    await self._channel.close()
        except BrokerError:
            log.debug("channel.gone", queue=self._queue.name)

    def _write_acks(self) -> None:
        self._acks_scheduled = False
        if self.is_open:
            number = self._channel.number
            for tag, multiple in self._acks.take():
                self._batch.write(frames.ack(number, tag, multiple=multiple))

    async def _acks_applied(self) -> None:
        """A quorum queue takes 32 acks at a time; those that wait in the channel would be lost with it (tried, 3.10).

        The channel hears between two questions what the queue has applied, and hands over the next.
        """
        for _ in range(_ACK_ROUNDS):
            await self._channel.queue_declare(self._queue.name, passive=True, timeout=ANSWER_SECONDS)

    async def _settle_down(self, grace: float) -> None:
        deadline = self._clock() + grace
        while self._running and (left := deadline - self._clock()) > 0:
            settled, _ = await asyncio.wait(
                set(self._running), timeout=min(left, _QUIET_SECONDS), return_when=asyncio.FIRST_COMPLETED
            )
            if not settled:
                return

    async def abandon(self) -> None:
        """Cancel what runs: it is not settled, and will be delivered again."""
        await end(*self._running)

    async def _cancel(self) -> None:
        if self._tag is None or not self.is_open:
            return
        try:
            with translated():
                await self._channel.basic_cancel(self._tag)
        except BrokerError:
            log.debug("consumer.gone", queue=self._queue.name)

    async def _arrived(self, message: DeliveredMessage) -> None:
        """Called by the driver for each delivery, in order. A coroutine only because the driver wants one."""
        if not self._taking:
            return  # it goes back when the channel closes
        self._acks.deliver(message.delivery_tag or 0)
        task = self._spawn(self._settle_one(self._delivery(message)))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _settle_one(self, delivery: Delivery) -> None:
        try:
            await self._settle(delivery)
        except Exception:
            # Nothing should come out of there. One that does is left alone (not acked, not requeued): ending the worker
            # would bring it to the next one, and so on.
            log.exception("delivery.unsettled", queue=self._queue.name)

    def _cancelled_by_broker(self, _frame: Basic.Cancel) -> None:
        """The queue was removed, or its leader moved."""
        if self._taking:
            self._lose()

    def _closed(self, _closing: "asyncio.Future[Any]") -> None:
        if self._open:
            self._lose()

    def _lose(self) -> None:
        self._open = False
        if self._taking:
            self._taking = False
            self._lost()

    def _delivery(self, message: DeliveredMessage) -> Delivery:
        properties = message.header.properties
        return Delivery(
            queue=self._queue.name,
            exchange=message.exchange or "",
            routing_key=message.routing_key or "",
            body=message.body,
            redelivered=bool(message.redelivered),
            headers=_plain(properties.headers),
            header_names=frozenset(properties.headers or ()),
            message_id=properties.message_id,
            correlation_id=properties.correlation_id,
            reply_to=properties.reply_to,
            content_type=properties.content_type,
            content_encoding=properties.content_encoding,
            expiration=properties.expiration,
            arrived=self._clock(),
            tag=message.delivery_tag or 0,
            receiver=self,
        )


def _plain(headers: dict[str, HeaderValue] | None) -> dict[str, HeaderValue]:
    """Headers that can be published again as they are. The broker's own tables (``x-death``) cannot."""
    if not headers:
        return {}
    return {name: value for name, value in headers.items() if isinstance(value, str | bool | int | float)}
