"""``make bench``: the gateway beside bare Baileys on the same simulator, section by section, and what is reached.

python -m tests.bench.run [--quick | --full] [--only SECTION,SECTION …] [--output FILE]

Each section says under which conditions it was measured, and is measured once more when others used the machine
meanwhile. One that fails is told as such, the others go on, and the exit code is 1.
"""

import argparse
import asyncio
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from deploy.local.services import ROOT
from tests.bench.conditions import Watch
from tests.bench.report import Findings, Report
from tests.bench.scale import FULL, QUICK, RECORD, Scale
from tests.bench.scene import Part, Scene
from tests.bench.sections import (
    documents,
    empty_worker,
    group,
    incoming,
    live_sessions,
    many_senders,
    pairing,
    restarts,
    senders,
    simulator_alone,
    slow_files,
    takeover,
)
from tests.bench.services import durable_services

PARTS: Final[Mapping[str, Part]] = {
    "senders": senders.measured,
    "many": many_senders.measured,
    "incoming": incoming.measured,
    "live": live_sessions.measured,
    "restarts": restarts.measured,
    "empty": empty_worker.measured,
    "groups": group.measured,
    "pairing": pairing.measured,
    "takeover": takeover.measured,
    "simulator": simulator_alone.measured,
    "documents": documents.measured,
    "files": slow_files.measured,
}
DIRECTORY: Final = ROOT / ".local" / "bench"
_RECORD: Final = ROOT / "tests" / "bench" / "REPORT.md"
console = Console(highlight=False)


async def run(scale: Scale, names: Sequence[str], output: Path) -> bool:
    """Measure these sections, print and write what they found. False when one of them failed."""
    report = Report(commit=commit_of(ROOT), how=scale.name)
    with durable_services(DIRECTORY / "services") as services:
        for name in names:
            console.rule(name)
            scene = Scene(services=services, logs=DIRECTORY / "logs", scale=scale, say=console.print)
            report.parts[name] = await calmest(PARTS[name], scene)
    report.print(console)
    report.write(output)
    console.print(f"written to {output}")
    return not any(found.failure for found in report.parts.values())


async def calmest(part: Part, scene: Scene) -> Findings:
    """What a section finds; of two tries the one with less noise, where the first was disturbed."""
    first = await _once(part, scene)
    if not scene.scale.repeats or first.failure or first.conditions is None or not first.conditions.disturbed:
        return first
    scene.say(f"{first.conditions}: once more")
    second = await _once(part, scene)
    if second.failure or second.conditions is None or second.conditions.noise > first.conditions.noise:
        return first
    return second


async def _once(part: Part, scene: Scene) -> Findings:
    with Watch() as watch:
        try:
            found = await part(scene)
        except Exception as error:  # noqa: BLE001 (whatever it was, the report says it and the other sections go on)
            console.print("".join(traceback.format_exception(error)), style="red")
            found = Findings(failure=f"{type(error).__name__}: {error}")
    found.conditions = watch.conditions
    return found


def commit_of(tree: Path) -> str:
    """Its short name, with a plus where the tree differs from it."""
    git = ["git", "-C", str(tree)]
    name = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD"], capture_output=True, check=False).returncode
    return f"{name.stdout.strip() or 'unknown'}{'+' if changed else ''}"


def main() -> None:
    """Parse arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--quick", action="store_const", dest="scale", const=QUICK, help="every section once, in minutes")
    how.add_argument(
        "--full", action="store_const", dest="scale", const=FULL, help="1,000 sessions, 2,000 connections, 1 GiB"
    )
    parser.add_argument("--only", type=_names, default=tuple(PARTS), help=f"of: {', '.join(PARTS)}")
    parser.add_argument("--output", type=Path, help="default: REPORT.md of the benchmark if it is a whole record")
    given = parser.parse_args()
    scale: Scale = given.scale or RECORD
    whole = scale is not QUICK and len(given.only) == len(PARTS)
    output = given.output or (_RECORD if whole else DIRECTORY / "REPORT.md")
    sys.exit(0 if asyncio.run(run(scale, given.only, output)) else 1)


def _names(words: str) -> tuple[str, ...]:
    names = tuple(words.split(","))
    if unknown := [name for name in names if name not in PARTS]:
        raise argparse.ArgumentTypeError(f"no section {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return names


if __name__ == "__main__":
    main()
