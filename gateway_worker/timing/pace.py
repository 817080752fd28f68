"""Long work in the event loop, in slices: whoever waits for the loop waits for a few milliseconds."""

import asyncio
import time
from typing import Final

_SLICE: Final = 0.002  # seconds


class Pace:
    """Call `breathe` after every bit of the work. The bits are small; how many there are, others decide."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until = time.perf_counter() + _SLICE

    def is_over(self) -> bool:
        """Whether the loop was held for a slice: where most work is one bit, asking is cheaper than to breathe."""
        return time.perf_counter() >= self._until

    async def breathe(self) -> None:
        """Give the loop to the others, if it was held for a slice."""
        if time.perf_counter() >= self._until:
            await asyncio.sleep(0)
            self._until = time.perf_counter() + _SLICE
