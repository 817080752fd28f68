"""One AMQP connection that is there, or on its way back.

We reconnect ourselves instead of using `aio_pika.connect_robust`: a delivery must know which connection it came from
(acking one from before a reconnect is an error), publishes while the broker is away must wait instead of failing at
once, and a topology that does not fit must be told, not retried in silence. We use `aiormq`, the protocol layer of
aio-pika, directly: measured on 2 cores it takes 0.2 ms of CPU per message instead of 0.3, either way.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, cast

import aiormq
import structlog
from aiormq.channel import Channel
from aiormq.connection import Connection
from yarl import URL

from gateway_worker.broker.errors import BrokerError, BrokerLost, BrokerRefused, translated
from gateway_worker.broker.leniency import read_leniently
from gateway_worker.broker.nodes import Nodes, let_in, require_version
from gateway_worker.broker.writing import Batch
from gateway_worker.timing.cancelling import end
from gateway_worker.timing.pauses import Pauses
from gateway_worker.timing.retrying import pause
from schemas.topology.addresses import shown

T = TypeVar("T")

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS: Final = 6  # silent for 2-3 of them is gone: a stopped worker, before its lease is over
CHANNEL_SECONDS: Final = 30.0
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0
_NOTICE_SECONDS: Final = 0.05  # between a failure and the moment the connection itself is known to be gone
_CLOSE_SECONDS: Final = 5.0


class BrokerConnection:
    """A service that keeps one connection.

    Args:
        address: of one node or several, with credentials, which are never logged. See `addresses.amqp_nodes`.
        name: shown in RabbitMQ's list of connections, e.g. ``worker-1 consume``.
        chance: where the jitter of the back-off comes from, and the first node.
    """

    def __init__(self, address: str, *, name: str, chance: random.Random | None = None) -> None:
        read_leniently()
        self.name = name
        self._query = {"name": name, "heartbeat": str(HEARTBEAT_SECONDS)}
        self._chance = chance or random.Random()  # noqa: S311 (jitter, not a secret)
        self._nodes = Nodes(address, self._chance)
        self._pauses = Pauses(first=_FIRST_PAUSE, longest=_LONGEST_PAUSE, chance=self._chance)
        self._refused = 0  # nodes in a row, before the first connection
        self._connection: Connection | None = None
        self._batch: Batch | None = None
        self._up = asyncio.Event()
        self._stopping = asyncio.Event()

    @property
    def is_up(self) -> bool:
        """Whether there is an open connection at this moment."""
        return self._connection is not None and self._connection.is_opened

    async def run(self) -> None:
        """Connect, and connect again, until stopped: a node that is lost or does not answer is followed by the next.

        Raises:
            BrokerRefused: no node has ever let us in, and all refuse: settings are wrong. Later that is waited out, as
                credentials may be on their way to be changed.
        """
        attempt = 0
        while not self._stopping.is_set():
            connection = await self._connect(attempt)
            if connection is None:
                attempt += 1
                if attempt % len(self._nodes) == 0:
                    await pause(self._pauses.after(attempt // len(self._nodes)), until=self._stopping)
            else:
                attempt = 0
                await self._hold(connection)
            self._nodes.turn()

    async def stop(self) -> None:
        """Close the connection in good order; `run` returns. Unacknowledged deliveries go back to their queues."""
        self._stopping.set()
        if self._connection is not None:
            await self._close(self._connection)

    async def is_blocked(self) -> bool:
        """Whether the broker takes no publishes on it just now: an alarm of its memory or of its disk."""
        if self._connection is None:
            return False
        try:
            async with asyncio.timeout(0):
                await self._connection.ready()
        except TimeoutError:
            return True
        return False

    async def ask(self) -> None:
        """Have the broker answer, now. One that blocks this connection would not: it is there all the same.

        Raises:
            BrokerLost: there is no connection. The caller sets the deadline.
        """
        connection = self._connection
        if connection is None or not connection.is_opened:
            raise BrokerLost("there is no connection")
        if await self.is_blocked():
            return
        with translated():
            channel = await connection.channel(publisher_confirms=False)
            await channel.close()

    async def connection(self) -> Connection:
        """The connection, as soon as there is one. Waits for ever."""
        while True:
            await self._up.wait()
            if self._connection is not None and self._connection.is_opened:
                return self._connection
            await asyncio.sleep(_NOTICE_SECONDS)

    async def channel(self, *, confirms: bool) -> Channel:
        """A new channel, as soon as there is one. Waits for ever.

        Args:
            confirms: whether publishes on it are confirmed (costs a round trip more).
        """
        while True:
            connection, channel = await self.connection(), None
            try:
                with translated():
                    channel = await connection.channel(
                        publisher_confirms=confirms, on_return_raises=True, timeout=CHANNEL_SECONDS
                    )
                return cast("Channel", channel)  # the driver promises only its abstract base
            except BrokerLost:
                await asyncio.sleep(_NOTICE_SECONDS)
            except asyncio.CancelledError:
                if channel is not None:
                    await discard(cast("Channel", channel))
                raise

    def batch(self, channel: Channel) -> Batch:
        """Through which frames of our own go out, on the connection of this channel."""
        if self._batch is None or self._connection is not channel.connection:
            return Batch(cast("Connection", channel.connection))  # of a connection that is gone
        return self._batch

    async def insist(self, work: Callable[[Channel], Awaitable[T]]) -> T:
        """Do some `work` on a channel of its own; once more from the beginning if the connection is lost in between.

        Raises:
            BrokerError: whatever else the work meets.
        """
        while True:
            channel = await self.channel(confirms=False)
            try:
                with translated():
                    async with asyncio.timeout(CHANNEL_SECONDS):
                        outcome = await work(channel)
                        await channel.close()
            except BrokerLost:
                await asyncio.sleep(_NOTICE_SECONDS)
            except asyncio.CancelledError:
                await discard(channel)
                raise
            else:
                return outcome

    async def _connect(self, attempt: int) -> Connection | None:
        """None when the node is not there, or while it was tried it was said to stop: nobody waits for it then."""
        dialing = asyncio.create_task(let_in(self._nodes.here, self._dial, self._nodes.seconds))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({dialing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not dialing.done():
                return None
            connection = dialing.result()
        except BrokerLost as error:
            log.warning("broker.unreachable", link=self.name, attempt=attempt + 1, error=str(error))
            self._count_refusal(error)
            return None
        finally:
            await end(dialing, stopping)
        self._refused = -1
        return connection

    async def _dial(self, url: str) -> Connection:
        connection = await aiormq.connect(URL(url).update_query(self._query))
        try:
            require_version(connection.server_properties, url)
        except BrokerRefused:
            await connection.close()
            raise
        return connection

    def _count_refusal(self, error: BrokerLost) -> None:
        if self._refused < 0:
            return
        self._refused = self._refused + 1 if isinstance(error, BrokerRefused) else 0
        if self._refused == len(self._nodes):
            raise error

    async def _hold(self, connection: Connection) -> None:
        """Return when this connection is over, for whatever reason."""
        self._connection, self._batch = connection, Batch(connection)
        if self._stopping.is_set():
            await self._close(connection)
        self._up.set()
        log.info("broker.connected", link=self.name, node=shown(self._nodes.here))
        try:
            closing = cast("asyncio.Future[Any]", connection.closing)
            await asyncio.wait({closing})
        finally:
            self._up.clear()
            self._connection = self._batch = None
            await self._close(connection)  # cancelled: nobody else will
        if not self._stopping.is_set():
            log.warning("broker.lost", link=self.name)

    async def _close(self, connection: Connection) -> None:
        try:
            with translated():
                await connection.close(timeout=_CLOSE_SECONDS)
        except BrokerLost:
            log.info("broker.closed_hard", link=self.name)


async def discard(channel: Channel) -> None:
    """Close a channel that nobody wants any more; for one who is being cancelled, so not for long."""
    try:
        with translated():
            async with asyncio.timeout(_CLOSE_SECONDS):
                await channel.close()
    except BrokerError:
        log.debug("channel.gone")
