"""A dead queue in a person's hands: that of commands, or that of events which no webhook took.

Looking must change nothing. RabbitMQ puts what is given back behind what was given back before, so a partial look would
disturb the order: everything is taken at once, in one window of `MOST`, and closing the channel gives it back as it
was. Nothing is taken from the queue but by an ack, after what replaces it is confirmed: whatever ends this program,
nothing is lost, and at worst a command is redriven twice, which its key makes harmless.

Two people do not meet: whoever works here holds an exclusive queue, which goes with its connection.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import ChannelClosed, ChannelNotFoundEntity, DeliveryError
from aiormq.exceptions import ChannelAccessRefused, ChannelLockedResource

from consumers.dead_letters import (
    DeadLetterHeaders,
    fingerprint,
    original_route,
    read_dead_letter_headers,
    redriven_headers,
)
from gateway_worker.broker.nodes import opened
from gateway_worker.webhooks.names import WebhookNames
from schemas.envelope import Envelope
from schemas.errors import CommandInvalid, Origin
from schemas.topology.channels import Topology

MOST: Final = 20_000  # commands in hand; with more in the queue these are the first ones
_QUIET_SECONDS: Final = 0.5  # without an arrival: there are no more
_SLOW_SECONDS: Final = 5.0  # the same while the broker says that there are
TAKING_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.25
_ROUNDS: Final = 3  # what is sent, what was kept back until then, and one to spare


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadQueueKind:
    """Which dead queue.

    Attributes:
        name: of the queue.
        exchange: what is redriven goes there.
        route: with which key, by the one it lies there with and its headers; None: that cannot be known.
    """

    name: str
    exchange: str
    route: Callable[[str, Mapping[str, Any]], str | None]

    @classmethod
    def of_commands(cls, topology: Topology) -> "DeadQueueKind":
        """Commands that can never succeed."""
        return cls(
            name=topology.dead,
            exchange=topology.commands,
            route=lambda key, headers: original_route(key, headers, topology),
        )

    @classmethod
    def of_webhooks(cls, topology: Topology) -> "DeadQueueKind":
        """Events that a target did not take in time."""
        names = WebhookNames(topology)
        return cls(name=names.dead, exchange=names.exchange, route=lambda _, headers: names.redriven_to(headers))


class DeadQueueTakenError(Exception):
    """Somebody else works on the dead queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A command in the dead queue.

    Attributes:
        position: from 1, the oldest.
        id: the command's own, or the AMQP message's, or a fingerprint where there is none.
        origin: what can be read of the command.
    """

    position: int
    id: str
    names: frozenset[str]
    origin: Origin
    headers: DeadLetterHeaders
    message: AbstractIncomingMessage = field(repr=False)

    @classmethod
    def of(cls, position: int, message: AbstractIncomingMessage) -> "DeadLetter":
        """Read what lies there."""
        origin = _origin(message.body)
        mark = fingerprint(message.headers, message.body)
        names = (origin.id, message.message_id, mark)
        return cls(
            position=position,
            id=next(name for name in names if name),
            names=frozenset(name for name in names if name),
            origin=origin,
            headers=read_dead_letter_headers(message.headers),
            message=message,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A command that stays where it is, and why."""

    dead_letter: DeadLetter
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterOutcome:
    """What became of those that were chosen."""

    done: Sequence[DeadLetter]
    failed: Sequence[Failed]


@dataclass(slots=True, kw_only=True)
class DeadLetterQueue:
    """The commands that lie in the dead queue at this moment, in order; `left` more are behind them."""

    commands: Sequence[DeadLetter]
    left: int
    _kind: DeadQueueKind
    _connection: AbstractConnection
    _way_out: AbstractChannel | None = None
    is_changed: bool = False  # something was taken out

    async def drop(self, chosen: Iterable[DeadLetter]) -> DeadLetterOutcome:
        """Remove them for good."""
        done = list(chosen)
        for dead_letter in done:
            await self._take_out(dead_letter)
        return DeadLetterOutcome(done=done, failed=())

    async def redrive(self, chosen: Iterable[DeadLetter]) -> DeadLetterOutcome:
        """Publish each again with the key it came with, confirmed, and only then remove it from the dead queue.

        Without its `reply_to`: whoever asked was answered when it was put there. What comes of it is told by events.
        """
        done: list[DeadLetter] = []
        failed: list[Failed] = []
        for dead_letter in chosen:
            why = await self._publish(dead_letter)
            if why is None:
                await self._take_out(dead_letter)
                done.append(dead_letter)
            else:
                failed.append(Failed(dead_letter=dead_letter, why=why))
        return DeadLetterOutcome(done=done, failed=failed)

    async def _take_out(self, dead_letter: DeadLetter) -> None:
        self.is_changed = True
        await dead_letter.message.ack()

    async def _publish(self, dead_letter: DeadLetter) -> str | None:
        """Answers why not, if not."""
        if dead_letter.headers.truncated_from is not None:
            return "only its beginning was kept, because it was too large: it can only be dropped"
        headers = dead_letter.message.headers
        routing_key = self._kind.route(dead_letter.message.routing_key or "", headers)
        if routing_key is None:
            return "it does not say where it was: it can only be dropped"
        message = _copy(dead_letter.message, redriven_headers(headers))
        try:
            way_out = await self._open_way_out()
            exchange = await way_out.get_exchange(self._kind.exchange, ensure=False)
            await exchange.publish(message, routing_key, mandatory=True)
        except ChannelClosed:
            return f"the exchange {self._kind.exchange} is missing: start gateway-worker run, or webhooks, first"
        except DeliveryError:
            return "the queue it came from is full, or gone: try again later"
        return None

    async def _open_way_out(self) -> AbstractChannel:
        if self._way_out is None or self._way_out.is_closed:
            self._way_out = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
        return self._way_out


