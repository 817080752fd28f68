"""What two builds showed side by side, and whether the newer one is worse. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.runs import OURS, Run, median, ratio

SLOWEST: Final = 0.95
"""Messages per second, ÷ the base's."""
DEAREST: Final = 1.05
"""CPU per message of all our processes, ÷ the base's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Medians of one load: `base`, `this`."""

    load: str
    base: Run
    this: Run

    @property
    def rate(self) -> float:
        """Of messages per second."""
        return ratio(self.this.rate, self.base.rate)

    @property
    def p50(self) -> float:
        """Of the median latency."""
        return ratio(self.this.latency.p50, self.base.latency.p50)

    @property
    def cpu(self) -> float:
        """Of CPU per message, all our processes together."""
        return ratio(self.this.cpu_of(*OURS), self.base.cpu_of(*OURS))

    def regressions(self) -> list[str]:
        """What is worse than is allowed, in words."""
        words: list[str] = []
        if self.rate < SLOWEST:
            words.append(f"{self.load}: throughput {self.rate:.2f} of the base's, {SLOWEST} allowed")
        if self.cpu > DEAREST:
            words.append(f"{self.load}: CPU per message {self.cpu:.2f} of the base's, {DEAREST} allowed")
        return words


def compared(base: Mapping[str, Sequence[Run]], this: Mapping[str, Sequence[Run]]) -> list[Comparison]:
    """Of runs by load, the same loads on both sides."""
    return [Comparison(load=load, base=median(runs), this=median(this[load])) for load, runs in base.items()]


def regressions(comparisons: Sequence[Comparison]) -> list[str]:
    """Of all loads."""
    return [words for each in comparisons for words in each.regressions()]
