"""S6: what a message costs while ever more sessions are live, at the same rate of all together."""

from typing import Final

from tests.bench import gateway
from tests.bench.report import Findings, Section, at_most
from tests.bench.runs import OURS, Run, ratio
from tests.bench.scene import Scene

PACE: Final = 40
_LIMIT: Final = 1.25
_WRITERS: Final = 50


async def measured(scene: Scene) -> Findings:
    """The same messages a second, spread over all that are live (over 50 of them where there are more)."""
    scale = scene.scale
    names = [f"s{number}" for number in range(max(scale.live))]
    runs: dict[int, Run] = {}
    async with scene.bench(max_sessions=len(names) + 8) as bench:
        routes: list[gateway.Route] = []
        for count in scale.live:
            scene.say(f"{count} sessions …")
            await bench.pair([name for name in names[:count] if name not in bench.people])
            for name in names[len(routes) : min(count, _WRITERS)]:
                routes.append((name, await bench.phones.give("Pal")))
                await bench.greet(*routes[-1])
            await gateway.paced(bench, routes, PACE, 2)
            runs[count] = await gateway.paced(bench, routes, PACE, scale.paced_seconds)
    table = Section(
        title=f"Cost of a message at {PACE}/s",
        columns=("live sessions", "our CPU ms per message", "by process", "p50 ms", "p99 ms"),
    )
    for count, run in runs.items():
        cpu = ", ".join(f"{role} {used}" for role, used in run.cpu.items() if role in OURS)
        table.rows.append((str(count), f"{run.cpu_of(*OURS):.2f}", cpu, f"{run.latency.p50}", f"{run.latency.p99}"))
    first = next(iter(runs.values())).cpu_of(*OURS)
    figures = [
        at_most(
            f"S6 CPU per message, {count} live ÷ {scale.live[0]}",
            f"{run.cpu_of(*OURS):.2f} ms",
            ratio(run.cpu_of(*OURS), first),
            _LIMIT,
        )
        for count, run in list(runs.items())[1:]
    ]
    return Findings(sections=[table], figures=figures)
