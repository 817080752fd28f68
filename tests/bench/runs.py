"""Runs of messages: what one showed, the median of several, and in whose turn they come. Pure."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from tests.bench.measure import Latency

OURS: Final = ("worker", "bridges", "rabbitmq", "postgresql", "redis")
"""Roles of the processes that a gateway needs. Not the simulator, nor the backend, which is the benchmark itself."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a run of messages showed. Messages per second; CPU in milliseconds per message, by role."""

    messages: int
    rate: float
    latency: Latency
    cpu: Mapping[str, float]

    def cpu_of(self, *roles: str) -> float:
        """Milliseconds per message of some roles together."""
        return sum(self.cpu.get(role, 0.0) for role in roles)


def median(runs: Sequence[Run]) -> Run:
    """Of each figure its median over at least one run."""
    roles = dict.fromkeys(role for run in runs for role in run.cpu)
    return Run(
        messages=runs[0].messages,
        rate=round(statistics.median(run.rate for run in runs), 1),
        latency=Latency(
            round(statistics.median(run.latency.p50 for run in runs), 1),
            round(statistics.median(run.latency.p99 for run in runs), 1),
            round(statistics.median(run.latency.worst for run in runs), 1),
        ),
        cpu={role: round(statistics.median(run.cpu.get(role, 0.0) for run in runs), 2) for role in roles},
    )


def turns(two: tuple[T, T], rounds: int) -> Iterator[T]:
    """A B, B A, A B …: what drifts in a machine meets both alike."""
    for number in range(rounds):
        yield from two if number % 2 == 0 else reversed(two)


def ratio(one: float, other: float) -> float:
    """`one` ÷ `other`; infinite where there is nothing to divide by."""
    return one / other if other else float("inf")
