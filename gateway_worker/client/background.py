"""Tasks that live as long as a block, and whose failure ends it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Self


class Flag(asyncio.Event):
    """An event that any callback of the driver may set."""

    def raised(self, *_: object) -> None:
        """Set it."""
        self.set()


class Background:
    """A task group for work without an end: leaving the block ends it. What the block raises stays as it is."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await self._group.__aexit__(None, None, None)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Have it run in the background."""
        self._tasks.append(self._group.create_task(work))
