"""What the frequent statements read: their own rows, however many there are beside them."""

from typing import Any, cast

import asyncpg
import pytest

from gateway_worker.store.records import Fence, Status
from gateway_worker.store.store import Store
from tests.support.store.stores import advance, arrived, begin

MESSAGES = 300
TABLES = ("messages", "bodies", "outbox", "processed_commands")


@pytest.fixture
def migrated_database_url(new_database_url: str) -> str:
    """The server counts what is read of a database, and knows how large its tables have been."""
    return new_database_url


async def rows_read(url: str) -> dict[str, int]:
    """Rows that were read so far, by table; told once the connections that read them are closed."""
    statement = """
        SELECT coalesce(pg_partition_root(relid), relid)::regclass::text AS relname,
            sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) AS read
        FROM pg_stat_user_tables GROUP BY 1
    """
    connection = cast("Any", await asyncpg.connect(url))
    try:
        rows = await connection.fetch(statement)
    finally:
        await connection.close()
    return {row["relname"]: row["read"] for row in rows}


async def work(store: Store, fence: Fence, number: int) -> None:
    await store.commit(fence, begin(number), arrived(number))
    for status in (Status.SENT, Status.DELIVERED, Status.READ):
        await store.commit(fence, advance(status, number))


async def test_a_message_costs_the_same_when_the_tables_have_grown(
    store: Store, fence: Fence, migrated_database_url: str
) -> None:
    """A plan made while a table is empty is kept, and may be one that reads all of a session's messages."""
    for number in range(MESSAGES):
        await work(store, fence, number)
    await store.stop()
    read = await rows_read(migrated_database_url)
    assert {table: count for table in TABLES if (count := read[table]) > 8 * MESSAGES} == {}
