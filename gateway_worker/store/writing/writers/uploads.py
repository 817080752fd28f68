"""What lies at WhatsApp's media host."""

from collections.abc import Sequence
from typing import Final

from gateway_worker.store.compact_json import dumps
from gateway_worker.store.reading.uploads import COLUMN
from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import Transaction, columns

_PUT: Final = """
    INSERT INTO uploads (session_id, name, value, created_at)
    SELECT *, $4 FROM unnest($1::text[], $2::text[], $3::bytea[])
    ON CONFLICT (session_id, name) DO UPDATE SET value = excluded.value, created_at = excluded.created_at
    RETURNING session_id, name, xmax = 0 AS fresh
"""


async def put(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `PutUpload`s. Files are named by a keyed hash: nobody can ask the table whether a session sent a file."""
    rows: list[tuple[str, str, bytes]] = []
    sizes: dict[tuple[str, str], int] = {}
    for each in placed:
        cipher, op = transaction.session(each).identity, each.operation
        name = cipher.name(COLUMN, op.file_class, op.sha256)
        rows.append((each.session_id, name, cipher.encrypt(dumps(op.reference), COLUMN, name)))
        sizes[each.session_id, name] = op.size
    for row in await transaction.wire.fetch(_PUT, *columns(rows), transaction.now):
        if row["fresh"]:  # what is written once more was counted, whether or not that was answered
            transaction.usage.count(row["session_id"], "bytes_sent", sizes[row["session_id"], row["name"]])
