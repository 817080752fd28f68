"""``make bench-compare BASE=<revision>``: this tree against an earlier build, both kept warm side by side.

python -m tests.bench.compare --base REVISION [--rounds N] [--messages N] [--pairings N]

Each side has services, a simulator, a worker and two paired sessions of its own; passes come in turn (A B, B A …), and
medians are compared. What drives both, and the simulator, are this tree's: of the base only ``gateway-worker migrate``
and ``gateway-worker run`` are started, with its own packages, and spoken to by the contract alone. So any revision that
keeps the contract can be the base. When a figure looks worse, as many rounds again are run before that is believed.

Exit code 1: throughput below 0.95 of the base's, or CPU per message above 1.05 of it. Pairing is shown, not judged.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Final

from rich.console import Console
from rich.table import Table

from deploy.local.services import ROOT
from deploy.local.stage import Build
from tests.bench import gateway
from tests.bench.builds import BuildError, compiled, prepared
from tests.bench.comparison import Comparison, compared, regressions
from tests.bench.conditions import Watch
from tests.bench.gateway import Bench
from tests.bench.run import DIRECTORY, commit_of
from tests.bench.runs import OURS, Run, ratio, turns
from tests.bench.services import durable_services

_WINDOWS: Final = (32, 8, 1)
_SIDES: Final = ("base", "this")
_PAIRING: Final = "pairing"
_WARM: Final = 200
Runs = dict[str, list[Run]]
console = Console(highlight=False)


async def compare(base: Build, *, rounds: int, messages: int, pairings: int) -> list[Comparison]:
    """Medians of all loads; as many rounds again when a figure looks worse."""
    async with AsyncExitStack() as stack:
        benches: dict[str, Bench] = {}
        for side, build in zip(_SIDES, (base, Build()), strict=True):
            console.print(f"{side}: services, a worker, two sessions …")
            services = stack.enter_context(durable_services(DIRECTORY / side / "services"))
            bench = await stack.enter_async_context(
                gateway.benched(services, DIRECTORY / side / "logs", max_sessions=1_000, build=build)
            )
            await bench.pair(["alice", "bob"])
            await gateway.throughput(bench, [("alice", bench.people["bob"])], min(messages, _WARM), max(_WINDOWS))
            benches[side] = bench
        runs: dict[str, Runs] = {side: {} for side in _SIDES}
        await _rounds(benches, runs, rounds, messages, pairings)
        found = compared(runs["base"], runs["this"])
        if regressions([each for each in found if each.load != _PAIRING]):
            console.print("a figure looks worse: as many rounds again")
            await _rounds(benches, runs, rounds, messages, pairings)
            found = compared(runs["base"], runs["this"])
    return found


async def _rounds(
    benches: Mapping[str, Bench], runs: Mapping[str, Runs], rounds: int, messages: int, pairings: int
) -> None:
    for number, (first, second) in enumerate(_pairs(rounds)):
        for window in _WINDOWS:
            for side in (first, second):
                bench = benches[side]
                count = max(20, messages * min(window, 8) // 8)  # with one in flight each takes longer
                run = await gateway.throughput(bench, [("alice", bench.people["bob"])], count, window)
                runs[side].setdefault(f"{window} in flight", []).append(run)
                _say(number, side, f"{window} in flight", run)
        for side in (first, second) if pairings else ():
            run = await _pairing(benches[side], pairings)
            runs[side].setdefault(_PAIRING, []).append(run)
            _say(number, side, _PAIRING, run)


def _pairs(rounds: int) -> Sequence[tuple[str, str]]:
    order = list(turns(_SIDES, rounds))
    return list(zip(order[::2], order[1::2], strict=True))


async def _pairing(bench: Bench, count: int) -> Run:
    """As a run whose messages are sessions."""
    return await gateway.pairing(bench, [f"s{len(bench.people) + number}" for number in range(count)])


def _say(number: int, side: str, load: str, run: Run) -> None:
    cpu = ", ".join(f"{role} {used}" for role, used in run.cpu.items())
    console.print(f"  {number + 1} {side} {load}: {run.rate}/s, p50 {run.latency.p50} ms, CPU ms {cpu}", style="dim")


def table_of(comparisons: Sequence[Comparison], base: str, this: str) -> Table:
    """Medians of both, and their ratios."""
    table = Table("load", "figure", base, this, "ratio", title="medians", title_justify="left")
    for each in comparisons:
        one, other = each.base, each.this
        table.add_section()
        table.add_row(each.load, "per second", f"{one.rate}", f"{other.rate}", f"{each.rate:.2f}")
        table.add_row("", "p50 ms", f"{one.latency.p50}", f"{other.latency.p50}", f"{each.p50:.2f}")
        for role in OURS:
            before, after = one.cpu.get(role, 0.0), other.cpu.get(role, 0.0)
            table.add_row("", f"CPU ms, {role}", f"{before:.2f}", f"{after:.2f}", f"{ratio(after, before):.2f}")
        table.add_row("", "CPU ms, all", f"{one.cpu_of(*OURS):.2f}", f"{other.cpu_of(*OURS):.2f}", f"{each.cpu:.2f}")
    return table


def main() -> None:
    """Parse arguments and run; exit code 1 when this tree is worse."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help="a revision that git knows here")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=400, help="of one pass at 8 or 32 in flight")
    parser.add_argument("--pairings", type=int, default=8, help="of one pass; 0: none")
    given = parser.parse_args()
    if not given.base:
        parser.error("BASE=<revision> is missing: with what is this tree to be compared?")
    try:
        base = prepared(given.base, console.print)
        compiled(Build())
    except BuildError as error:
        sys.exit(str(error))
    with Watch() as watch:
        comparing = compare(base, rounds=given.rounds, messages=given.messages, pairings=given.pairings)
        found = asyncio.run(comparing)
    console.print(table_of(found, given.base, commit_of(ROOT)))
    console.print(f"Conditions: {watch.conditions}.")
    worse = regressions([each for each in found if each.load != _PAIRING])
    for words in worse:
        console.print(f"worse: {words}", style="red")
    sys.exit(1 if worse else 0)


if __name__ == "__main__":
    main()
