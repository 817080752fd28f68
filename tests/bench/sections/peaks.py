"""The most memory that each process of a worker has had since it was first looked at."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Self

import psutil

from tests.bench.measure import MIB

LOOK: Final = 0.02
"""Seconds from one look to the next."""


@dataclass(slots=True)
class Peaks:
    """Most resident bytes of each process of a worker, above what it had at the beginning."""

    pid: int
    before: dict[int, int] = field(default_factory=dict[int, int])
    most: dict[int, int] = field(default_factory=dict[int, int])
    names: dict[int, str] = field(default_factory=dict[int, str])

    @classmethod
    @asynccontextmanager
    async def watched(cls, pid: int) -> AsyncGenerator[Self]:
        """Looks all the time, as long as the block lasts."""
        peaks = cls(pid)
        peaks.look()
        looking = asyncio.create_task(peaks._watch())
        try:
            yield peaks
        finally:
            looking.cancel()

    def look(self) -> None:
        root = psutil.Process(self.pid)
        for process in [root, *root.children(recursive=True)]:
            try:
                resident, is_bridge = process.memory_info().rss, process.exe().endswith("/node")
            except psutil.NoSuchProcess:
                continue
            self.before.setdefault(process.pid, resident)
            self.most[process.pid] = max(self.most.get(process.pid, 0), resident)
            self.names[process.pid] = "bridge" if is_bridge else "worker"

    def above(self) -> dict[str, float]:
        """MiB by role; of several processes with the same role the one that grew most."""
        found: dict[str, float] = {}
        for pid, most in self.most.items():
            name = self.names[pid]
            found[name] = max(found.get(name, 0.0), (most - self.before[pid]) / MIB)
        return dict(sorted(found.items()))

    async def _watch(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(LOOK)
