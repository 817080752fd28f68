"""Which node of RabbitMQ to connect to, and what it means when one does not let us in."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from aio_pika.abc import AbstractConnection

from gateway_worker.broker.errors import BrokerLost, BrokerRefused, translated
from gateway_worker.client.connection import shut
from gateway_worker.client.diagnosis import absence, refusal
from schemas.topology.addresses import amqp_nodes, shown

T = TypeVar("T")


_OLDEST: Final = (3, 10)
ALONE_SECONDS: Final = 10.0  # for a connection, where there is no other node to try
ONE_OF_MANY_SECONDS: Final = 3.0


class Nodes:
    """The nodes of one address, from any one on in turn: not all workers begin at the same.

    Args:
        address: as `schemas.topology.addresses.amqp_nodes` takes it.
        chance: where the first is taken from.
    """

    def __init__(self, address: str, chance: random.Random) -> None:
        self._urls = amqp_nodes(address)
        self._at = chance.randrange(len(self._urls))

    def __len__(self) -> int:
        return len(self._urls)

    @property
    def here(self) -> str:
        """The URL whose turn it is."""
        return self._urls[self._at]

    @property
    def seconds(self) -> float:
        """How long one has to let us in."""
        return _seconds(len(self._urls))

    def turn(self) -> None:
        """The next one."""
        self._at = (self._at + 1) % len(self._urls)


def require_version(properties: Mapping[str, object], url: str) -> str:
    """The version of a node that calls itself so.

    Raises:
        BrokerRefused: what we ask of its queues came later.
    """
    version = properties.get("version")
    text = version.decode(errors="replace") if isinstance(version, bytes) else str(version or "?")
    numbers = tuple(int(part) for part in text.split(".")[:2] if part.isdecimal())
    product = properties.get("product")
    if product in {"RabbitMQ", b"RabbitMQ"} and len(numbers) == len(_OLDEST) and numbers < _OLDEST:
        needed = ".".join(map(str, _OLDEST))
        raise BrokerRefused(
            f"RabbitMQ at {shown(url)}: it is {text}, {needed} or newer is needed (quorum queues with TTL)"
        )
    return text


async def let_in(url: str, connect: Callable[[str], Awaitable[T]], seconds: float) -> T:
    """Connect to one node.

    Raises:
        BrokerRefused: it does not want us, and will not without a change; the text says what is to be done.
        BrokerLost: it is away, silent, or something else.
    """
    try:
        with translated():
            async with asyncio.timeout(seconds):
                return await connect(url)
    except BrokerRefused:
        raise
    except BrokerLost as error:
        why = refusal(url, error.__cause__)
        kind = BrokerRefused if why is not None else BrokerLost
        raise kind(f"RabbitMQ at {shown(url)}: {why or absence(error.__cause__ or error)}") from error


async def first_of(address: str, connect: Callable[[str], Awaitable[T]]) -> T:
    """Connect to the first node that lets us in, for a command that a person typed.

    Raises:
        BrokerRefused: one refused, and no other let us in.
        BrokerLost: all are away. The text tells of each.
    """
    urls = amqp_nodes(address)
    failures: list[BrokerLost] = []
    for url in urls:
        try:
            return await let_in(url, connect, _seconds(len(urls)))
        except BrokerLost as error:
            failures.append(error)
    kind = BrokerRefused if any(isinstance(each, BrokerRefused) for each in failures) else BrokerLost
    raise kind("; ".join(map(str, failures))) from failures[-1]


@asynccontextmanager
async def opened(
    address: str, connect: Callable[[str], Awaitable[AbstractConnection]]
) -> AsyncGenerator[AbstractConnection]:
    """A connection to the first node that lets us in, closed in good order, but not for ever. Raises as `first_of`.

    Where a call was cut off (by Ctrl-C, say) the drivers' close can wait for an answer that never comes.
    """
    connection = await first_of(address, connect)
    try:
        yield connection
    finally:
        await shut(connection)


def _seconds(nodes: int) -> float:
    return ALONE_SECONDS if nodes == 1 else ONE_OF_MANY_SECONDS
