"""Schemas that do not fit, and what migrations make."""

import asyncio

import pytest

from gateway_worker.store.errors import DatabaseReadOnly, SchemaMismatch, StoreUnavailable
from gateway_worker.store.postgres.schema import check_schema
from gateway_worker.store.store import Store
from tests.support.services.private_services import query
from tests.support.store.migrating import differences, migrate
from tests.support.store.stores import KEY, TestClock, opened


async def test_an_empty_database_is_refused_until_it_is_migrated(database_url: str) -> None:
    with pytest.raises(SchemaMismatch, match="gateway-worker migrate"):
        async with opened(database_url, TestClock(), KEY):
            pass
    revisions = await asyncio.gather(migrate(database_url), migrate(database_url))
    assert revisions[0] == revisions[1] == await check_schema(database_url)
    async with opened(database_url, TestClock(), KEY) as store:
        assert await store.check() < 5


async def test_a_database_that_takes_no_writes_any_more_is_not_well(new_database_url: str) -> None:
    name = new_database_url.rsplit("/", 1)[1]
    async with opened(new_database_url, TestClock(), KEY) as store:
        await query(new_database_url, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        others = f"datname = '{name}' AND pid <> pg_backend_pid()"
        await query(new_database_url, f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {others}")
        async with asyncio.timeout(30):
            while not await _is_read_only(store):  # noqa: ASYNC110 (its connections are opened again when they are used)
                await asyncio.sleep(0.05)


async def _is_read_only(store: Store) -> bool:
    try:
        await store.check()
    except DatabaseReadOnly:
        return True
    except StoreUnavailable:
        return False
    return False


async def test_a_newer_schema_is_refused_and_left_alone(new_database_url: str) -> None:
    await query(new_database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match="newer"):
        await check_schema(new_database_url)
    with pytest.raises(SchemaMismatch, match="newer"):
        await migrate(new_database_url)


async def test_the_migrations_make_exactly_the_tables_that_the_code_knows(new_database_url: str) -> None:
    assert await differences(new_database_url) == []
