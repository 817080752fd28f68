"""What every section of the benchmark is given, and what it is."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.services import PrivateServices
from tests.bench.gateway import Bench, benched
from tests.bench.report import Findings
from tests.bench.scale import Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Services that all sections share, a folder for logs, how much to measure, and whom to tell how far it is."""

    services: PrivateServices
    logs: Path
    scale: Scale
    say: Callable[[str], None]

    def bench(
        self, max_sessions: int = 300, own: Mapping[str, str] | None = None, largest_mb: int | None = None
    ) -> AbstractAsyncContextManager[Bench]:
        """A fresh gateway of this build."""
        return benched(self.services, self.logs, max_sessions=max_sessions, own=own, largest_mb=largest_mb)


Part = Callable[[Scene], Awaitable[Findings]]
