"""Waiting for a change, and for the database to come back."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog

from gateway_worker.store.errors import StoreUnavailable
from gateway_worker.timing.pauses import Pauses

_log = structlog.get_logger()
_PAUSES: Final = Pauses(first=0.1, longest=1.0)  # a database that is back is used again within a second

T = TypeVar("T")


class Signal:
    """Wakes everybody who waits. Check the condition, then `await next()`: nothing comes between."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def fire(self) -> None:
        """Something changed."""
        self._event.set()
        self._event = asyncio.Event()

    async def next(self) -> None:
        """Returns at the next `fire`."""
        await self._event.wait()


async def until_stored(write: Callable[[], Awaitable[T]]) -> T:
    """Repeat `write` until the database takes it: a fact that happened cannot be taken back.

    Raises:
        StaleEpoch: another worker owns the session; the fact is its business now.
    """
    failures = 0
    while True:  # by hand: tenacity costs 0.1 ms a call, and each message has several
        try:
            return await write()
        except StoreUnavailable:
            failures += 1
            pause = _PAUSES.after(failures)
            _log.warning("store.unavailable", retry_in_seconds=pause)
        await asyncio.sleep(pause)
