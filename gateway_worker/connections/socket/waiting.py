"""How what is sent finds the session's connection."""

import asyncio
from datetime import datetime
from typing import Protocol

from gateway_worker.connections.lifecycle.states import PAIRING, State
from gateway_worker.connections.socket.attempt import ConnectionAttempt
from gateway_worker.timing.clock import Clock
from schemas.errors import CommandExpired, GatewayError, SessionNotConnected


class ConnectionWaiter(Protocol):
    """A session, as seen by what wants to send through it."""

    @property
    def state(self) -> State:
        """The session's state."""
        ...

    @property
    def jid(self) -> str | None:
        """Our own JID, once paired."""
        ...

    @property
    def is_usable(self) -> bool:
        """Whether a connection is up on which something can be sent."""
        ...

    def refusal(self) -> GatewayError | None:
        """Why there is no point in waiting for a connection; None when there is (or one is up)."""
        ...

    async def connected(self) -> ConnectionAttempt:
        """The connection, as soon as it can be used.

        Raises:
            GatewayError: none will come by itself.
        """
        ...


async def connection_before(waiter: ConnectionWaiter, deadline: datetime | None, clock: Clock) -> ConnectionAttempt:
    """The connection, if it comes before `deadline`.

    Raises:
        CommandExpired: the deadline passed.
        GatewayError: none will come by itself.
    """
    if deadline is None:
        return await waiter.connected()
    remaining = (deadline - clock.now()).total_seconds()
    if remaining <= 0:
        raise CommandExpired
    try:
        async with asyncio.timeout(remaining):
            return await waiter.connected()
    except TimeoutError:
        raise CommandExpired from None


async def connection_soon(waiter: ConnectionWaiter) -> ConnectionAttempt:
    """The connection, or one that is coming back; a person who pairs is not waited for.

    Raises:
        SessionNotConnected: someone has to scan first.
        GatewayError: none will come by itself.
    """
    if waiter.state in PAIRING:
        raise SessionNotConnected(detail={"state": waiter.state.value})
    return await waiter.connected()