async def count(amqp_url: str, *kinds: DeadQueueKind) -> Sequence[int | None]:
    """How many lie in each; None: there is no such queue, or it may not be looked at.

    Takes nothing in hand, and disturbs nobody. Raises as `open_dead_letter_queue`.
    """
    async with opened(amqp_url, aio_pika.connect) as connection:
        return [await _count(connection, kind.name) for kind in kinds]


async def _count(connection: AbstractConnection, name: str) -> int | None:
    channel = await connection.channel(publisher_confirms=False)
    try:
        queue = await channel.declare_queue(name, passive=True)
    except (ChannelNotFoundEntity, ChannelAccessRefused):
        return None
    return queue.declaration_result.message_count or 0


@asynccontextmanager
async def open_dead_letter_queue(
    amqp_url: str, kind: DeadQueueKind, patience: float = TAKING_SECONDS
) -> AsyncGenerator[DeadLetterQueue]:
    """Take the dead queue in hand; what was not acked by then goes back, in order.

    Args:
        amqp_url: of the broker.
        kind: which.
        patience: seconds to wait for somebody else who has it.

    Raises:
        DeskTakenError: somebody else has it, for longer than that.
        BrokerLost: no node of the broker lets us in.
        aio_pika.exceptions.AMQPError: the broker goes away, or (ChannelNotFoundEntity) there is no dead queue.
    """
    async with opened(amqp_url, aio_pika.connect) as connection:
        await _take_alone(connection, f"{kind.name}.desk", patience)
        channel = await connection.channel(publisher_confirms=False)
        queue = await channel.declare_queue(kind.name, passive=True)
        commands, left = await _take_all(channel, queue)
        dead_letters = DeadLetterQueue(commands=commands, left=left, _kind=kind, _connection=connection)
        try:
            yield dead_letters
        finally:
            if not channel.is_closed:
                if dead_letters.is_changed:
                    await _see_acks_through(queue)
                await channel.close()  # the acks before it; without cancelling: that would disturb the order


async def _take_alone(connection: AbstractConnection, name: str, patience: float) -> None:
    """Looks until it is ours. No look is cut off: aiormq's close can wait for ever for one that was."""
    give_up_at = asyncio.get_running_loop().time() + patience
    while not await _is_ours(connection, name):
        if asyncio.get_running_loop().time() >= give_up_at:
            raise DeadQueueTakenError
        await asyncio.sleep(_LOOK_SECONDS)


async def _is_ours(connection: AbstractConnection, name: str) -> bool:
    channel = await connection.channel()
    try:
        await channel.declare_queue(name, exclusive=True)
    except ChannelLockedResource:
        return False
    return True


async def _see_acks_through(queue: AbstractQueue) -> None:
    """Return when what was acked is gone for good.

    With many acks under way (``quorum_commands_soft_limit``) RabbitMQ keeps further ones back, and forgets them when
    the channel closes: the commands would lie there again. A get is answered after what was sent before it was applied.
    """
    for _ in range(_ROUNDS):
        await queue.get(fail=False)  # there is nothing, or what is behind the window: given back with the rest


async def _take_all(channel: AbstractChannel, queue: AbstractQueue) -> tuple[Sequence[DeadLetter], int]:
    expected = queue.declaration_result.message_count or 0
    arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    await channel.set_qos(prefetch_count=MOST)
    await queue.consume(arrived.put)
    commands: list[DeadLetter] = []
    while len(commands) < MOST:
        patience = _SLOW_SECONDS if len(commands) < min(expected, MOST) else _QUIET_SECONDS
        try:
            async with asyncio.timeout(patience):
                message = await arrived.get()
        except TimeoutError:
            break
        commands.append(DeadLetter.of(len(commands) + 1, message))
    return commands, max(0, expected - len(commands))


def _origin(body: bytes) -> Origin:
    try:
        return Envelope.from_json(body).origin
    except CommandInvalid as error:
        return error.origin


def _copy(message: AbstractIncomingMessage, headers: Mapping[str, Any]) -> aio_pika.Message:
    return aio_pika.Message(
        message.body,
        headers=dict(headers),
        content_type=message.content_type,
        content_encoding=message.content_encoding,
        message_id=message.message_id,
        correlation_id=message.correlation_id,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
