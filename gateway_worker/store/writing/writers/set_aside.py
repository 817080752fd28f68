"""What was set aside, and which stanzas were begun."""

from collections.abc import Sequence
from typing import Final

from gateway_worker.store.compact_json import dumps
from gateway_worker.store.reading.set_aside import COLUMN
from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import Transaction, columns

_SET_ASIDE: Final = """
    INSERT INTO set_aside (session_id, id, fact, reason, detail, message_id, size, value, created_at)
    SELECT *, $9 FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bytea[]
    )
    ON CONFLICT (session_id, id) DO NOTHING
    RETURNING session_id, id
"""

_BEGIN: Final = """
    INSERT INTO attempts AS a (session_id, name, count, created_at)
    SELECT *, 1, $3::timestamptz FROM unnest($1::text[], $2::text[])
    ON CONFLICT (session_id, name) DO UPDATE SET count = a.count + 1
"""

_END: Final = """
    DELETE FROM attempts AS a USING unnest($1::text[], $2::text[]) AS e (session_id, name)
    WHERE a.session_id = e.session_id AND a.name = e.name
"""


async def set_aside(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `SetAside`s."""
    rows = [
        (
            each.session_id,
            op.id,
            op.fact,
            op.reason,
            op.detail,
            op.message_id,
            op.size,
            transaction.session(each).content.encrypt(dumps(op.value), COLUMN, op.id),
        )
        for each in placed
        for op in [each.operation]
    ]
    found = await transaction.wire.fetch(_SET_ASIDE, *columns(rows), transaction.now)
    fresh = {(row["session_id"], row["id"]) for row in found}
    for each in placed:
        transaction.answer(each, (each.session_id, each.operation.id) in fresh)


async def begin_stanzas(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `BeginStanza`s."""
    rows = [(each.session_id, each.operation.name) for each in placed]
    await transaction.wire.execute(_BEGIN, *columns(rows), transaction.now)


async def end_stanzas(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `EndStanzas`."""
    rows = [(each.session_id, name) for each in placed for name in each.operation.names]
    if rows:
        await transaction.wire.execute(_END, *columns(rows))
