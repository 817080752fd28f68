"""What belongs to a session's identity: credentials, Signal keys, decrypted parts."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import Transaction, columns
from gateway_worker.store.writing.writers.chats import UNSET
from gateway_worker.timing.pace import Pace

LATE_WRITES: Final = timedelta(minutes=20)
"""S3 refuses what was signed more than 15 minutes ago: so long a frozen worker may still write a snapshot."""

# Contacts, timers and what is set of chats are those of the account that was linked; the next one may be another.
_DROP: Final = (
    "DELETE FROM keys WHERE session_id = ANY($1)",
    "DELETE FROM snapshots WHERE session_id = ANY($1)",
    "DELETE FROM contacts WHERE session_id = ANY($1)",
    "DELETE FROM timers WHERE session_id = ANY($1)",
    "DELETE FROM labels WHERE session_id = ANY($1)",
    f"{UNSET} WHERE session_id = ANY($1)",
)

# Who had credentials may have snapshots of them.
_DROP_CREDENTIALS: Final = """
    WITH dropped AS (DELETE FROM credentials WHERE session_id = ANY($1) RETURNING session_id)
    INSERT INTO snapshot_removals (id, through, due_at, last_at)
    SELECT s.id, s.sequence, $2, $3 FROM dropped AS d JOIN sessions AS s ON s.id = d.session_id
    ON CONFLICT (id) DO UPDATE SET through = excluded.through, due_at = excluded.due_at, last_at = excluded.last_at
"""

_PUT_CREDENTIALS: Final = """
    INSERT INTO credentials (session_id, value, updated_at)
    SELECT id, value, $3 FROM unnest($1::text[], $2::bytea[]) AS c (id, value)
    ON CONFLICT (session_id) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
"""

_PUT_KEYS: Final = """
    INSERT INTO keys (session_id, kind, id, value)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])
    ON CONFLICT (session_id, kind, id) DO UPDATE SET value = excluded.value
"""

_REMOVE_KEYS: Final = """
    DELETE FROM keys AS k USING unnest($1::text[], $2::text[], $3::text[]) AS r (session_id, kind, id)
    WHERE k.session_id = r.session_id AND k.kind = r.kind AND k.id = r.id
"""

# What was decrypted cannot be decrypted again: an entry comes twice only when its transaction is tried again.
_PUT_ENTRIES: Final = """
    INSERT INTO entries (session_id, message_id, sender, chat, index, visible, unprocessed, value, created_at)
    SELECT e.*, $9::timestamptz
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::bool[], $7::bool[], $8::bytea[])
        AS e (session_id, message_id, sender, chat, index, visible, unprocessed, value)
    WHERE NOT EXISTS (
        SELECT FROM entries AS k
        WHERE k.session_id = e.session_id AND k.message_id = e.message_id AND k.sender = e.sender
            AND k.chat = e.chat AND k.index = e.index AND k.created_at BETWEEN $10 AND $11
    )
    ON CONFLICT DO NOTHING
"""
_AGAIN: Final = timedelta(days=1)

_SETTLE_ENTRIES: Final = """
    UPDATE entries AS e SET unprocessed = false
    FROM unnest($1::text[], $2::text[]) AS s (session_id, message_id)
    WHERE e.session_id = s.session_id AND e.message_id = s.message_id AND e.unprocessed
"""


async def drop_credentials(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `DropCredentials`; what snapshots there are of the identity is to be removed."""
    sessions, now = [each.session_id for each in placed], transaction.now
    await transaction.wire.execute(_DROP_CREDENTIALS, sessions, now, now + LATE_WRITES)
    for statement in _DROP:
        await transaction.wire.execute(statement, sessions)


async def put_credentials(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `PutCredentials`."""
    await transaction.wire.execute(
        _PUT_CREDENTIALS,
        [each.session_id for each in placed],
        [transaction.session(each).identity.encrypt(each.operation.blob, "credentials") for each in placed],
        transaction.now,
    )


async def put_keys(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `PutKeys`: those with a value in one statement, those without in another."""
    put: list[tuple[str, str, str, bytes]] = []
    removed: list[tuple[str, str, str]] = []
    pace = Pace()
    for each in placed:
        cipher = transaction.session(each).identity
        for (kind, key_id), value in each.operation.keys.items():
            if value is None:
                removed.append((each.session_id, kind, key_id))
            else:
                put.append((each.session_id, kind, key_id, cipher.encrypt(value, "keys", kind, key_id)))
            await pace.breathe()
    if put:
        await transaction.wire.execute(_PUT_KEYS, *columns(put))
    if removed:
        await transaction.wire.execute(_REMOVE_KEYS, *columns(removed))


async def put_entries(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `PutEntries`."""
    rows = [
        (
            each.session_id,
            entry.message_id,
            entry.sender,
            entry.chat,
            entry.index,
            entry.visible,
            entry.unprocessed,
            transaction.session(each).identity.encrypt(
                entry.plaintext, "entries", entry.message_id, entry.sender, entry.chat, str(entry.index)
            ),
        )
        for each in placed
        for entry in each.operation.entries
    ]
    if rows:
        now = transaction.now
        by_column = columns(rows)
        await transaction.wire.execute(_PUT_ENTRIES, *by_column, now, now - _AGAIN, now + _AGAIN)


async def settle_entries(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `SettleEntries`."""
    rows = [(each.session_id, message_id) for each in placed for message_id in each.operation.message_ids]
    if rows:
        await transaction.wire.execute(_SETTLE_ENTRIES, *columns(rows))
