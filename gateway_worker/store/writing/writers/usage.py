"""Hours that are over, told."""

import json
from collections.abc import Sequence
from datetime import UTC
from typing import Final

from gateway_worker.store.row import Row
from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import NewEvent, Transaction, columns
from schemas.events.events import USAGE_REPORT
from schemas.events.usage import UsageReport

_ANNOUNCE: Final = """
    WITH wanted AS (
        SELECT * FROM unnest($1::text[], $2::timestamptz[]) AS w (session_id, before)
    ), passed AS (
        UPDATE sessions AS s SET usage_from = greatest(s.usage_from, w.before)
        FROM wanted AS w WHERE s.id = w.session_id AND w.before IS NOT NULL AND EXISTS (
            SELECT FROM usage AS u WHERE u.session_id = w.session_id AND u.hour < w.before
        )
    ), told AS (
        DELETE FROM usage AS u USING wanted AS w
        WHERE u.session_id = w.session_id AND (w.before IS NULL OR u.hour < w.before)
        RETURNING u.*
    )
    SELECT t.*, s.user_id FROM told AS t JOIN sessions AS s ON s.id = t.session_id ORDER BY t.session_id, t.hour
"""


async def report_usage(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `ReportUsage`s."""
    found = await transaction.wire.fetch(
        _ANNOUNCE, *columns([(each.session_id, each.operation.before) for each in placed])
    )
    for each in placed:
        rows = [row for row in found if row["session_id"] == each.session_id]
        for row in rows:
            transaction.emit(each, NewEvent(type=USAGE_REPORT.type, data=_report(row).to_data()))
        transaction.answer(each, len(rows))


def _report(row: Row) -> UsageReport:
    return UsageReport(
        session_id=row["session_id"],
        user_id=row["user_id"],
        hour=row["hour"].astimezone(UTC),
        sent=row["sent"],
        delivered=row["delivered"],
        read=row["read"],
        received=row["received"],
        failed=json.loads(row["failed"]),
        media_bytes_received=row["bytes_received"],
        media_bytes_sent=row["bytes_sent"],
    )
