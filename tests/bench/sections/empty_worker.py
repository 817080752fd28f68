"""S8: the memory of a worker without sessions, with all its processes."""

import asyncio
from typing import Final

from tests.bench.measure import MIB, proportional, read
from tests.bench.report import Findings, Section, below
from tests.bench.scene import Scene

_LIMIT: Final = 190.0
_SETTLES: Final = 3.0  # seconds


async def measured(scene: Scene) -> Findings:
    """Some seconds after it says that it is ready."""
    async with scene.bench() as bench:
        await asyncio.sleep(_SETTLES)
        root = {"worker": bench.worker.child.pid}
        resident, shared = read(root).rss, proportional(root)
    table = Section(title="A worker without sessions", columns=("process", "RSS MB", "PSS MB"))
    for role, used in resident.items():
        table.rows.append((role, f"{used / MIB:.0f}", f"{shared[role] / MIB:.0f}"))
    whole = sum(resident.values()) / MIB
    return Findings(sections=[table], figures=[below("S8 an empty worker, RSS of all processes", whole, _LIMIT, "MB")])
