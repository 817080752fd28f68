"""Receipts in groups: each participant's progress with a message, beside the message's own.

The message's row says how far the first participant is: `delivered` is when the first of them had it. Who else is how
far says a row for each, and an event for each step of each.
"""

from collections.abc import Sequence
from typing import Any, Final

from gateway_worker.store.records import Status
from gateway_worker.store.row import Row
from gateway_worker.store.rows import as_json
from gateway_worker.store.writing import status_order
from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import Transaction, columns
from gateway_worker.store.writing.writers.messages import OURS, move, moved_row, status_event

# A receipt's row has the time of its message: so they lie in one partition, and one is looked into.
_READ: Final = f"""
    SELECT
        w.session_id, w.message_id, w.participant, m.chat, m.status, m.error, m.recipient, m.command_id,
        m.correlation_id, m.carried, m.created_at, coalesce(r.status, l.status) AS progress,
        CASE WHEN r.status IS NULL THEN l.participant END AS stands_under
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS w (session_id, message_id, participant, lid)
    JOIN LATERAL ({OURS.format(wanted="w")}) AS m ON m.number = 0
    LEFT JOIN LATERAL (
        SELECT status FROM receipts
        WHERE session_id = m.session_id AND message_id = m.message_id AND participant = w.participant
            AND created_at = m.created_at
        OFFSET 0
    ) AS r ON true
    LEFT JOIN LATERAL (
        SELECT status, participant FROM receipts
        WHERE session_id = m.session_id AND message_id = m.message_id AND participant = w.lid
            AND created_at = m.created_at
        OFFSET 0
    ) AS l ON true
"""  # noqa: S608 (our own words)

# Rare: between the first receipt of a person and the next it was learnt which number the LID belongs to.
_RENAME: Final = """
    UPDATE receipts AS r SET participant = n.participant
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
        AS n (session_id, message_id, participant, stands_under, created_at)
    WHERE r.session_id = n.session_id AND r.message_id = n.message_id AND r.participant = n.stands_under
        AND r.created_at = n.created_at
"""

_WRITE: Final = """
    INSERT INTO receipts AS r (
        session_id, message_id, participant, status, delivered_at, read_at, played_at, created_at
    )
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[],
        $8::timestamptz[]
    )
    ON CONFLICT (session_id, message_id, participant, created_at) DO UPDATE SET
        status = excluded.status,
        delivered_at = coalesce(r.delivered_at, excluded.delivered_at),
        read_at = coalesce(r.read_at, excluded.read_at),
        played_at = coalesce(r.played_at, excluded.played_at)
"""

_STAMPED: Final = (Status.DELIVERED, Status.READ, Status.PLAYED)

Name = tuple[str, str]


async def advance_participants(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `AdvanceParticipant`s: read where messages and participants stand, and move those that move."""
    names = [(each.session_id, each.operation.message_id, each.operation.participant) for each in placed]
    lids = {name: each.operation.lid for each, name in zip(placed, names, strict=True)}
    found = await transaction.wire.fetch(_READ, *columns([(*name, lid) for name, lid in lids.items()]))
    rows = {(row["session_id"], row["message_id"], row["participant"]): row for row in found}
    misnamed = [(*name, row["stands_under"], row["created_at"]) for name, row in rows.items() if row["stands_under"]]
    if misnamed:
        await transaction.wire.execute(_RENAME, *columns(misnamed))
    reached: dict[Name, Status] = {}
    moved: dict[Name, tuple[Any, ...]] = {}
    written: list[tuple[Any, ...]] = []
    for each, name in zip(placed, names, strict=True):
        row = rows.get(name)
        if row is not None and row["chat"] != each.operation.chat:
            row = None  # of who reads another chat
        is_step = row is not None and _step(transaction, each, row, reached, moved)
        transaction.answer(each, is_step)
        if row is not None and is_step:
            written.append(_receipt_row(each, row))
    if moved:
        await move(transaction, list(moved.values()))
    if written:
        await transaction.wire.execute(_WRITE, *columns(written))


def _step(
    transaction: Transaction,
    placed: Placed,
    row: Row,
    reached: dict[Name, Status],
    moved: dict[Name, tuple[Any, ...]],
) -> bool:
    """Whether it is a step forward of the participant; then it is told, and the message moves if it is the first."""
    op = placed.operation
    name = (placed.session_id, op.message_id)
    current = reached.get(name, Status(row["status"]))
    steps = status_order.advance(current, None if name in reached else as_json(row["error"]), op.status)
    before = Status.SENT if row["progress"] is None else Status(row["progress"])
    if current is Status.FAILED and not steps:
        return False  # WhatsApp has refused it: whatever this is about, it is not this message
    if not status_order.advance(before, None, op.status):
        return False
    if steps:
        reached[name] = steps[-1]
        moved[name] = moved_row(placed, steps, earlier=moved.get(name))
        for step in steps:
            transaction.usage.step(placed.session_id, step, None)
        if steps[0] is Status.SENT:
            transaction.emit(placed, status_event(placed, row, Status.SENT))
    transaction.emit(placed, status_event(placed, row, op.status))
    return True


def _receipt_row(placed: Placed, row: Row) -> tuple[Any, ...]:
    op = placed.operation
    stamps = (op.at if status is op.status else None for status in _STAMPED)
    return (placed.session_id, op.message_id, op.participant, op.status.value, *stamps, row["created_at"])
