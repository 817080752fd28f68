"""What is old goes, in bites: no long lock, no timeout, and a worker that dies in between has done no harm."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from gateway_worker.store.database import Database

EVENTS: Final = timedelta(days=7)  # how long they may be replayed (contract, section 3)
COMMANDS: Final = timedelta(days=7)  # how long an idempotency key is kept (contract, section 2)
_BITE: Final = 2_000

# Each takes the limit in time and the size of a bite. Bodies go with their message.
_MESSAGES: Final = """
    WITH doomed AS (SELECT session_id, message_id FROM messages WHERE created_at < $1 ORDER BY created_at LIMIT $2),
    bodies_gone AS (
        DELETE FROM bodies AS b USING doomed AS d WHERE b.session_id = d.session_id AND b.message_id = d.message_id
    )
    DELETE FROM messages AS m USING doomed AS d WHERE m.session_id = d.session_id AND m.message_id = d.message_id
"""
_ENTRIES: Final = """
    DELETE FROM entries WHERE ctid = ANY (
        ARRAY(SELECT ctid FROM entries WHERE created_at < $1 ORDER BY created_at LIMIT $2)
    )
"""
_COMMANDS: Final = """
    DELETE FROM processed_commands WHERE ctid = ANY (
        ARRAY(SELECT ctid FROM processed_commands WHERE created_at < $1 ORDER BY created_at LIMIT $2)
    )
"""
_EVENTS: Final = """
    DELETE FROM outbox WHERE ctid = ANY (
        ARRAY(
            SELECT o.ctid FROM outbox AS o JOIN outbox_marks AS m ON m.session_id = o.session_id
            WHERE o.created_at < $1 AND o.sequence <= m.published
            ORDER BY o.created_at LIMIT $2
        )
    )
"""


async def prune(database: Database, *, now: datetime, messages: timedelta) -> Mapping[str, int]:
    """Remove what is past its time; answers how many rows of each table went.

    Args:
        database: where.
        now: the wall clock.
        messages: how long messages are kept; at least as long as the keys of their commands, since a repeated command
            finds by its message that it was sent.
    """
    kept = max(messages, COMMANDS)
    bites: Sequence[tuple[str, str, timedelta]] = (
        ("messages", _MESSAGES, kept),
        ("entries", _ENTRIES, kept),
        ("processed_commands", _COMMANDS, COMMANDS),
        ("outbox", _EVENTS, EVENTS),
    )
    return {table: await _eat(database, statement, now - age) for table, statement, age in bites}


async def _eat(database: Database, statement: str, before: datetime) -> int:
    total = 0
    while True:
        async with database.wire() as wire:
            gone = int((await wire.execute(statement, before, _BITE)).rpartition(" ")[2])
        total += gone
        if gone < _BITE:
            return total
