"""One connection of a session, from opening to its end."""

import asyncio
from collections.abc import Callable
from enum import StrEnum

import structlog

from gateway_worker.connections.base.context import Timeouts
from gateway_worker.connections.base.observer import SessionObserver
from gateway_worker.connections.base.opening_limiter import Pass
from gateway_worker.connections.base.signals import Signal
from gateway_worker.timing.clock import Clock
from gateway_worker.whatsapp.errors import EngineError, NotConnected
from gateway_worker.whatsapp.facts import Cause, Disconnected
from gateway_worker.whatsapp.port import Connection, Engine, OpenRequest, Owner

_log = structlog.get_logger()


class Purpose(StrEnum):
    """Why we closed a connection ourselves."""

    RENEW = "renew"  # it went silent
    RESTART = "restart"  # ordered
    REST = "rest"  # ordered: no connection is wanted
    LOGOUT = "logout"
    LEAVE = "leave"  # this worker gives the session up


class ConnectionAttempt:
    """A socket that is being opened, is open, or is over; `moved` is called at each of these."""

    def __init__(
        self,
        admission: Pass,
        moved: Callable[[], None],
        *,
        clock: Clock,
        engine: Engine,
        observer: SessionObserver,
        timeouts: Timeouts,
    ) -> None:
        self._clock = clock
        self._engine = engine
        self._observer = observer
        self._timeouts = timeouts
        self._admission = admission
        self._on_moved = moved
        self._moved = Signal()
        self._connection: Connection | None = None
        self.opened_at = clock.monotonic()
        self.outcome: Disconnected | None = None
        self.purpose: Purpose | None = None
        self.has_received = False  # whether WhatsApp said anything on it
        self._ready = False

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.outcome is not None

    @property
    def usable(self) -> bool:
        """Whether something can be sent on it."""
        return self._ready and not self.over and self.purpose is None

    @property
    def connection(self) -> Connection:
        """The engine's connection.

        Raises:
            NotConnected: it is not there (yet, or any more).
        """
        if self._connection is None or self.over:
            raise NotConnected
        return self._connection

    @property
    def settled(self) -> bool:
        """Whether opening it is done with: it is up, over, or waits for a person."""
        return self._admission.used

    def settle(self) -> None:
        """Opening it is done with: the next one may."""
        self._admission.leave()

    def log_in(self) -> None:
        """WhatsApp took the login, and it is stored: the link can be used."""
        self._ready = True
        self.settle()
        self._observer.logged_in(self._clock.monotonic() - self.opened_at)
        self._move()

    async def open(self, request: OpenRequest, owner: Owner) -> None:
        """Open the socket; what follows is told to `owner`. A failure to open is an end like any other."""
        try:
            async with asyncio.timeout(self._timeouts.opening):
                self._connection = await self._engine.open(request, owner)
        except (EngineError, TimeoutError) as error:
            self.end(Disconnected(cause=Cause.BRIDGE_DIED, detail=type(error).__name__))

    def end(self, outcome: Disconnected) -> None:
        """It is over; the first outcome counts."""
        if self.outcome is None:
            self.outcome = outcome
            self.settle()
            self._observer.connection_ended(outcome.cause)
            self._move()

    async def ended(self) -> None:
        """Returns when it is over."""
        while not self.over:
            await self._moved.next()

    async def really_ended(self) -> None:
        """Like `ended`, after a call said so: an engine that does not tell the end soon is not waited for."""
        try:
            async with asyncio.timeout(self._timeouts.closing):
                await self.ended()
        except TimeoutError:
            self.give_up(Purpose.RENEW)
            await self.ended()

    def give_up(self, purpose: Purpose) -> None:
        """Ask the session to close it; the first purpose counts."""
        if self.purpose is None:
            self.purpose = purpose
            self._move()

    async def hang_up(self, purpose: Purpose) -> None:
        """Close the socket and see to it that it is over, whatever the engine says."""
        self.give_up(purpose)
        if self._connection is not None and not self.over:
            try:
                async with asyncio.timeout(self._timeouts.closing):
                    await self._connection.close()
            except (EngineError, TimeoutError) as error:
                _log.warning("connection.close_failed", error=type(error).__name__)
        self.end(Disconnected(cause=Cause.REQUESTED))

    def _move(self) -> None:
        self._moved.fire()
        self._on_moved()
