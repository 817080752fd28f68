"""S11: a worker is killed; when its sessions are live on another, and when in the same one started again."""

import asyncio
from typing import Final

from tests.bench.gateway import WORKER, Bench
from tests.bench.report import Findings, Section, below
from tests.bench.scene import Scene

_ELSEWHERE: Final = 2.5
_BACK: Final = 2.0
_SETTLES: Final = 3.0  # seconds, in which workers have seen one another


async def measured(scene: Scene) -> Findings:
    """Killed where another worker stands by; then that one is killed and started again."""
    count = scene.scale.taken_over
    async with scene.bench() as bench:
        scene.say(f"pairing {count} sessions …")
        await bench.pair([f"s{number}" for number in range(count)])
        scene.say("killed, with another beside it …")
        elsewhere = await _elsewhere(bench, count)
        scene.say("killed, and started again …")
        back = await _again(bench, count)
    table = Section(
        title=f"A worker with {count} sessions is killed", columns=("", "first s", "median s", "p99 s", "last s")
    )
    for where, times in (("live on another worker", elsewhere), ("live in the same one, started again", back)):
        table.rows.append((where, *(f"{_at(times, share):.2f}" for share in (0, 0.5, 0.99, 1))))
    table.notes.append("Seconds from SIGKILL, those of a start included.")
    return Findings(
        sections=[table],
        figures=[
            below(f"S11 {count} sessions live elsewhere, p99", _at(elsewhere, 0.99), _ELSEWHERE, "s"),
            below(f"S11 {count} sessions back in the same worker, all", _at(back, 1), _BACK, "s"),
        ],
    )


async def _elsewhere(bench: Bench, count: int) -> list[float]:
    second = await bench.stage.start_worker("worker-002")
    await asyncio.sleep(_SETTLES)
    killed = await bench.kill()
    bench.worker = second
    await bench.all_connected(count)
    return sorted(at - killed for at in bench.probe.connected.values())


async def _again(bench: Bench, count: int) -> list[float]:
    await asyncio.sleep(_SETTLES)
    worker_id = bench.worker.worker_id
    assert worker_id != WORKER  # that one was killed
    killed = await bench.kill()
    bench.worker = await bench.stage.start_worker(worker_id)
    await bench.all_connected(count)
    return sorted(at - killed for at in bench.probe.connected.values())


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
