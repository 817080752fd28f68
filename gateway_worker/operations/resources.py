"""What this worker uses of its machine: CPU, memory and disk, bridges included."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """A reading.

    Attributes:
        cpu_percent: CPU of this process and its children since the last reading; 100 is one core.
        memory_bytes: their resident memory.
        memory_percent: the same as a share of the machine's.
        disk_free_bytes: free space where the worker runs.
        disk_percent: used share of that disk.
    """

    cpu_percent: float
    memory_bytes: int
    memory_percent: float
    disk_free_bytes: int
    disk_percent: float


class ResourceMeter:
    """Reads `Resources`. CPU is measured between two readings, so one meter serves one reader."""

    def __init__(self, path: str = ".") -> None:
        self._path = path
        self._processes: dict[int, psutil.Process] = {}
        self._own = psutil.Process()
        self.read()  # the first CPU reading of a process is always 0

    def read(self) -> Resources:
        """Read now. A child that ends meanwhile counts as nothing."""
        cpu, memory = 0.0, 0
        for process in self._family():
            try:
                cpu += process.cpu_percent()
                memory += process.memory_info().rss
            except psutil.Error:
                self._processes.pop(process.pid, None)
        disk = shutil.disk_usage(self._path)
        return Resources(
            cpu_percent=round(cpu, 1),
            memory_bytes=memory,
            memory_percent=round(100 * memory / psutil.virtual_memory().total, 1),
            disk_free_bytes=disk.free,
            disk_percent=round(100 * (disk.total - disk.free) / disk.total, 1),
        )

    def _family(self) -> Sequence[psutil.Process]:
        """This process and its descendants; the same objects each time, for they remember their last CPU times."""
        found = {process.pid: process for process in (self._own, *self._own.children(recursive=True))}
        self._processes = {pid: self._processes.get(pid, process) for pid, process in found.items()}
        return list(self._processes.values())
