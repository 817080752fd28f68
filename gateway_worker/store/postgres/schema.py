"""The schema's revision: bring a database to it, or say that it is another one."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway_worker.store.errors import SchemaMismatch
from gateway_worker.store.postgres.database import create_engine, translated

__all__ = ["SchemaMismatch", "check_schema", "migrate", "require_current"]

_MIGRATIONS: Final = Path(__file__).parents[1] / "migrations"
_LOCK: Final = 0x6761746577617900  # "gateway": one migration at a time
_UNBOUNDED: Final = "SET LOCAL statement_timeout = 0"  # a migration of large tables takes its time


async def migrate(url: str) -> str:
    """Bring the database at `url` to this program's revision, in one transaction; answers the revision.

    Raises:
        StoreUnavailable: the database is away.
        SchemaMismatch: a newer program has been here; its schema is left alone.
    """
    engine = create_engine(url, name="gateway-worker migrate")
    try:
        with translated():
            async with engine.begin() as connection:
                await connection.execute(text(_UNBOUNDED))
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
                return await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


async def check_schema(url: str) -> str:
    """The revision of the database at `url`, if it is this program's.

    Raises:
        StoreUnavailable: the database is away.
        SchemaMismatch: it is another one.
    """
    engine = create_engine(url, name="gateway-worker doctor")
    try:
        with translated():
            async with engine.connect() as connection:
                return await require_current(connection)
    finally:
        await engine.dispose()


async def require_current(connection: AsyncConnection) -> str:
    """The revision, if it is this program's; `SchemaMismatch` else."""
    return await connection.run_sync(_require_current)


def _upgrade(connection: Connection) -> str:
    configuration = _configuration()
    current = MigrationContext.configure(connection).get_current_revision()
    _refuse_unknown(current)
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")
    return _head()


def _require_current(connection: Connection) -> str:
    current = MigrationContext.configure(connection).get_current_revision()
    _refuse_unknown(current)
    if current is None:
        raise SchemaMismatch("the database has no schema yet: run gateway-worker migrate")
    if current != _head():
        raise SchemaMismatch(
            f"the database's schema is of revision {current}, this program needs {_head()}: run gateway-worker migrate"
        )
    return current


def _refuse_unknown(revision: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_configuration()).walk_revisions()}
    if revision is not None and revision not in known:
        raise SchemaMismatch(
            f"the database's schema (revision {revision}) is newer than this program: update the program, then run"
            " gateway-worker migrate"
        )


def _head() -> str:
    head = ScriptDirectory.from_config(_configuration()).get_current_head()
    assert head is not None
    return head


def _configuration() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return configuration
