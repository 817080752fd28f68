"""``make bench``: bare Baileys and the whole gateway side by side on the same simulator; memory; restarts.

python -m tests.bench.run [--quick] [--output FILE]
"""

import argparse
import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from rich.console import Console

from deploy.local.services import ROOT, PrivateServices
from tests.bench import bare, files, gateway, measure, simulator
from tests.bench.report import Report, Section, Target

console = Console(highlight=False)

_WINDOW: Final = 32
_WORKER_ROLES: Final = ("worker", "bridges")


class Scale:
    """How long it takes: a quick look, or the record."""

    def __init__(self, *, quick: bool) -> None:
        self.messages = 200 if quick else 1_500
        self.paced_seconds = 5 if quick else 20
        self.fleet = 20 if quick else 200
        self.thousand = 12 if quick else 1_000
        self.middle = 10 if quick else 50
        self.documents = 2 if quick else 5
        self.comeback = 20 if quick else 100


async def messages_side_by_side(services: PrivateServices, directory: Path, scale: Scale, report: Report) -> None:
    """Throughput and latency of one sender to one recipient."""
    async with gateway.benched(services, directory) as bench:
        console.print("bare Baileys …")
        bare_fast = await bare.throughput(bench.simulator, scale.messages, _WINDOW)
        bare_paced = await bare.paced(bench.simulator, 40, scale.paced_seconds)
        console.print("the gateway …")
        await bench.pair(["alice", "bob"])
        to = bench.people["bob"]
        await gateway.throughput(bench, "alice", to, 50, _WINDOW)  # warms caches and first-contact queries
        fast = await gateway.throughput(bench, "alice", to, scale.messages, _WINDOW)
        paced = await gateway.paced(bench, "alice", to, 40, scale.paced_seconds)
    table = Section(
        title="A → B, both ends Baileys",
        columns=("", "messages/s", "p50 ms", "p99 ms", "worst ms", "CPU ms per message, by process"),
    )
    for name, run in (
        (f"bare Baileys, {_WINDOW} in flight", bare_fast),
        (f"gateway, {_WINDOW} in flight", fast),
        ("bare Baileys, 40/s", bare_paced),
        ("gateway, 40/s", paced),
    ):
        cpu = ", ".join(f"{role} {used}" for role, used in run.cpu.items())
        latency = run.latency
        table.rows.append((name, f"{run.rate}", f"{latency.p50}", f"{latency.p99}", f"{latency.worst}", cpu))
    report.sections.append(table)
    ratio = fast.rate / bare_fast.rate
    above = paced.latency.p50 - bare_paced.latency.p50
    report.targets += [
        Target(name="throughput against bare", wanted="≥ 0.5", measured=f"{ratio:.2f}", reached=ratio >= 0.5),
        Target(name="p50 at 40/s above bare", wanted="≤ 15 ms", measured=f"{above:.1f} ms", reached=above <= 15),
    ]


async def memory_and_restarts(services: PrivateServices, directory: Path, scale: Scale, report: Report) -> None:
    """RSS per session right after pairing and after a restart; how soon sessions are back."""
    table = Section(title="Memory", columns=("sessions", "when", "worker MB", "bridges MB", "MB per session"))

    async with gateway.benched(services, directory) as bench:
        empty = bench.usage()

        def row(sessions: int, when: str) -> float:
            usage = bench.usage()
            extra = (usage.rss_of(*_WORKER_ROLES) - empty.rss_of(*_WORKER_ROLES)) / measure.MIB
            each = extra / sessions if sessions else 0.0
            worker, bridges = (usage.rss_of(role) / measure.MIB for role in _WORKER_ROLES)
            table.rows.append((str(sessions), when, f"{worker:.0f}", f"{bridges:.0f}", f"{each:.2f}"))
            return each

        row(0, "empty")
        paired = 0.0
        names = [f"s{number}" for number in range(scale.fleet)]
        for count in (1, scale.middle, scale.comeback, scale.fleet):
            console.print(f"pairing up to {count} sessions …")
            missing = [name for name in names[:count] if name not in bench.people]
            await bench.pair(missing)
            paired = row(count, "right after pairing")
            if count == scale.comeback:
                back = await bench.restart(count)
                row(count, "after a restart")
                report.targets.append(
                    Target(name=f"{count} sessions back", wanted="≤ 5 s", measured=f"{back:.1f} s", reached=back <= 5)
                )
        back = await bench.restart(scale.fleet)
        restarted = row(scale.fleet, "after a restart")
        table.notes.append(f"{scale.fleet} sessions were back {back:.1f} s after the worker was started again.")
    report.sections.append(table)
    report.targets += [
        Target(name="RSS per session, paired", wanted="≤ 4 MB", measured=f"{paired:.2f} MB", reached=paired <= 4),
        Target(
            name="RSS per session, restarted",
            wanted="≤ 1.5 MB",
            measured=f"{restarted:.2f} MB",
            reached=restarted <= 1.5,
        ),
    ]


