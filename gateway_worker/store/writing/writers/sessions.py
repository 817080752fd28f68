"""A session's state, and events that belong to no other row."""

from collections.abc import Sequence
from typing import Final

from gateway_worker.store.compact_json import dumps
from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import NewEvent, Transaction, columns
from schemas.events.events import SESSION_STATUS

_CHANGE: Final = """
    UPDATE sessions AS s SET
        state = c.state,
        state_since = CASE WHEN s.state = c.state THEN s.state_since ELSE $12 END,
        reason = c.reason::jsonb,
        retry_at = c.retry_at,
        desired = coalesce(c.desired, s.desired),
        applied_generation = greatest(coalesce(c.applied, 0), s.applied_generation),
        phone = coalesce(c.phone, s.phone),
        jid = coalesce(c.jid, s.jid),
        lid = coalesce(c.lid, s.lid),
        push_name = coalesce(c.push_name, s.push_name),
        caused_by = CASE
            WHEN c.fulfilled AND s.generation = greatest(coalesce(c.applied, 0), s.applied_generation)
                AND s.leaving IS DISTINCT FROM s.owner THEN NULL
            ELSE s.caused_by
        END
    FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::bigint[], $7::text[], $8::text[],
        $9::text[], $10::text[], $11::boolean[]
    ) AS c (id, state, reason, retry_at, desired, applied, phone, jid, lid, push_name, fulfilled)
    WHERE s.id = c.id
"""


async def change_state(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `ChangeState`s."""
    rows = [
        (
            each.session_id,
            op.state,
            None if op.reason is None else dumps(op.reason).decode(),
            op.retry_at,
            op.desired,
            op.applied_generation,
            op.phone,
            op.jid,
            op.lid,
            op.push_name,
            op.fulfilled,
        )
        for each in placed
        for op in [each.operation]
    ]
    await transaction.wire.execute(_CHANGE, *columns(rows), transaction.now)
    for each in placed:
        if each.operation.event is not None:
            transaction.emit(each, _event(each, SESSION_STATUS.type, each.operation.event))


async def append_event(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """`AppendEvent`s write no row of their own."""
    for each in placed:
        transaction.emit(each, _event(each, each.operation.type, each.operation.data))


def _event(placed: Placed, event_type: str, data: dict[str, object]) -> NewEvent:
    return NewEvent.following(placed.operation.caused_by, event_type, data)
