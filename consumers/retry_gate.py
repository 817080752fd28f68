"""Holding deliveries while something of ours is away: one tries at a time, and when it is back all go on, in order."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Final

from gateway_worker.timing.pauses import Pauses
from gateway_worker.timing.retrying import pause

FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 2.0


@dataclass(slots=True)
class _Trouble:
    """One kind of trouble. Whoever has the turn waits for the delay, or until somebody got through."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    tries: int = 1


class RetryGate:
    """Shared by all deliveries, so that thousands that are held do not all knock at a database that is coming back."""

    def __init__(self, chance: random.Random | None = None) -> None:
        chance = chance or random.Random()  # noqa: S311 (jitter, not a secret)
        self._pauses = Pauses(first=FIRST_DELAY, longest=LONGEST_DELAY, chance=chance)
        self._troubles: dict[str, _Trouble] = {}

    async def hold(self, kind: str) -> None:
        """Wait after a failure of this `kind`, until it is worth another try."""
        trouble = self._troubles.setdefault(kind, _Trouble())
        trouble.over.clear()
        async with trouble.turn:
            if not await pause(self._pauses.after(trouble.tries), until=trouble.over):
                trouble.tries += 1

    def over(self, kind: str) -> None:
        """One that was held got through: the others need not wait."""
        trouble = self._troubles.get(kind)
        if trouble is not None:
            trouble.tries = 1
            trouble.over.set()
