"""Bring a database to this program's revision. The one place that needs SQLAlchemy, which alembic is built on."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from gateway_worker.store.postgres.database import connect
from gateway_worker.store.postgres.driver_errors import translate, translated
from gateway_worker.store.postgres.schema import CURRENT, EXISTS, refuse_unknown, revisions

_MIGRATIONS: Final = Path(__file__).parent
_LOCK: Final = 0x6761746577617900  # "gateway": one migration at a time
_UNBOUNDED: Final = "SET LOCAL statement_timeout = 0"  # a migration of large tables takes its time


async def migrate(url: str) -> str:
    """Bring the database at `url` to this program's revision, in one transaction; answers the revision.

    Raises:
        StoreUnavailable: the database is away.
        SchemaMismatch: a newer program has been here; its schema is left alone.
    """
    async with open_connection(url) as connection:
        await connection.execute(text(_UNBOUNDED))
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        return await connection.run_sync(_upgrade)


@asynccontextmanager
async def open_connection(url: str) -> AsyncGenerator[AsyncConnection]:
    """A SQLAlchemy connection in a transaction that is committed at the end; errors are translated."""

    async def creator() -> Any:
        return await connect(url, name="gateway-worker migrate")

    engine = create_async_engine("postgresql+asyncpg://", async_creator=creator, poolclass=NullPool)
    try:
        with translated():
            async with engine.begin() as connection:
                yield connection
    except DBAPIError as error:
        raise translate(error.driver_exception) from error
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> str:
    current = connection.scalar(text(CURRENT)) if connection.scalar(text(EXISTS)) else None
    refuse_unknown(current)
    configuration = Config()
    configuration.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")
    return revisions()[-1]
