"""S7: how soon sessions are back after a start, what each takes, what they cost idle, and who waits for them."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from tests.bench.gateway import Bench
from tests.bench.measure import MIB, Latency, percentiles, proportional
from tests.bench.report import Figure, Findings, Section, below
from tests.bench.scene import Scene
from tests.support.whatsapp.phones import Phone

_WORKER: Final = ("worker", "bridges")
_BACK: Final = {100: 2.0, 1_000: 12.0}  # seconds, by sessions
_FIRST: Final = 1.0
_EACH: Final = 0.3
_IDLE: Final = 5.0
_SENT: Final = 1_000.0
_PACE: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comeback:
    """Seconds; MB of resident memory for each session; MB of the whole worker (PSS); % of a core."""

    sessions: int
    first: float
    last: float
    each: float
    pss: float
    idle: float
    sent: Latency


async def measured(scene: Scene) -> Findings:
    """Pair up to each number of sessions and start the worker again."""
    fleet = scene.scale.fleet
    names = [f"s{number}" for number in range(max(fleet))]
    found: list[_Comeback] = []
    async with scene.bench(max_sessions=len(names) + 8) as bench:
        await asyncio.sleep(2)
        empty = bench.usage().rss_of(*_WORKER)
        friend = await bench.phones.give("Pal")
        for count in fleet:
            scene.say(f"pairing up to {count} sessions …")
            await bench.pair([name for name in names[:count] if name not in bench.people])
            scene.say("and again …")
            found.append(await _comeback(bench, count, empty, friend, scene.scale.paced_seconds))
    table = Section(
        title="Sessions after a restart",
        columns=(
            "sessions",
            "first s",
            "all s",
            "MB each",
            "PSS MB of the worker",
            "idle, % of a core",
            "`sent` p99 ms",
        ),
    )
    for each in found:
        figures = (each.first, each.last, each.each, each.pss, each.idle, each.sent.p99)
        table.rows.append((str(each.sessions), *(f"{figure:.2f}" for figure in figures)))
    table.notes.append(
        "Seconds from the start of the process. `sent`: of one that is back, while others come. MB: RSS above empty."
    )
    return Findings(sections=[table], figures=[figure for each in found for figure in _figures(each)])


async def _comeback(bench: Bench, count: int, empty: int, friend: Phone, idle_seconds: float) -> _Comeback:
    started = await bench.restart()
    probe = bench.probe
    await probe.until(lambda: probe.connected, "a first session to come back")
    first = next(iter(probe.connected))
    probe.forget()
    number = 0
    while len(probe.connected) < count or not number:
        await bench.send(first, friend, number)
        number += 1
        await asyncio.sleep(1 / _PACE)
    last = await bench.all_connected(count)
    await probe.until(lambda: len(probe.sent) + probe.failed >= number, "its texts to be sent")
    sent = percentiles(probe.latencies())
    await asyncio.sleep(2)
    idle = await _idle(bench, idle_seconds)
    return _Comeback(
        sessions=count,
        first=probe.connected[first] - started,
        last=last - started,
        each=(bench.usage().rss_of(*_WORKER) - empty) / MIB / count,
        pss=sum(proportional({"worker": bench.worker.child.pid}).values()) / MIB,
        idle=idle,
        sent=sent,
    )


async def _idle(bench: Bench, seconds: float) -> float:
    """Percent of one core that the worker and its bridges take while nobody writes."""
    before, began = bench.usage(), time.monotonic()
    await asyncio.sleep(seconds)
    spent = bench.usage().cpu_since(before)
    return 100 * sum(spent.get(role, 0.0) for role in _WORKER) / (time.monotonic() - began)


def _figures(found: _Comeback) -> list[Figure]:
    count = found.sessions
    limit = _BACK.get(count)
    back = f"S7 {count} sessions back"
    return [
        Figure(name=back, measured=f"{found.last:.1f} s") if limit is None else below(back, found.last, limit, "s"),
        below(f"S7 the first of {count} back", found.first, _FIRST, "s"),
        Figure(
            name=f"S7 memory of each of {count}, restored",
            measured=f"{found.each:.2f} MB",
            wanted=f"≤ {_EACH} MB",
            reached=found.each <= _EACH,
        ),
        below(f"S7 {count} sessions idle, of one core", found.idle, _IDLE, "%"),
        below(f"S7 `sent` p99 while {count} come back", found.sent.p99, _SENT, "ms"),
    ]
