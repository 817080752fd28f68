"""The schema's revision: bring a database to it, or say that it is another one.

Only the first needs alembic, which takes a tenth of a worker's start to import: the revisions are known by their files.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway_worker.store.errors import SchemaMismatch
from gateway_worker.store.postgres.database import create_engine, translated

__all__ = ["SchemaMismatch", "check_schema", "migrate", "require_current", "revisions"]

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
    from alembic import command  # noqa: PLC0415 (see above)
    from alembic.config import Config  # noqa: PLC0415

    _refuse_unknown(_current(connection))
    configuration = Config()
    configuration.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")
    return revisions()[-1]


def _require_current(connection: Connection) -> str:
    current, needed = _current(connection), revisions()[-1]
    _refuse_unknown(current)
    if current is None:
        raise SchemaMismatch("the database has no schema yet: run gateway-worker migrate")
    if current != needed:
        raise SchemaMismatch(
            f"the database's schema is of revision {current}, this program needs {needed}: run gateway-worker migrate"
        )
    return current


def _current(connection: Connection) -> str | None:
    """The database's revision; none if alembic has never been there."""
    if not connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL")):
        return None
    return connection.scalar(text("SELECT version_num FROM alembic_version"))


def _refuse_unknown(revision: str | None) -> None:
    if revision is not None and revision not in revisions():
        raise SchemaMismatch(
            f"the database's schema (revision {revision}) is newer than this program: update the program, then run"
            " gateway-worker migrate"
        )


def revisions() -> Sequence[str]:
    """Those of this program, the oldest first. A revision's file is ``rREVISION_title.py``."""
    return sorted(path.name[1:].partition("_")[0] for path in (_MIGRATIONS / "versions").glob("r*.py"))
