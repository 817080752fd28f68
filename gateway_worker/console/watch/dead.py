"""How many dead letters there are: counted now and then, however many pages ask."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

FRESH_SECONDS: Final = 5.0

Counts = Mapping[str, int | None]
"""By the name of the dead queue; None: it cannot be known."""


@dataclass(slots=True)
class DeadCounts:
    """Counting wants a connection of its own to RabbitMQ: pages that change every second share what one found."""

    look: Callable[[], Awaitable[Counts]]
    monotonic: Callable[[], float]
    _known: Counts = field(default_factory=dict[str, "int | None"])
    _known_at: float | None = None
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def now(self) -> Counts:
        """As they were some seconds ago at the earliest."""
        async with self._looking:
            if self._known_at is None or self.monotonic() - self._known_at >= FRESH_SECONDS:
                self._known = await self.look()
                self._known_at = self.monotonic()
            return self._known