async def thousand(services: PrivateServices, directory: Path, scale: Scale, report: Report) -> None:
    """One worker full to the brim: all are created and paired, none is left out; all come back; what each takes."""
    async with gateway.benched(services, directory, max_sessions=scale.thousand + 8) as bench:
        empty = bench.usage()

        def each() -> str:
            usage = bench.usage()
            extra = usage.rss_of(*_WORKER_ROLES) - empty.rss_of(*_WORKER_ROLES)
            return f"{extra / measure.MIB / scale.thousand:.2f}"

        console.print(f"creating and pairing {scale.thousand} sessions …")
        took = await bench.pair([f"s{number}" for number in range(scale.thousand)])
        table = Section(title=f"Fleet of {scale.thousand} on one worker", columns=("what", "seconds", "MB per session"))
        table.rows.append(("created and paired, 8 at a time", f"{took:.1f}", each()))
        back = await bench.restart(scale.thousand)
        table.rows.append(("all connected after a restart", f"{back:.1f}", each()))
    report.sections.append(table)
    report.targets.append(
        Target(
            name=f"{scale.thousand} created, paired and back",
            wanted="all",
            measured=f"all, back after {back:.1f} s",
            reached=True,
        )
    )


async def large_files(services: PrivateServices, directory: Path, scale: Scale, report: Report) -> None:
    """Documents of 64 MiB: memory, and texts to somebody else meanwhile."""
    own = {"GATEWAY_MEDIA_ALLOW_PRIVATE": "true"}
    async with gateway.benched(services, directory, own=own) as bench:
        await bench.pair(["alice", "bob", "carol", "dave"])
        bob, carol = bench.people["bob"], bench.people["carol"]
        for section, targets in (
            await files.memory(bench, carol, scale.documents),
            await files.receiving(bench, carol, bench.people["alice"], scale.documents),
            await files.behind_a_file(bench, bob, carol, scale.paced_seconds),
        ):
            report.sections.append(section)
            report.targets += targets


async def simulator_alone(services: PrivateServices, directory: Path, scale: Scale, report: Report) -> None:
    """Whether the simulator is fast enough not to be what is measured."""
    del services, scale
    found = await simulator.load(directory)
    report.sections.append(found.section())
    report.targets.append(found.target())


def _commit() -> str:
    git = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


async def run(*, quick: bool, output: Path, only: str | None) -> None:
    """Measure everything, print it, write it."""
    report, scale = Report(commit=_commit()), Scale(quick=quick)
    directory = ROOT / ".local" / "bench"
    parts: dict[str, Callable[[PrivateServices, Path, Scale, Report], Awaitable[None]]] = {
        "messages": messages_side_by_side,
        "memory": memory_and_restarts,
        "fleet": thousand,
        "files": large_files,
        "simulator": simulator_alone,
    }
    with PrivateServices(directory / "services") as services:
        for name, part in parts.items():
            if only in {None, name}:
                console.rule(name)
                await part(services, directory / "logs", scale, report)
    report.print(console)
    report.write(output)
    console.print(f"written to {output}")


def main() -> None:
    """Parse arguments and run."""
    parser = argparse.ArgumentParser(description="Benchmark: bare Baileys and the whole gateway, side by side.")
    parser.add_argument("--quick", action="store_true", help="a look in two minutes instead of the record")
    parser.add_argument("--only", choices=("messages", "memory", "fleet", "files", "simulator"))
    parser.add_argument("--output", type=Path, default=ROOT / "tests" / "bench" / "REPORT.md")
    given = parser.parse_args()
    asyncio.run(run(quick=given.quick, output=given.output, only=given.only))


if __name__ == "__main__":
    main()
