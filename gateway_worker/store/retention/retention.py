"""What is old goes: with its partition where a table is large, else in bites.

Bites take no long lock and meet no timeout, and a worker that dies in between has done no harm. What is not done yet is
spared, however old: events that are not published, messages that are pending.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway_worker.store.postgres.database import Database
from gateway_worker.store.reading.uploads import LIFETIME
from gateway_worker.store.retention.partitions import drop_old, make_ahead

EVENTS: Final = timedelta(days=7)  # how long they may be replayed (contract, section 3)
COMMANDS: Final = timedelta(days=7)  # how long an idempotency key is kept (contract, section 2)
SET_ASIDE: Final = timedelta(days=30)  # WhatsApp itself keeps a message for a device that is away about as long
COUNTED: Final = timedelta(days=1)  # the longest span of a user's limit
_BITE: Final = 2_000
_PARTITIONS: Final = 12  # of what is kept, roughly: more cost every look, fewer keep for longer what is past its time


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A partitioned table: how long its rows are kept, and which of them are spared when that is over.

    Attributes:
        table: its name.
        age: how old a row gets.
        spared: SELECT of the spared rows of ``{partition}`` (it ends at ``{until}``). It starts from what is not done:
            a partition may be too large to be read from end to end.
        waits: whether a row ``t`` is spared.
    """

    table: str
    age: timedelta
    spared: str
    waits: str

    @property
    def days(self) -> int:
        """Of one partition."""
        return max(1, self.age.days // _PARTITIONS)


_UNPUBLISHED: Final = """
    SELECT p.* FROM sessions AS s JOIN outbox_marks AS m ON m.session_id = s.id
    CROSS JOIN LATERAL (
        SELECT * FROM {partition} WHERE session_id = s.id AND sequence > m.published OFFSET 0
    ) AS p
    WHERE s.sequence > m.published
"""
_IS_UNPUBLISHED: Final = """
    EXISTS (SELECT FROM outbox_marks AS m WHERE m.session_id = t.session_id AND m.published < t.sequence)
"""
_OF_PENDING: Final = """
    SELECT p.* FROM messages AS m
    CROSS JOIN LATERAL (
        SELECT * FROM {partition}
        WHERE session_id = m.session_id AND message_id = m.message_id AND number = m.number
            AND created_at = m.created_at
        OFFSET 0
    ) AS p
    WHERE m.created_at < '{until}' AND m.status = 'pending'
"""
_IS_OF_PENDING: Final = """
    EXISTS (
        SELECT FROM messages AS m
        WHERE m.session_id = t.session_id AND m.message_id = t.message_id AND m.number = t.number
            AND m.created_at = t.created_at AND m.status = 'pending'
    )
"""
_NOTHING: Final = "SELECT * FROM {partition} WHERE false"

# These take the limit in time and the size of a bite. What a deleted session never sent is pending for nobody.
_MESSAGES: Final = """
    DELETE FROM messages WHERE ctid = ANY (
        ARRAY(
            SELECT m.ctid FROM messages AS m
            WHERE m.created_at < $1 AND (
                m.status <> 'pending'
                OR NOT EXISTS (SELECT FROM sessions AS s WHERE s.id = m.session_id AND s.deleted_at IS NULL)
            )
            ORDER BY m.created_at LIMIT $2
        )
    )
"""
# What has disappeared is read by nobody any more; here its content goes too, and what it was edited to. The row stays:
# by it a message that comes again, or a command that is repeated, is known. The files go first (`store.media`).
_DISAPPEARED: Final = """
    WITH gone AS (
        SELECT m.ctid AS place, m.session_id, m.message_id, m.number, m.chat, m.entry, m.created_at FROM messages AS m
        WHERE m.expires_at < $1 AND NOT m.kept AND m.status <> 'pending' AND NOT EXISTS (
            SELECT FROM media AS f
            WHERE f.session_id = m.session_id AND f.message_id = m.message_id AND f.number = m.number
        )
        ORDER BY m.expires_at LIMIT $2
    ), said AS (
        SELECT session_id, message_id, number, created_at FROM gone
        UNION
        SELECT c.session_id, c.message_id, c.number, c.created_at FROM gone AS g
        JOIN messages AS c ON c.session_id = g.session_id AND c.about = g.message_id AND c.chat = g.chat
    ), silenced AS (
        DELETE FROM bodies AS b USING said AS s
        WHERE b.session_id = s.session_id AND b.message_id = s.message_id AND b.number = s.number
            AND b.created_at = s.created_at
    ), forgotten AS (
        DELETE FROM entries AS e USING gone AS g
        WHERE e.session_id = g.session_id AND e.message_id = g.message_id
            AND e.chat = split_part(g.entry, E'\\n', 1) AND e.sender = split_part(g.entry, E'\\n', 2)
    )
    UPDATE messages AS m SET expires_at = NULL FROM gone AS g WHERE m.ctid = g.place
"""
_COMMANDS: Final = """
    DELETE FROM processed_commands WHERE ctid = ANY (
        ARRAY(SELECT ctid FROM processed_commands WHERE created_at < $1 ORDER BY created_at LIMIT $2)
    )
"""
_UPLOADS: Final = """
    DELETE FROM uploads WHERE ctid = ANY (
        ARRAY(SELECT ctid FROM uploads WHERE created_at < $1 ORDER BY created_at LIMIT $2)
    )
"""
_SET_ASIDE: Final = """
    DELETE FROM set_aside WHERE ctid = ANY (
        ARRAY(SELECT ctid FROM set_aside WHERE created_at < $1 ORDER BY created_at LIMIT $2)
    )
"""
_ATTEMPTS: Final = """
    DELETE FROM attempts WHERE ctid = ANY (
        ARRAY(SELECT ctid FROM attempts WHERE created_at < $1 ORDER BY created_at LIMIT $2)
    )
"""
_USER_MESSAGES: Final = """
    DELETE FROM user_messages WHERE ctid = ANY (
        ARRAY(SELECT ctid FROM user_messages WHERE at < $1 ORDER BY at LIMIT $2)
    )
"""
_STRAYS: Final = """
    DELETE FROM {partition} WHERE ctid = ANY (
        ARRAY(
            SELECT t.ctid FROM {partition} AS t WHERE t.created_at < $1 AND NOT ({waits}) LIMIT $2
        )
    )
"""


async def prepare(database: Database, *, now: datetime, messages: timedelta) -> int:
    """Make the partitions of the days to come; answers how many were missing.

    Args:
        database: where.
        now: the wall clock.
        messages: how long messages are kept; at least as long as the keys of their commands, since a repeated command
            finds by its message that it was sent.
    """
    kept = _kept(messages)
    return sum([await make_ahead(database, each.table, now=now, days=each.days) for each in kept])


async def prune(database: Database, *, now: datetime, messages: timedelta) -> Mapping[str, int]:
    """Prepare, and remove what is past its time; answers how many partitions, and rows of other tables, came and went.

    A clock that is fast takes nothing away too early: the database's has to agree.
    """
    made = await prepare(database, now=now, messages=messages)
    async with database.wire() as wire:
        now = await wire.fetchval("SELECT least($1, clock_timestamp())", now)
    gone = {
        "messages": await _eat(database, _MESSAGES, now - _age(messages)),
        "disappeared": await _eat(database, _DISAPPEARED, now),
        "processed_commands": await _eat(database, _COMMANDS, now - COMMANDS),
        "set_aside": await _eat(database, _SET_ASIDE, now - SET_ASIDE),
        "attempts": await _eat(database, _ATTEMPTS, now - SET_ASIDE),
        "user_messages": await _eat(database, _USER_MESSAGES, now - COUNTED),
        "uploads": await _eat(database, _UPLOADS, now - LIFETIME),
    }
    dropped = strays = 0
    for each in _kept(messages):
        before = now - each.age
        dropped += await drop_old(database, each.table, before=before, spared=each.spared)
        strays += await _eat(database, _STRAYS.format(partition=f"{each.table}_default", waits=each.waits), before)
    return {"partitions_made": made, "partitions_dropped": dropped, "strays": strays, **gone}


def _age(messages: timedelta) -> timedelta:
    return max(messages, COMMANDS)


def _kept(messages: timedelta) -> Sequence[_Kept]:
    return (
        _Kept(table="outbox", age=EVENTS, spared=_UNPUBLISHED, waits=_IS_UNPUBLISHED),
        _Kept(table="bodies", age=_age(messages), spared=_OF_PENDING, waits=_IS_OF_PENDING),
        _Kept(table="entries", age=_age(messages), spared=_NOTHING, waits="false"),
        _Kept(table="receipts", age=_age(messages), spared=_NOTHING, waits="false"),
    )


async def _eat(database: Database, statement: str, before: datetime) -> int:
    total = 0
    while True:
        async with database.wire() as wire:
            gone = int((await wire.execute(statement, before, _BITE)).rpartition(" ")[2])
        total += gone
        if gone < _BITE:
            return total
