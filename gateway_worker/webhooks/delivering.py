"""Attempts at a call until it is taken or given up: pauses that grow, behind one circuit breaker for the target."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final, Protocol

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from gateway_worker.timing.clock import Clock
from gateway_worker.timing.pauses import Pauses
from gateway_worker.timing.retrying import pause
from gateway_worker.webhooks.breaker import RESET, Breaker, BreakerState
from gateway_worker.webhooks.calls import Call, CallFailedError, GivenUpError, TargetGoneError

FIRST_PAUSE: Final = 1.0
_SPREAD: Final = 0.1  # who waits for a breaker does not come back in the same moment
LONGEST_PAUSE: Final = 300.0
FRESH: Final = timedelta(seconds=30)  # what is fleeting comes every 30 s

Trouble = Callable[[CallFailedError], None]
"""Told of each attempt that failed, while the target as a whole is not held to be away."""


class LeavingError(Exception):
    """The process ends: what is not taken yet stays where it is."""


class DeliveryObserver(Protocol):
    """Hears of attempts."""

    def attempted(self, seconds: float, failure: CallFailedError | None) -> None:
        """One ended."""
        ...


class Sends(Protocol):
    """Makes one attempt; `sending.Sender`."""

    async def send(self, call: Call) -> None:
        """Raises CallFailedError or TargetGoneError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds: of the first and of the longest pause between attempts, and from a breaker's opening to its trial."""

    first: float = FIRST_PAUSE
    longest: float = LONGEST_PAUSE
    reset: float = RESET


class Deliverer:
    """Delivers to one target.

    Args:
        give_up_after: so long after an event it is tried.
        places: calls at a time.
        leaving: set when the process ends.
    """

    def __init__(
        self,
        sender: Sends,
        *,
        give_up_after: timedelta,
        places: int,
        leaving: asyncio.Event,
        clock: Clock,
        chance: Random,
        observer: DeliveryObserver,
        pace: Pace,
        breaker: Breaker | None = None,
    ) -> None:
        self.breaker = breaker or Breaker(reset=pace.reset)
        self._sender = sender
        self._give_up_after = give_up_after
        self._pauses = Pauses(first=pace.first, longest=pace.longest, chance=chance)
        self._places = asyncio.Semaphore(places)
        self._leaving = leaving
        self._wake = asyncio.Event()  # the target is back, or we leave
        self._clock = clock
        self._chance = chance
        self._observer = observer
        self._failure = CallFailedError("held")  # the last one of any call

    async def watch(self) -> None:
        """Ends the pauses when the process is to end. Returns then."""
        await self._leaving.wait()
        self._wake.set()

    @property
    def is_away(self) -> bool:
        """Whether it fails whoever calls it, and is left alone for that just now."""
        return self.breaker.wait(self._clock.monotonic()) > 0

    async def back(self) -> None:
        """Return when it may be called again, also where nobody calls it meanwhile. Raises LeavingError."""
        while (seconds := self.breaker.wait(self._clock.monotonic())) > 0:
            await self._sleep(seconds)

    async def deliver(self, call: Call, since: datetime, trouble: Trouble) -> None:
        """Return when it was taken.

        Args:
            call: what is sent.
            since: when it became due.
            trouble: told of attempts that failed.

        Raises:
            GivenUpError: it was not in time, or at once where it is fleeting.
            TargetGoneError: nobody wants anything there.
            LeavingError: the process ends.
        """
        until = since + (FRESH if call.is_fleeting else self._give_up_after)
        try:
            await self._attempt(call, until)
        except CallFailedError as failed:
            await self._try_again(call, until, trouble, failed)

    async def _try_again(self, call: Call, until: datetime, trouble: Trouble, first: CallFailedError) -> None:
        """Tenacity costs 0.2 ms of CPU a call: only for what was refused once. Raises as `deliver`."""
        behind_us = [first]

        async def attempt() -> None:
            if behind_us:
                raise behind_us.pop()
            await self._attempt(call, until)

        attempts = AsyncRetrying(  # one for each: it keeps what it counts
            retry=retry_if_exception_type(CallFailedError),
            stop=lambda _: call.is_fleeting or self._clock.now() >= until,
            wait=lambda state: self._pause_after(state, until),
            before_sleep=lambda state: self._report(state, trouble),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            await attempts(attempt)
        except CallFailedError as failed:
            raise GivenUpError(str(failed)) from failed

    async def _attempt(self, call: Call, until: datetime) -> None:
        await self._admission(until)
        try:
            await self._send(call)
        finally:
            self._places.release()

    async def _send(self, call: Call) -> None:
        """One attempt, which the breaker and the metrics hear of."""
        began = self._clock.monotonic()
        try:
            await self._sender.send(call)
        except (CallFailedError, TargetGoneError) as failure:
            now = self._clock.monotonic()
            self.breaker.failed(now)
            self._failure = failure if isinstance(failure, CallFailedError) else self._failure
            self._observer.attempted(now - began, failure if isinstance(failure, CallFailedError) else None)
            raise
        except BaseException:
            self.breaker.abandoned()
            raise
        now = self._clock.monotonic()
        self._observer.attempted(now - began, None)
        if self.breaker.succeeded(now):
            self._wake_all()

    async def _admission(self, until: datetime) -> None:
        """Return with a place, when the breaker lets a call through.

        Raises:
            CallFailedError: the time was over before that.
        """
        while True:
            await self._places.acquire()
            seconds = self.breaker.wait(self._clock.monotonic())
            if not seconds and not self._leaving.is_set():
                self.breaker.begin()
                return
            self._places.release()
            if (left := self._left(until)) <= 0:
                raise CallFailedError(self._failure.reason, status=self._failure.status)  # the target is away
            await self._sleep(min(seconds * (1 + _SPREAD * self._chance.random()), left))

    def _pause_after(self, state: RetryCallState, until: datetime) -> float:
        """Longer each time, as long as the target asks for, and not beyond the end: the last attempt is made then."""
        failure = None if state.outcome is None else state.outcome.exception()
        asked = failure.retry_after if isinstance(failure, CallFailedError) else None
        return max(0.0, min(max(self._pauses.after(state.attempt_number), asked or 0.0), self._left(until)))

    def _report(self, state: RetryCallState, trouble: Trouble) -> None:
        failure = None if state.outcome is None else state.outcome.exception()
        if isinstance(failure, CallFailedError) and self.breaker.state is BreakerState.CLOSED:
            trouble(failure)

    async def _sleep(self, seconds: float) -> None:
        """Not longer than until the target is back. Raises LeavingError."""
        await pause(seconds, until=self._wake)
        if self._leaving.is_set():
            raise LeavingError

    def _wake_all(self) -> None:
        """Whoever waits now goes on; who waits later waits."""
        self._wake.set()
        if not self._leaving.is_set():
            self._wake.clear()

    def _left(self, until: datetime) -> float:
        return (until - self._clock.now()).total_seconds()
