"""Schemas that do not fit, and what migrations make."""

import asyncio

import pytest

from gateway_worker.store.errors import SchemaMismatch
from gateway_worker.store.postgres.schema import check_schema
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


async def test_a_newer_schema_is_refused_and_left_alone(new_database_url: str) -> None:
    await query(new_database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match="newer"):
        await check_schema(new_database_url)
    with pytest.raises(SchemaMismatch, match="newer"):
        await migrate(new_database_url)


async def test_the_migrations_make_exactly_the_tables_that_the_code_knows(new_database_url: str) -> None:
    assert await differences(new_database_url) == []
