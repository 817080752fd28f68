"""A lease that a test takes and loses."""

import asyncio


class TestLease:
    """What the engine and the relay see of a lease. `seconds` is how long it always still runs."""

    __test__ = False

    def __init__(self, *, seconds: float = 30) -> None:
        self._seconds = seconds
        self._held = asyncio.Event()
        self._held.set()

    @property
    def permits(self) -> bool:
        return self._held.is_set()

    @property
    def remaining(self) -> float:
        return self._seconds if self.permits else 0

    async def held(self) -> None:
        await self._held.wait()

    def lose(self) -> None:
        self._held.clear()

    def take(self) -> None:
        self._held.set()
