"""One connection to RabbitMQ, kept: opened at the first node that lets us in, and again whenever it is lost.

aio-pika's own robust connection is not used: it fails publishes while it is away, and consumes again in silence, so
that nobody learns that something may have been missed (decision 0004 names more).
"""

import asyncio
import logging
import random
from contextlib import suppress
from typing import Final

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection

from gateway_worker.client.diagnosis import absence, refusal
from gateway_worker.client.errors import AccessRefusedError, ClientError, ConnectionLostError, translated
from gateway_worker.timing.pauses import Pauses
from schemas.topology.addresses import amqp_nodes, shown

log = logging.getLogger("gateway_worker.client")

ALONE_SECONDS: Final = 10.0  # for a connection, where there is no other node to try
ONE_OF_MANY_SECONDS: Final = 3.0
CLOSE_SECONDS: Final = 3.0
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0


class Connection:
    """A connection that is there, or comes again.

    Args:
        url: of one node or several, as `schemas.topology.addresses.amqp_nodes` takes it.
        name: what RabbitMQ's management shows.
    """

    def __init__(self, url: str, name: str, chance: random.Random) -> None:
        self._urls = list(amqp_nodes(url))
        chance.shuffle(self._urls)
        self._name = name
        self._pauses = Pauses(first=_FIRST_PAUSE, longest=_LONGEST_PAUSE, chance=chance)
        self._open: AbstractConnection | None = None
        self._there = asyncio.Event()
        self._lost = asyncio.Event()
        self.trouble: ConnectionLostError | None = None

    async def open(self) -> None:
        """Connect to the first node that lets us in.

        Raises:
            AccessRefusedError: one refused, and no other let us in; the text says what is to be done.
            ConnectionLostError: all are away; the text tells of each.
        """
        failures: list[ConnectionLostError] = []
        for url in self._urls:
            try:
                self._now_open(await self._dial(url))
            except ConnectionLostError as error:
                failures.append(error)
            else:
                return
        refused = any(isinstance(each, AccessRefusedError) for each in failures)
        kind = AccessRefusedError if refused else ConnectionLostError
        raise kind("; ".join(map(str, failures))) from failures[-1]

    async def run(self) -> None:
        """Connect again whenever it is lost; for ever."""
        while True:
            await self._lost.wait()
            failures = 0
            while self._lost.is_set():
                failures += 1
                await asyncio.sleep(self._pauses.after(failures))
                try:
                    await self.open()
                except ConnectionLostError as trouble:
                    self.trouble = trouble
                    log.warning("%s; trying again", trouble)

    async def channel(self) -> AbstractChannel:
        """A new channel, once there is a connection. Raises ConnectionLostError when it is lost meanwhile."""
        await self._there.wait()
        assert self._open is not None
        with translated():
            return await self._open.channel(publisher_confirms=True, on_return_raises=True)

    async def close(self) -> None:
        """End it."""
        connection, self._open = self._open, None
        self._there.clear()
        if connection is not None:
            await shut(connection)

    async def _dial(self, url: str) -> AbstractConnection:
        seconds = ALONE_SECONDS if len(self._urls) == 1 else ONE_OF_MANY_SECONDS
        try:
            with translated():
                async with asyncio.timeout(seconds):
                    return await aio_pika.connect(url, client_properties={"connection_name": self._name})
        except ConnectionLostError as error:
            why = refusal(url, error.__cause__)
            kind = ConnectionLostError if why is None else AccessRefusedError
            raise kind(f"RabbitMQ at {shown(url)}: {why or absence(error.__cause__ or error)}") from error

    def _now_open(self, connection: AbstractConnection) -> None:
        self._open = connection
        self._lost.clear()
        self._there.set()
        self.trouble = None
        connection.close_callbacks.add(self._now_lost)
        if connection.is_closed:
            self._now_lost(connection, None)

    def _now_lost(self, sender: object, reason: BaseException | None, *_: object) -> None:
        """The driver's callback. What an earlier connection says does not count."""
        if self._open is None or sender is not self._open:
            return
        self._open = None
        self._there.clear()
        self._lost.set()
        self.trouble = ConnectionLostError(f"RabbitMQ: the connection was lost ({type(reason).__name__})")
        log.warning("%s", self.trouble)


async def shut(line: AbstractConnection | AbstractChannel) -> None:
    """Close it in good order, but not for ever: a broker that hangs answers nobody."""
    with suppress(ClientError), translated():
        async with asyncio.timeout(CLOSE_SECONDS):
            await line.close()
