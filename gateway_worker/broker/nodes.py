"""Which node of RabbitMQ to connect to, and what it means when one does not let us in."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from aiormq.exceptions import (
    AMQPError,
    AuthenticationError,
    ConnectionNotAllowed,
    IncompatibleProtocolError,
    InvalidFrameError,
    ProbableAuthenticationError,
)
from yarl import URL

from gateway_worker.addresses import amqp_nodes, shown
from gateway_worker.broker.errors import BrokerLost, BrokerRefused, translated

T = TypeVar("T")

ALONE_SECONDS: Final = 10.0  # for a connection, where there is no other node to try
ONE_OF_MANY_SECONDS: Final = 3.0


class Nodes:
    """The nodes of one address, from any one on in turn: not all workers begin at the same.

    Args:
        address: as `addresses.amqp_nodes` takes it.
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
    except BrokerLost as error:
        why = _why(url, error.__cause__)
        kind = BrokerRefused if why is not None else BrokerLost
        raise kind(f"RabbitMQ at {shown(url)}: {why or _absence(error)}") from error


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


def _seconds(nodes: int) -> float:
    return ALONE_SECONDS if nodes == 1 else ONE_OF_MANY_SECONDS


def _why(url: str, error: BaseException | None) -> str | None:
    """What a refusal means; None for what is none."""
    user = URL(url).user or "guest"
    match error:
        case ProbableAuthenticationError() | AuthenticationError():
            return f"it refuses the user {user!r} or the password: see GATEWAY_AMQP_URL"
        case ConnectionNotAllowed():
            return _no_vhost(url, user)
        case InvalidFrameError() if "OpenOk" in str(error):  # aiormq throws the broker's own words away here
            return _no_vhost(url, user)
        case _:
            return None


def _no_vhost(url: str, user: str) -> str:
    vhost = URL(url).path.removeprefix("/") or "/"
    return (
        f"the virtual host {vhost!r} does not exist, or the user {user!r} may not use it or has too many connections:"
        " see GATEWAY_AMQP_URL (rabbitmqctl add_vhost, set_permissions)"
    )


def _absence(error: BrokerLost) -> str:
    match error.__cause__:
        case TimeoutError():
            return "it does not answer"
        case IncompatibleProtocolError():
            return "what listens there does not speak AMQP, or only with TLS (amqps://)"
        case AMQPError(args=(int() as number, str(text))):
            return f"not reachable ({text}, {number})"
        case cause:
            return f"not reachable ({type(cause or error).__name__})"
