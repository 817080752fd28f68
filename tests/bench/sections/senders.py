"""S1 to S3: one sender, whose recipient is a simulated phone, so that the sender's side alone counts."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from tests.bench import bare, gateway
from tests.bench.report import Figure, Findings, Section, at_least, at_most, below
from tests.bench.runs import OURS, Run, median, ratio, turns
from tests.bench.scene import Scene

PACE: Final = 40
_THROUGHPUT: Final = {32: 0.9, 8: 0.7, 1: 0.4}
_CPU: Final = 1.5
_ABOVE: Final[Mapping[str, tuple[float, float]]] = {"1 in flight": (4, 9), f"{PACE}/s": (4, 8)}
_Pass = Callable[[], Awaitable[Run]]


async def measured(scene: Scene) -> Findings:
    """Passes of the gateway and of bare Baileys in turn, each load for itself."""
    scale = scene.scale
    async with scene.bench() as bench, bare.companion(bench) as baileys:
        await bench.pair(["alice"])
        friend, other = await bench.phones.give("Pal"), await bench.phones.give("Peg")
        await bench.greet("alice", friend)
        await baileys.greet(other)
        routes = [("alice", friend)]
        await gateway.throughput(bench, routes, scale.messages[8], 8)  # code that has run is compiled
        await baileys.throughput(other, scale.messages[8], 8)
        found: dict[str, tuple[Run, Run]] = {}
        for window, messages in scale.messages.items():
            scene.say(f"{window} in flight …")
            found[f"{window} in flight"] = await _in_turn(
                lambda window=window, messages=messages: gateway.throughput(bench, routes, messages, window),
                lambda window=window, messages=messages: baileys.throughput(other, messages, window),
                scale.rounds,
            )
        scene.say(f"{PACE}/s …")
        found[f"{PACE}/s"] = await _in_turn(
            lambda: gateway.paced(bench, routes, PACE, scale.paced_seconds),
            lambda: baileys.paced(other, PACE, scale.paced_seconds),
            1,
        )
    return Findings(sections=[_table(found)], figures=_figures(found))


async def _in_turn(ours: _Pass, bares: _Pass, rounds: int) -> tuple[Run, Run]:
    """Medians of ours and of bare Baileys."""
    runs: dict[_Pass, list[Run]] = {ours: [], bares: []}
    for each in turns((ours, bares), rounds):
        runs[each].append(await each())
    return median(runs[ours]), median(runs[bares])


def _table(found: Mapping[str, tuple[Run, Run]]) -> Section:
    table = Section(
        title="One sender to a simulated phone",
        columns=("", "messages/s", "p50 ms", "p99 ms", "worst ms", "CPU ms per message, by process"),
    )
    for load, both in found.items():
        for who, run in zip(("gateway", "bare Baileys"), both, strict=True):
            cpu = ", ".join(f"{role} {used}" for role, used in run.cpu.items())
            latency = run.latency
            table.rows.append(
                (f"{who}, {load}", f"{run.rate}", f"{latency.p50}", f"{latency.p99}", f"{latency.worst}", cpu)
            )
    table.notes.append(
        "Ours: command published → `sent` heard; bare: call → WhatsApp's ack. `backend` is the benchmark itself."
    )
    return table


def _figures(found: Mapping[str, tuple[Run, Run]]) -> list[Figure]:
    figures: list[Figure] = []
    for window, limit in _THROUGHPUT.items():
        ours, bares = found[f"{window} in flight"]
        words = f"{ours.rate}/s, bare {bares.rate}/s"
        figures.append(
            at_least(f"S1 throughput ÷ bare, {window} in flight", words, ratio(ours.rate, bares.rate), limit)
        )
    ours, bares = found["32 in flight"]
    cpu, node = ours.cpu_of(*OURS), bares.cpu_of("node")
    figures.append(
        at_most("S2 CPU per message ÷ bare, 32 in flight", f"{cpu:.2f} ms, bare {node:.2f} ms", ratio(cpu, node), _CPU)
    )
    for load, (p50, p99) in _ABOVE.items():
        ours, bares = (run.latency for run in found[load])
        figures.append(below(f"S3 `sent` above bare, p50, {load}", ours.p50 - bares.p50, p50, "ms"))
        figures.append(below(f"S3 `sent` above bare, p99, {load}", ours.p99 - bares.p99, p99, "ms"))
    return figures
