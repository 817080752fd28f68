"""Counting what sessions do, in the transaction that records it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from gateway_worker.store.compact_json import dumps
from gateway_worker.store.records import Json, Status
from schemas.names import SessionId

COLUMNS: Final = ("sent", "delivered", "read", "received", "bytes_received", "bytes_sent")
FAILED: Final = "failed "  # and the code

_STEPS: Final = {Status.SENT: "sent", Status.DELIVERED: "delivered", Status.READ: "read"}

# What is recorded by a clock that is behind goes into an hour that is still to be told.
COUNT: Final = """
    INSERT INTO usage AS u (
        session_id, hour, sent, delivered, read, received, bytes_received, bytes_sent, failed
    )
    SELECT c.session_id, greatest(c.hour, s.usage_from), c.sent, c.delivered, c.read, c.received, c.bytes_received,
        c.bytes_sent, c.failed::jsonb
    FROM unnest(
        $10::text[], $11::timestamptz[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[],
        $17::bigint[], $18::text[]
    ) AS c (session_id, hour, sent, delivered, read, received, bytes_received, bytes_sent, failed)
    JOIN sessions AS s ON s.id = c.session_id
    ON CONFLICT (session_id, hour) DO UPDATE SET
        sent = u.sent + excluded.sent,
        delivered = u.delivered + excluded.delivered,
        read = u.read + excluded.read,
        received = u.received + excluded.received,
        bytes_received = u.bytes_received + excluded.bytes_received,
        bytes_sent = u.bytes_sent + excluded.bytes_sent,
        failed = CASE WHEN excluded.failed = '{}' THEN u.failed ELSE (
            SELECT jsonb_object_agg(code, total) FROM (
                SELECT code, sum(count::bigint) AS total FROM (
                    SELECT * FROM jsonb_each_text(u.failed) UNION ALL SELECT * FROM jsonb_each_text(excluded.failed)
                ) AS both_of (code, count)
                GROUP BY code
            ) AS summed
        ) END
"""
"""Parameters 10 to 18 are `Usage.columns`."""


@dataclass(slots=True)
class Usage:
    """The counts of one transaction."""

    _of: dict[SessionId, Counter[str]] = field(default_factory=dict[SessionId, "Counter[str]"])

    def count(self, session_id: SessionId, what: str, number: int = 1) -> None:
        """`what` is one of `COLUMNS`, or `FAILED` and a code."""
        self._of.setdefault(session_id, Counter())[what] += number

    def step(self, session_id: SessionId, status: Status, error: Json | None) -> None:
        """A message of ours has come so far."""
        if status is Status.FAILED:
            code = "internal" if error is None else str(error["code"])
            self.count(session_id, f"{FAILED}{code}")
        elif status in _STEPS:
            self.count(session_id, _STEPS[status])

    def __bool__(self) -> bool:
        return bool(self._of)

    def columns(self, now: datetime) -> Sequence[Sequence[Any]]:
        """What `COUNT` takes: a list for each column, of one session after the other."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        counted = list(self._of.values())
        return [
            list(self._of),
            [hour] * len(counted),
            *([counts[column] for counts in counted] for column in COLUMNS),
            [dumps(_failed(counts)).decode() for counts in counted],
        ]


def _failed(counts: Mapping[str, int]) -> dict[str, int]:
    return {what.removeprefix(FAILED): number for what, number in counts.items() if what.startswith(FAILED)}
