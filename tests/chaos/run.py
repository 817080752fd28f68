"""``make chaos``: pulls every plug under load, compares the ledgers of all sides, and writes the report.

python -m tests.chaos.run [--seed N] [--messages N] [--rate N] [--only WORDS ...] [--short] [--continue]
"""

import argparse
import asyncio
import logging
import random
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from deploy.local.services import ROOT
from tests.chaos import report, wild
from tests.chaos.accounts.outcome import ScenarioOutcome, broken, not_run
from tests.chaos.board import Board
from tests.chaos.environment.environments import Environments
from tests.chaos.matrix import SCENARIOS, SHORT, Scenario, chosen
from tests.chaos.report import Report
from tests.chaos.scenario import Load, ScenarioRun

_DIRECTORY: Final = ROOT / ".local" / "chaos"
_REPORT: Final = ROOT / "tests" / "chaos" / "REPORT.md"
_MEMORY: Final = _DIRECTORY / "outcomes.json"
console = Console(highlight=False)


async def perform(scenarios: Sequence[Scenario], load: Load, written: Report, board: Board, wild_messages: int) -> None:
    """Play the scenarios that the report does not have yet; at last the wild messages, if there are any."""
    _end_in_good_order_on_sigterm()
    environments = Environments(directory=_DIRECTORY / "logs", say=board.say)
    try:
        for scenario in scenarios:
            if scenario.name in written.outcomes:
                board.skip()
            else:
                outcome = await _play(environments, scenario, load, written.seed, board)
                written.add(outcome)
                board.end(outcome)
        if wild_messages and wild.NAME not in written.outcomes:
            outcome = await wild.endure(written.seed, wild_messages, board.begin(wild.NAME))
            written.add(outcome)
            board.end(outcome)
    finally:
        await environments.close()


def _end_in_good_order_on_sigterm() -> None:
    """As on Ctrl-C: mounts and network namespaces would outlive us."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


async def _play(environments: Environments, scenario: Scenario, load: Load, seed: int, board: Board) -> ScenarioOutcome:
    if why := scenario.fault.why_not():
        return not_run(scenario.name, why)
    board.begin(scenario.name)("the environment is made ready")
    try:
        environment = await environments.environment(scenario.fault.stand)
    except Exception as error:  # noqa: BLE001 -- whatever it was, the scenario is red with it and the matrix goes on
        await environments.discard()
        return broken(scenario.name, f"no environment to begin with: {type(error).__name__}: {error}", 0.0, ())
    performance = ScenarioRun(environment, scenario, load, scenario.chance(seed), board.begin(scenario.name))
    board.follow(performance.journal)
    outcome = await performance.run()
    if outcome.verdict == "red":  # what went wrong must not reach into the next one
        await environments.discard()
    return outcome


def main() -> None:
    """Parse arguments and run; exit code 1 if a scenario is red."""
    for driver in ("aio_pika", "aiormq"):  # they complain of the very faults that we make
        logging.getLogger(driver).setLevel(logging.CRITICAL + 1)
    given = _arguments().parse_args()
    kept = report.remembered(_MEMORY) if given.go_on else None
    scenarios = [scenario for scenario in SCENARIOS if scenario.name in SHORT] if given.short else chosen(given.only)
    wild_messages = given.wild if not given.short and _is_wanted(wild.NAME, given.only) else 0
    names = [*(scenario.name for scenario in scenarios), *([wild.NAME] if wild_messages else [])]
    if not names:
        sys.exit(f"no scenario is called so; there are:\n{_listed(SCENARIOS)}")
    written = _report(given, kept, names)
    console.print(f"{len(names)} scenarios, seed [bold]{written.seed}[/]; `--seed {written.seed}` repeats them")
    with Board(console, len(names)) as board:
        load = Load(messages=written.messages, rate=written.rate)
        asyncio.run(perform(scenarios, load, written, board, wild_messages))
    red = [outcome.scenario for outcome in written.outcomes.values() if outcome.verdict == "red"]
    console.print(f"{len(red)} of {len(names)} scenarios are red; written to {written.path}")
    sys.exit(1 if red else 0)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Pulls every plug under load and counts what is lost or doubled.")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--messages", type=int, help="per scenario and direction: 1000, or 100 in the short form")
    parser.add_argument("--rate", type=float, default=50.0, help="messages per second in all")
    parser.add_argument("--only", nargs="+", default=(), help="scenarios whose name contains one of these")
    parser.add_argument("--wild", type=int, default=wild.MESSAGES, help="wild messages; 0 leaves that scenario out")
    parser.add_argument("--short", action="store_true", help="six scenarios, in a few minutes")
    parser.add_argument("--continue", dest="go_on", action="store_true", help="go on with the run that was interrupted")
    parser.add_argument("--output", type=Path, default=None, help="where the report goes")
    return parser


def _report(given: argparse.Namespace, kept: Mapping[str, object] | None, scenarios: Sequence[str]) -> Report:
    """The one to write; a whole run is the project's record, a part of it is not."""
    whole = not given.only and not given.short
    written = Report(
        path=given.output or (_REPORT if whole else _DIRECTORY / "REPORT.md"),
        memory=_MEMORY,
        seed=given.seed,
        messages=given.messages or (100 if given.short else 1_000),
        rate=given.rate,
        commit=report.commit(),
        versions=report.versions(),
        scenarios=scenarios,
    )
    if kept is not None:
        written.go_on(kept)
    return written


def _is_wanted(name: str, only: Sequence[str]) -> bool:
    return not only or any(word in name for word in only)


def _listed(scenarios: Sequence[Scenario]) -> str:
    return "\n".join(f"  {name}" for name in (*(scenario.name for scenario in scenarios), wild.NAME))


if __name__ == "__main__":
    main()
