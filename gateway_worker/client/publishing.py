"""Commands out, replies in: one channel for both, as direct reply-to wants it, made anew when it is gone."""

import asyncio
import logging
from contextlib import suppress
from typing import Final

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage

from gateway_worker.client.background import Flag
from gateway_worker.client.commands import Outgoing
from gateway_worker.client.connection import Connection, shut
from gateway_worker.client.errors import ClientError, ConnectionLostError, translated
from gateway_worker.client.events import NotAnEventError, read_envelope
from schemas.envelope import CONTENT_TYPE, Envelope
from schemas.topology.channels import DIRECT_REPLY_TO

log = logging.getLogger("gateway_worker.client")

"""RabbitMQ's direct reply-to: no queue to declare, so no rights are needed, and nobody else can write to it."""
_PAUSE: Final = 0.1


class Publisher:
    """Publishes to one exchange, confirmed, and gives each reply to whoever waits for it."""

    def __init__(self, connection: Connection, exchange: str) -> None:
        self._connection = connection
        self._name = exchange
        self._exchange: AbstractExchange | None = None
        self._there = asyncio.Event()
        self._closed = Flag()
        self._waiting: dict[str, asyncio.Future[Envelope]] = {}

    async def run(self) -> None:
        """Have a channel, and another one whenever it is lost; for ever."""
        while True:
            with suppress(ClientError):
                await self._serve()
            self._lost()
            await asyncio.sleep(_PAUSE)

    async def publish(self, command: Outgoing, correlation_id: str | None = None, reply_to: str | None = None) -> None:
        """Returns when the broker has it. While that is away: waits, and repeats it, the same under the same id.

        Raises:
            NotPermittedError, TopologyMissingError, QueueFullError: as they say.
        """
        message = aio_pika.Message(
            command.body,
            content_type=CONTENT_TYPE,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=command.command_id,
            correlation_id=correlation_id or command.command_id,
            reply_to=reply_to,
            expiration=command.expiration,
        )
        while True:
            await self._there.wait()
            exchange = self._exchange
            assert exchange is not None
            try:
                with translated():
                    await exchange.publish(message, command.routing_key, mandatory=True)
            except ConnectionLostError:
                self._lost(exchange)
            else:
                return

    async def ask(self, command: Outgoing) -> Envelope:
        """Publish, and wait for the reply. A reply that went astray with the connection is asked for again."""
        correlation_id = self._free_correlation(command.command_id)
        try:
            while True:
                reply = self._waiting[correlation_id] = asyncio.get_running_loop().create_future()
                await self.publish(command, correlation_id, DIRECT_REPLY_TO)
                with suppress(ConnectionLostError):
                    return await reply
        finally:
            del self._waiting[correlation_id]

    def _free_correlation(self, command_id: str) -> str:
        """What the reply will be known by: the command's id, unless the same command is being asked already."""
        names = (command_id, *(f"{command_id}~{number}" for number in range(1, len(self._waiting) + 1)))
        return next(name for name in names if name not in self._waiting)

    async def _serve(self) -> None:
        """One channel's life."""
        channel = await self._connection.channel()
        closed = self._closed = Flag()
        channel.close_callbacks.add(closed.raised)
        try:
            await self._set_up(channel)
            if not channel.is_closed:
                await closed.wait()
        finally:
            await shut(channel)

    async def _set_up(self, channel: AbstractChannel) -> None:
        with translated():
            replies = await channel.get_queue(DIRECT_REPLY_TO, ensure=False)
            await replies.consume(self._on_reply, no_ack=True)
            self._exchange = await channel.get_exchange(self._name, ensure=False)
        self._there.set()

    def _lost(self, exchange: AbstractExchange | None = None) -> None:
        """This channel is gone, and with it every reply that was to come to it."""
        if exchange is not None and exchange is not self._exchange:
            return
        self._there.clear()
        self._closed.set()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionLostError("the connection was lost before the reply came"))
                waiting.exception()  # whoever has not come to wait for it yet finds it all the same

    async def _on_reply(self, message: AbstractIncomingMessage) -> None:
        waiting = self._waiting.get(message.correlation_id or "")
        if waiting is None or waiting.done():
            return
        try:
            waiting.set_result(read_envelope(message.body))
        except NotAnEventError as error:
            log.warning("a reply that cannot be read: %s", error)
