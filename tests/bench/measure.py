"""What processes cost: CPU seconds and resident memory by role, and percentiles of latencies."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import psutil

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """A reading: CPU seconds so far and resident bytes, by role."""

    cpu: Mapping[str, float]
    rss: Mapping[str, int]

    def cpu_since(self, before: "Usage") -> dict[str, float]:
        """CPU seconds spent between two readings."""
        return {role: round(used - before.cpu.get(role, 0.0), 3) for role, used in self.cpu.items()}

    def rss_of(self, *roles: str) -> int:
        """Resident bytes of some roles together."""
        return sum(self.rss.get(role, 0) for role in roles)


def read(roots: Mapping[str, int]) -> Usage:
    """Read the process trees of `roots` (role → pid). A worker's Node children count as the role ``bridges``.

    What has ended counts for whoever waited for it, so that no figure becomes less; of this process itself, whose
    children have roles of their own, only what it does.
    """
    cpu: dict[str, float] = {}
    rss: dict[str, int] = {}
    for name, process in _processes(roots):
        try:
            times, resident = process.cpu_times(), process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
        ended = 0.0 if process.pid == os.getpid() else times.children_user + times.children_system
        cpu[name] = cpu.get(name, 0.0) + times.user + times.system + ended
        rss[name] = rss.get(name, 0) + resident
    return Usage(cpu, rss)


def proportional(roots: Mapping[str, int]) -> dict[str, int]:
    """Bytes by role, of pages that processes share each its part (PSS). It takes milliseconds a process."""
    found: dict[str, int] = {}
    for name, process in _processes(roots):
        try:
            found[name] = found.get(name, 0) + process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return found


def _processes(roots: Mapping[str, int]) -> Iterator[tuple[str, psutil.Process]]:
    """Each with its role."""
    for role, root in roots.items():
        for process in _tree(root):
            try:
                is_bridge = role == "worker" and process.exe().endswith("/node")
            except psutil.NoSuchProcess:
                continue
            yield "bridges" if is_bridge else role, process


def _tree(pid: int) -> Iterable[psutil.Process]:
    root = psutil.Process(pid)
    return [root] if pid == os.getpid() else [root, *root.children(recursive=True)]


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles in milliseconds."""

    p50: float
    p99: float
    worst: float


def percentiles(seconds: Sequence[float]) -> Latency:
    """Of at least one latency in seconds."""
    ordered = sorted(seconds)

    def at(share: float) -> float:
        return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)

    return Latency(at(0.50), at(0.99), round(1000 * ordered[-1], 1))
