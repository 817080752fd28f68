"""A pooler between a worker and PostgreSQL: found out, whatever its load, and made right by a direct address."""

import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from deploy.local.services import PrivateServices
from gateway_worker.store.errors import DatabasePooled
from gateway_worker.store.postgres.pooler import require_sessions
from tests.support.services.pgbouncer import PROGRAM, a_pooler, keeps_statements

needs_pgbouncer = pytest.mark.skipif(PROGRAM is None, reason="apt-get install pgbouncer")


@pytest.fixture
def folder() -> Generator[Path]:
    """Where PgBouncer, which refuses to run as root, may read."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@needs_pgbouncer
async def test_a_transaction_pooler_is_found_out_and_a_direct_address_makes_it_right(
    database_url: str, folder: Path
) -> None:
    async with a_pooler(database_url, folder, mode="transaction") as pooled:
        with pytest.raises(DatabasePooled, match="GATEWAY_DATABASE_URL leads through a transaction pooler"):
            await require_sessions(pooled, None)
        with pytest.raises(DatabasePooled, match="GATEWAY_DATABASE_DIRECT_URL leads through"):
            await require_sessions(database_url, pooled)
        if keeps_statements():
            await require_sessions(pooled, database_url)
        else:
            with pytest.raises(DatabasePooled, match=r"PgBouncer 1\.21 or newer"):
                await require_sessions(pooled, database_url)


@needs_pgbouncer
async def test_a_session_pooler_is_as_good_as_none(database_url: str, folder: Path) -> None:
    async with a_pooler(database_url, folder, mode="session") as pooled:
        await require_sessions(pooled, None)
    await require_sessions(database_url, None)


async def test_a_direct_address_of_another_database_is_refused(services: PrivateServices, database_url: str) -> None:
    with pytest.raises(DatabasePooled, match="another database"):
        await require_sessions(database_url, services.database("postgres"))
