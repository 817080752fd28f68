"""Partitions by time: made before they are needed, dropped when all in them is past its time.

Any number of workers may do it side by side, while others write:

- A change is one short transaction under an advisory lock, and looks again at what there is once it has the lock.
- Whoever waits for the lock of a table makes everybody wait who comes later. So nobody waits long for one: who does not
  get it tries again, and then leaves it to the next hour.
- Each table has a default partition for what fits no other. Rows found there when their partition is made move into it,
  and rows that must outlive their partition move there.

A new partition is made as a table of its own and then attached: the others go on writing, which they could not during
``CREATE … PARTITION OF``. ``DETACH … CONCURRENTLY`` cannot be had beside a default partition.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg
import structlog

from gateway_worker.store.postgres.database import Database, Wire, in_transaction
from gateway_worker.store.postgres.driver_errors import translated
from gateway_worker.store.retention.spans import Span, missing

log = structlog.get_logger(__name__)

PARTITIONED: Final = ("outbox", "bodies", "entries", "receipts")
_PAUSES: Final = (0.0, 0.5, 1.5)  # seconds before each try
_PATIENCE: Final = "SET LOCAL lock_timeout = '500ms'"
_LOCK: Final = f"SELECT pg_advisory_xact_lock({0x6761746577617901})"  # the one beside the migration's

_MADE: Final = r"""
    SELECT name, bounds[1]::timestamptz AS since, bounds[2]::timestamptz AS until
    FROM (
        SELECT c.relname AS name,
            regexp_match(pg_get_expr(c.relpartbound, c.oid), $$FROM \('(.+)'\) TO \('(.+)'\)$$) AS bounds
        FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = $1::text::regclass
    ) AS partition
    WHERE bounds IS NOT NULL
    ORDER BY since
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A table that holds the rows of a span."""

    name: str
    span: Span


async def partitions(wire: Wire, table: str) -> Sequence[Partition]:
    """Those of a table, oldest first, without the default one."""
    return [
        Partition(name=row["name"], span=Span(row["since"], row["until"])) for row in await wire.fetch(_MADE, table)
    ]


async def made_until(wire: Wire) -> datetime | None:
    """Where the first of the tables runs out of partitions; None when one has none."""
    made = [await partitions(wire, table) for table in PARTITIONED]
    return min((each[-1].span.until for each in made), default=None) if all(made) else None


async def make_ahead(database: Database, table: str, *, now: datetime, days: int) -> int:
    """Make what is missing for the days around `now`; answers how many were made.

    Args:
        database: where.
        table: partitioned by `created_at`.
        now: the wall clock.
        days: how many a new partition is to cover.
    """

    async def make(wire: Wire) -> int:
        wanted = missing((each.span for each in await partitions(wire, table)), now=now, days=days)
        for span in wanted:
            await _make(wire, table, span)
        return len(wanted)

    async with database.wire() as wire:
        complete = not missing((each.span for each in await partitions(wire, table)), now=now, days=days)
    return 0 if complete else await _alone(database, table, make)


async def drop_old(database: Database, table: str, *, before: datetime, spared: str) -> int:
    """Drop partitions that end at `before` or earlier; answers how many went.

    Args:
        database: where.
        table: partitioned by `created_at`.
        before: everything older is past its time.
        spared: SELECT of the rows of ``{partition}``, which ends at ``{until}``, that stay all the same, in the default
            partition.
    """

    async def drop_oldest(wire: Wire) -> int:
        old = [each for each in await partitions(wire, table) if each.span.until <= before][:1]
        for each in old:
            await _drop(wire, table, each, spared.format(partition=each.name, until=each.span.until.isoformat()))
        return len(old)

    async with database.wire() as wire:
        old = [each for each in await partitions(wire, table) if each.span.until <= before]
    return sum([await _alone(database, table, drop_oldest) for _ in old])


async def _make(wire: Wire, table: str, span: Span) -> None:
    name = f"{table}_{span.since:%Y%m%d}"
    bounds = f"FROM ('{span.since.isoformat()}') TO ('{span.until.isoformat()}')"
    await wire.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING STORAGE)")
    await wire.execute(f"LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE")
    await wire.execute(
        f"WITH strays AS (DELETE FROM {table}_default WHERE created_at >= $1 AND created_at < $2 RETURNING *)"  # noqa: S608
        f" INSERT INTO {name} SELECT * FROM strays",
        span.since,
        span.until,
    )
    await wire.execute(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES {bounds}")


async def _drop(wire: Wire, table: str, partition: Partition, spared: str) -> None:
    """Look for what is spared first: that takes its time, and everybody waits from DETACH on."""
    await wire.execute(f"LOCK TABLE {partition.name} IN SHARE MODE")
    await wire.execute(f"CREATE TEMPORARY TABLE spared ON COMMIT DROP AS {spared}")
    await wire.execute(f"ALTER TABLE {table} DETACH PARTITION {partition.name}")
    await wire.execute(f"INSERT INTO {table} SELECT * FROM spared")  # noqa: S608 (our own tables' names)
    await wire.execute(f"DROP TABLE {partition.name}")


async def _alone(database: Database, table: str, change: Callable[[Wire], Awaitable[int]]) -> int:
    """Change a table's partitions in a transaction of its own; answers what the change does, 0 if it found no moment.

    Raises:
        StoreUnavailable: the database is away.
    """
    with translated():
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            try:
                return await _in_transaction(database, change)
            except asyncpg.LockNotAvailableError:
                continue
    log.warning("partitions.busy", table=table)
    return 0


async def _in_transaction(database: Database, change: Callable[[Wire], Awaitable[int]]) -> int:
    async with database.raw_wire() as wire, in_transaction(wire):
        await wire.execute(_PATIENCE)
        await wire.execute(_LOCK)
        return await change(wire)
