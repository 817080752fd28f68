"""Events as they are to be read: each once, those of a session in order, and what was missed replayed.

An arrival stays unacknowledged until whoever reads is done with it: a process that dies is told again. What is read and
not yet done with is *in hand*; when it arrives again, because the connection was lost, only its delivery is replaced.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Self

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue

from gateway_worker.client.background import Background, Flag
from gateway_worker.client.connection import Connection, shut
from gateway_worker.client.errors import ClientError, NotPermittedError, TopologyMissingError, translated
from gateway_worker.client.events import Event, NotAnEventError, read_envelope
from gateway_worker.client.ordering import Arrivals, Passed, Recent, SessionOrder
from gateway_worker.client.queues import EventQueue
from gateway_worker.client.replaying import Asker, Replays
from schemas.topology.channels import Topology

log = logging.getLogger("gateway_worker.client")

PREFETCH: Final = 200
_PAUSE: Final = 0.2
_Key = tuple[str, str]


class Delivery:
    """An event in hand. `ack` when you are done with it."""

    def __init__(self, event: Event, message: AbstractIncomingMessage, subscription: "Subscription") -> None:
        self.event = event
        self._message = message
        self._subscription = subscription

    @property
    def key(self) -> _Key:
        """What makes it one and the same."""
        return self.event.envelope.source, self.event.id

    @property
    def redelivered(self) -> bool:
        """Whether the broker has handed it out before."""
        return bool(self._message.redelivered)

    async def ack(self) -> None:
        """It is done with and does not come again; or, where the connection was lost, comes again and is left out."""
        self._subscription.finished(self)
        await self._subscription.settle(self._message)

    async def replace(self, message: AbstractIncomingMessage) -> None:
        """The same came again."""
        before, self._message = self._message, message
        await self._subscription.settle(before)


class Subscription:
    """An iterator over events. Made by `Gateway.events`; a context manager.

    ``async for event in events`` acknowledges an event when the next one is asked for, and the last one at the end of
    the block, unless that raises. Whoever works on several at a time takes deliveries (`take`) and acknowledges each.
    """

    def __init__(
        self,
        connection: Connection,
        topology: Topology,
        queue: EventQueue,
        ask: Asker,
        *,
        after: Mapping[str, int],
        prefetch: int = PREFETCH,
    ) -> None:
        self._connection = connection
        self._events = topology.events
        self._queue = queue
        self._prefetch = prefetch
        self._orders = {session: self._order(position) for session, position in after.items()}
        self._recent = Recent()
        self._in_hand: dict[_Key, Delivery] = {}
        self._ready: deque[Delivery] = deque()
        self._arrived = asyncio.Event()
        self._listening = asyncio.Event()
        self._failure: ClientError | None = None
        self._current: Delivery | None = None
        self._settles = False
        self._replays = Replays(ask, self._orders, self._pass_on)
        self._background = Background()

    async def __aenter__(self) -> Self:
        """Returns once it listens. Raises NotPermittedError or TopologyMissingError."""
        await self._background.__aenter__()
        self._background.start(self._replays.run())
        self._background.start(self._listen_on())
        await self._listening.wait()
        if self._failure is not None:
            await self._background.__aexit__()
            raise self._failure
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            await self._finish_current()
        await self._background.__aexit__()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        """The next event; the one before it is done with."""
        await self._finish_current()
        self._current = await self.take()
        return self._current.event

    async def take(self) -> Delivery:
        """The next event, to be acknowledged by whoever takes it."""
        while not self._ready:
            self._arrived.clear()
            await self._arrived.wait()
        return self._ready.popleft()

    @property
    def positions(self) -> Mapping[str, int]:
        """Per session the last sequence up to which all is done with: what `after` takes when you come back."""
        positions = {name: order.position for name, order in self._orders.items() if order.position is not None}
        for delivery in self._in_hand.values():
            event = delivery.event
            if event.sequence is not None and event.subject in positions:
                positions[event.subject] = min(positions[event.subject], event.sequence - 1)
        return positions

    def finished(self, delivery: Delivery) -> None:
        """It is not in hand any more."""
        if self._in_hand.get(delivery.key) is delivery:
            del self._in_hand[delivery.key]

    async def settle(self, message: AbstractIncomingMessage) -> None:
        """Acknowledge; where its channel is gone the broker has it back already.

        Not on a channel that is being closed: RabbitMQ answers that with the end of the whole connection.
        """
        if self._settles:
            with suppress(ClientError), translated():
                await message.ack()

    async def _listen_on(self) -> None:
        """Listen for ever; again whenever the channel was lost."""
        again = False
        while self._failure is None:
            try:
                await self._listen(again=again)
            except ClientError as trouble:
                is_final = isinstance(trouble, (NotPermittedError, TopologyMissingError))
                if is_final and not self._listening.is_set():
                    self._failure = trouble
                log.warning("%s", trouble)
            again = self._listening.is_set()
            await asyncio.sleep(0 if self._failure else _PAUSE)
        self._listening.set()

    async def _listen(self, *, again: bool) -> None:
        """One channel's life."""
        channel = await self._connection.channel()
        closed = Flag()
        channel.close_callbacks.add(closed.raised)
        try:
            with translated():
                (await channel.get_underlay_channel()).on_consumer_cancel_callbacks.add(closed.raised)
                await channel.set_qos(prefetch_count=self._prefetch)
                queue = await self._declared(channel)
                self._forget_or_catch_up(again=again)
                self._settles = True
                await queue.consume(self._on_message)
            self._listening.set()
            if not channel.is_closed:
                await closed.wait()
        finally:
            self._settles = False
            await shut(channel)

    async def _declared(self, channel: AbstractChannel) -> AbstractQueue:
        wanted = self._queue
        if wanted.declare:
            queue = await channel.declare_queue(
                wanted.name,
                durable=wanted.name is not None,
                exclusive=wanted.name is None,
                arguments=dict(wanted.arguments),
            )
        else:
            assert wanted.name is not None
            queue = await channel.get_queue(wanted.name, ensure=False)
        if wanted.bind:
            for key in wanted.routing_keys:
                await queue.bind(self._events, key)
        return queue

    def _forget_or_catch_up(self, *, again: bool) -> None:
        """Before listening: ask for what was missed, when coming back, or when the queue went with the connection."""
        if again and self._queue.single_active:  # another process may have read on: its events are no gap of ours
            self._orders.clear()
        elif self._queue.is_whole and (not again or self._queue.name is None):
            self._replays.want(*self._orders)

    async def _on_message(self, message: AbstractIncomingMessage) -> None:
        """The driver's callback. Everything is decided before the first `await`: so the order stays."""
        try:
            event = Event(read_envelope(message.body), routing_key=message.routing_key or "")
        except NotAnEventError as error:
            log.warning("something that is no event is left out: %s", error)
            await self.settle(message)
            return
        delivery = Delivery(event, message, self)
        in_hand = self._in_hand.get(delivery.key)
        if in_hand is not None:
            await in_hand.replace(message)
            return
        step = self._step(delivery)
        self._pass_on(step)
        if event.subject is not None:
            self._replays.moved(event.subject)
        for dropped in step.dropped:
            await dropped.ack()

    def _step(self, delivery: Delivery) -> Arrivals[Delivery]:
        """What the arrival leads to."""
        event = delivery.event
        if delivery.key in self._recent:
            return Arrivals(dropped=[delivery])
        if event.sequence is None or event.subject is None or not self._queue.is_whole:
            return Arrivals(passed=[Passed(sequence=0, item=delivery)])
        order = self._orders.setdefault(event.subject, self._order(None))
        step = order.take(event.sequence, delivery)
        if order.is_behind and not order.waits_for_replay:
            self._replays.want(event.subject)
        return step

    def _pass_on(self, step: Arrivals[Delivery]) -> None:
        for passed in step.passed:
            delivery = passed.item
            delivery.event.missed = passed.missed
            self._recent.add(delivery.key)
            self._in_hand[delivery.key] = delivery
            self._ready.append(delivery)
        if step.passed:
            self._arrived.set()

    def _order(self, position: int | None) -> SessionOrder[Delivery]:
        return SessionOrder(position=position, limit=max(1, self._prefetch // 4))

    async def _finish_current(self) -> None:
        current, self._current = self._current, None
        if current is not None:
            await current.ack()
