"""What a session did, by hour."""

from dataclasses import dataclass
from datetime import datetime

from gateway_worker.store.operations.operation import Operation, Touched


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportUsage(Operation[int]):
    """Tell the hours that began before `before` and were not told yet (None: all, also the one that is under way).

    Answers how many. Each is told by the event that goes with its row, in one transaction: so once, whoever asks.
    """

    before: datetime | None = None

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("usage",)]
