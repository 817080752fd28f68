"""What one scenario showed, as the report keeps it. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.chaos.accounts.checker import COUNTED_APART, Finding, Kind
from tests.chaos.accounts.recovery import Recovery
from tests.chaos.matrix import Fault

_SHOWN = 3
"""Pieces of evidence per kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioOutcome:
    """A row of the report. `verdict` is green, red or not run; `reasons` say why it is not green.

    Times are seconds; `counts` by kind of finding; `events` is how many came to the queue.
    """

    scenario: str
    verdict: str
    commands: int = 0
    phone_messages: int = 0
    events: int = 0
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    recovered: float | None = None
    recovered_p99: float | None = None
    drained: float | None = None
    took: float = 0.0
    story: Sequence[str] = ()
    reasons: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """For the file that `--continue` reads."""
        return asdict(self)

    def count(self, *kinds: Kind) -> int:
        """How many findings of these kinds."""
        return sum(self.counts.get(kind, 0) for kind in kinds)


def not_run(scenario: str, why: str) -> ScenarioOutcome:
    """It could not be tried here."""
    return ScenarioOutcome(scenario=scenario, verdict="not run", reasons=[why])


def broken(scenario: str, why: str, took: float, story: Sequence[str]) -> ScenarioOutcome:
    """It did not come to an end."""
    return ScenarioOutcome(scenario=scenario, verdict="red", reasons=[why], took=took, story=story)


def reasons_of(
    fault: Fault, findings: Sequence[Finding], found: Recovery, outstanding: Sequence[str], *, timed: bool
) -> list[str]:
    """Why the scenario is red; nothing when it is green."""
    allowed = COUNTED_APART if fault.loses_confirms else COUNTED_APART - {Kind.REPEATED_EVENT}
    if fault.loses_ratchets:
        allowed |= {Kind.LATE}
    by_kind: dict[Kind, list[str]] = {}
    for finding in findings:
        if finding.kind not in allowed:
            by_kind.setdefault(finding.kind, []).append(finding.evidence)
    reasons = [f"{len(evidence)} x {kind}: {_some(evidence)}" for kind, evidence in by_kind.items()]
    if outstanding:
        reasons.append(f"{len(outstanding)} never came back: {_some(outstanding)}")
    if fault.limit is not None and found.never:
        reasons.append(f"{len(found.never)} sessions never worked again: {_some(found.never)}")
    if timed and fault.limit is not None and found.p99 is not None and found.p99 > fault.limit:
        reasons.append(f"recovered in {found.p99:.1f} s (p99 of sessions), wanted {fault.limit:.0f} s")
    return reasons


def _some(evidence: Sequence[str]) -> str:
    more = len(evidence) - _SHOWN
    return "; ".join(evidence[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def counts_of(findings: Sequence[Finding]) -> dict[str, int]:
    """By kind."""
    return dict(Counter(str(finding.kind) for finding in findings))
