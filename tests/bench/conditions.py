"""What else the machine did while something was measured: load, steal, CPU that others used. Pure but for `Watch`."""

import os
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import psutil

STEAL: Final = 0.03
"""Share of the time for which the machine's processors ran for somebody else: above it a section is disturbed."""
FOREIGN: Final = 0.08
"""The same for processes that are not ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How it was. `load_*`: of the last minute; `steal`, `foreign`: shares of all processors' time."""

    cores: int
    load_before: float
    load_after: float
    steal: float
    foreign: float

    @property
    def disturbed(self) -> bool:
        """Whether what was measured says as much of others as of us."""
        return self.steal > STEAL or self.foreign > FOREIGN

    @property
    def noise(self) -> float:
        """Of two the calmer one has less."""
        return self.steal + self.foreign

    def __str__(self) -> str:
        words = (
            f"{self.cores} cores, load {self.load_before:.1f} before and {self.load_after:.1f} after, "
            f"steal {self.steal:.1%}, CPU of others {self.foreign:.1%}"
        )
        return f"{words}: disturbed" if self.disturbed else words


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """CPU seconds so far: of the whole machine (`busy`), taken away from it (`steal`), of this program (`own`)."""

    at: float
    busy: float
    steal: float
    own: float


def between(before: Ticks, after: Ticks, *, cores: int, loads: tuple[float, float]) -> Conditions:
    """What two readings say."""
    time_of_all = max(after.at - before.at, 0.001) * cores
    busy, own = after.busy - before.busy, after.own - before.own
    return Conditions(
        cores=cores,
        load_before=loads[0],
        load_after=loads[1],
        steal=max(0.0, after.steal - before.steal) / time_of_all,
        foreign=max(0.0, busy - own) / time_of_all,
    )


class Watch:
    """``with Watch() as watch: …`` and `conditions` says how it was."""

    def __init__(self) -> None:
        self.conditions: Conditions | None = None

    def __enter__(self) -> Self:
        self._load, self._before = os.getloadavg()[0], _read()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loads = (self._load, os.getloadavg()[0])
        self.conditions = between(self._before, _read(), cores=psutil.cpu_count() or 1, loads=loads)


def _read() -> Ticks:
    whole = psutil.cpu_times()
    busy = whole.user + whole.nice + whole.system + whole.irq + whole.softirq
    return Ticks(at=time.monotonic(), busy=busy, steal=whole.steal, own=_own())


def _own() -> float:
    """Of this process and all that it started, those that have ended included: whoever waited for them has theirs."""
    me, seconds = psutil.Process(), 0.0
    for process in (me, *me.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds += times.user + times.system + times.children_user + times.children_system
    return seconds
