"""How what is sent finds the session's connection."""

import asyncio
from datetime import datetime
from typing import Protocol

from gateway_worker.connections.base.ports import Clock
from gateway_worker.connections.lifecycle.states import PAIRING, State
from gateway_worker.connections.socket.connection import Link
from schemas.errors import CommandExpired, GatewayError, SessionNotConnected


class Reach(Protocol):
    """A session, as seen by what wants to send through it."""

    @property
    def state(self) -> State:
        """The session's state."""
        ...

    @property
    def jid(self) -> str | None:
        """Our own JID, once paired."""
        ...

    def refusal(self) -> GatewayError | None:
        """Why there is no point in waiting for a connection; None when there is (or one is up)."""
        ...

    async def link(self) -> Link:
        """The connection, as soon as it can be used.

        Raises:
            GatewayError: none will come by itself.
        """
        ...


async def link_before(reach: Reach, deadline: datetime | None, clock: Clock) -> Link:
    """The connection, if it comes before `deadline`.

    Raises:
        CommandExpired: the deadline passed.
        GatewayError: none will come by itself.
    """
    if deadline is None:
        return await reach.link()
    remaining = (deadline - clock.now()).total_seconds()
    if remaining <= 0:
        raise CommandExpired
    try:
        async with asyncio.timeout(remaining):
            return await reach.link()
    except TimeoutError:
        raise CommandExpired from None


async def link_soon(reach: Reach) -> Link:
    """The connection, or one that is coming back; a person who pairs is not waited for.

    Raises:
        SessionNotConnected: someone has to scan first.
        GatewayError: none will come by itself.
    """
    if reach.state in PAIRING:
        raise SessionNotConnected(detail={"state": reach.state.value})
    return await reach.link()
