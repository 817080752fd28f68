"""A passkey ceremony as its owner leads it: what a person says leaves once, and a repetition gets the same answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from gateway_worker.connections.passkey.assertion import check_assertion
from gateway_worker.whatsapp.errors import EngineError, PasskeyUnanswered, Refused
from gateway_worker.whatsapp.port import Connection
from schemas.errors import GatewayError, PasskeyExpired, PasskeyRefused, PasskeyUnansweredError, SessionNotPairing


class Asking(Protocol):
    """The connection on which WhatsApp asks, as an attempt that may be over."""

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        ...

    @property
    def purpose(self) -> object | None:
        """Why we are closing it; None if we are not."""
        ...

    @property
    def connection(self) -> Connection:
        """The engine's. Raises NotConnected."""
        ...


class Ceremony:
    """One ceremony, on one connection.

    Args:
        attempt: the connection on which WhatsApp asks.
        options: what it asks for.
        expires_at: until when the person may answer.
        now: the time.
    """

    def __init__(
        self,
        attempt: Asking,
        *,
        options: Mapping[str, Any],
        expires_at: datetime,
        now: Callable[[], datetime],
    ) -> None:
        self.attempt = attempt
        self.has_code = False
        """Whether a code is to be compared."""
        self._options = options
        self._expires_at = expires_at
        self._now = now
        self._turn = asyncio.Lock()
        self._answers: dict[str, tuple[object, GatewayError | None]] = {}

    async def prove(self, assertion: Mapping[str, Any]) -> None:
        """Hand over the assertion; returns when WhatsApp has taken it.

        Raises:
            PasskeyInvalid: it does not answer what was asked; another one may.
            PasskeyExpired, SessionNotPairing: it is not asked for any more, or another was handed over.
            PasskeyRefused, PasskeyUnansweredError: WhatsApp did not take it; the pairing is over.
        """
        async with self._turn:
            if "prove" not in self._answers:
                check_assertion(assertion, self._options)
            await self._once("prove", assertion, lambda: self.attempt.connection.prove(assertion))

    async def confirm(self, *, same: bool) -> None:
        """Say whether the phone shows the code. Raises as `prove`."""
        async with self._turn:
            if not self.has_code:
                raise SessionNotPairing
            await self._once("confirm", same, lambda: self.attempt.connection.confirm_code(same=same))

    async def _once(self, step: str, said: object, call: Callable[[], Awaitable[None]]) -> None:
        if step not in self._answers:
            self._check_time()
            self._answers[step] = (said, SessionNotPairing())  # what is cut short may have left: never again
            self._answers[step] = (said, await _outcome(call))
        before, error = self._answers[step]
        if before != said:
            raise SessionNotPairing
        if error is not None:
            raise error

    def _check_time(self) -> None:
        if self._now() >= self._expires_at:
            raise PasskeyExpired
        if self.attempt.over or self.attempt.purpose is not None:
            raise SessionNotPairing


async def _outcome(call: Callable[[], Awaitable[None]]) -> GatewayError | None:
    try:
        await call()
    except Refused as error:
        return PasskeyRefused(error.code)
    except PasskeyUnanswered:
        return PasskeyUnansweredError()
    except EngineError:
        return SessionNotPairing()
    return None
