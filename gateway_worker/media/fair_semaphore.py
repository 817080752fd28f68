"""Who may have work done just now, when there is less room than work."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class FairSemaphore:
    """So many at once, and of each party one: whoever brings work that takes long holds up itself before others."""

    def __init__(self, at_once: int) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def taken(self, party: str) -> AsyncGenerator[None]:
        """A seat for `party`, as long as the block runs; in the order of asking, for each party and for all."""
        turn = self._turns.get(party)
        if turn is None:
            self._turns[party] = turn = asyncio.Lock()
        async with turn, self._free:
            yield
