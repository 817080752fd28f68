"""Databases that one test after another has: emptied in some 20 ms, where a new one costs ten times as much CPU.

A database goes to the next test of this process only if it is as a new one: nobody is connected to it, its tables are
those that it was made with, and they hold the rows that these held. Partitions stay: a store makes those of its days
when it starts, and rows find theirs by their time. Whoever looks at partitions wants a database of its own.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

import asyncpg

from deploy.local.services import PrivateServices
from tests.support.services.private_services import query, unique_name

_LEAVE: Final = """
    SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_TABLES: Final = """
    SELECT oid::regclass::text FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0 ORDER BY 1
"""
_SHAPE: Final = """
    WITH mine AS (SELECT * FROM pg_class WHERE relnamespace = 'public'::regnamespace AND NOT relispartition)
    SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
        SELECT concat_ws(' ', relname, relkind, relacl, reloptions, relhastriggers, relrowsecurity) FROM mine
        UNION ALL
        SELECT concat_ws(' ', relname, attname, atttypid, attnotnull, attstorage, attacl)
        FROM pg_attribute JOIN mine ON attrelid = mine.oid WHERE attnum > 0
        UNION ALL
        SELECT concat_ws(' ', conname, pg_get_constraintdef(pg_constraint.oid))
        FROM pg_constraint JOIN mine ON conrelid = mine.oid
        UNION ALL
        SELECT concat_ws(' ', nspname, nspacl) FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast)'
        UNION ALL
        SELECT concat_ws(' ', proname, prosrc) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL
        SELECT setconfig::text FROM pg_db_role_setting JOIN pg_database ON setdatabase = pg_database.oid
        WHERE datname = current_database()
    ) AS lines (line)
"""
_LARGE: Final = 4 * 1024 * 1024
"""Bytes by which a database may have grown. A larger one is not worth keeping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """What all copies of a template are like at first."""

    shape: str
    size: int
    rows: Mapping[str, str]
    """By table, as JSON."""


_made: Final = dict[str, _Made]()
_spare: Final = dict[str, list[str]]()


@asynccontextmanager
async def emptied_database(services: PrivateServices, template: str) -> AsyncGenerator[str]:
    """URL of a database like `template`, which tests before may have had."""
    spare = _spare.setdefault(template, [])
    name = spare.pop() if spare else await _copy(services, template)
    try:
        yield services.database(name)
    finally:
        if await _emptied(services.database(name), _made[template]):
            spare.append(name)
        else:
            await _drop(services, name)


async def drop_spare_databases(services: PrivateServices, template: str) -> None:
    """When no more tests come, and the services stay."""
    for name in _spare.pop(template, []):
        await _drop(services, name)


async def _copy(services: PrivateServices, template: str) -> str:
    name = unique_name()
    await query(services.database_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    if template not in _made:
        async with _connected(services.database(name)) as connection:
            tables = [row[0] for row in await connection.fetch(_TABLES)]
            rows = {table: await connection.fetchval(f"SELECT jsonb_agg(t) FROM {table} t") for table in tables}
            _made[template] = _Made(
                shape=await connection.fetchval(_SHAPE),
                size=await connection.fetchval("SELECT pg_database_size(current_database())"),
                rows={table: held for table, held in rows.items() if held is not None},
            )
    return name


async def _emptied(url: str, made: _Made) -> bool:
    """Make it as it was. False if its tables are others than it was made with, or it has become large."""
    async with _connected(url) as connection:
        await connection.fetch(_LEAVE)
        if await connection.fetchval(_SHAPE) != made.shape:
            return False
        if await connection.fetchval("SELECT pg_database_size(current_database())") > made.size + _LARGE:
            return False
        statements = ["SET session_replication_role = replica"]  # neither triggers nor foreign keys
        statements += [f"DELETE FROM {row[0]}" for row in await connection.fetch(_TABLES)]
        statements += ["SELECT setval(seqrelid, seqstart, false) FROM pg_sequence"]
        await connection.execute("; ".join(statements))
        for table, rows in made.rows.items():
            filled = f"INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, $1)"
            await connection.execute(filled, rows)
    return True


async def _drop(services: PrivateServices, name: str) -> None:
    await query(services.database_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@asynccontextmanager
async def _connected(url: str) -> AsyncGenerator[Any]:
    connection = cast("Any", await asyncpg.connect(url))  # asyncpg's own annotations are partly unknown
    try:
        yield connection
    finally:
        await connection.close()
