"""The schema's revision: whether a database has this program's. The revisions are known by their files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway_worker.store.errors import SchemaMismatch
from gateway_worker.store.postgres.database import Wire, connect
from gateway_worker.store.postgres.driver_errors import translated

_REVISIONS: Final = Path(__file__).parents[1] / "migrations" / "versions"
EXISTS: Final = "SELECT to_regclass('alembic_version') IS NOT NULL"
CURRENT: Final = "SELECT version_num FROM alembic_version"


async def check_schema(url: str) -> str:
    """The revision of the database at `url`, if it is this program's.

    Raises:
        StoreUnavailable: the database is away.
        SchemaMismatch: it is another one.
    """
    with translated():
        connection = await connect(url, name="gateway-worker doctor")
        try:
            return await require_current(connection)
        finally:
            await connection.close()


async def require_current(wire: Wire) -> str:
    """The revision, if it is this program's; `SchemaMismatch` else."""
    current = await wire.fetchval(CURRENT) if await wire.fetchval(EXISTS) else None
    needed = revisions()[-1]
    refuse_unknown(current)
    if current is None:
        raise SchemaMismatch("the database has no schema yet: run gateway-worker migrate")
    if current != needed:
        raise SchemaMismatch(
            f"the database's schema is of revision {current}, this program needs {needed}: run gateway-worker migrate"
        )
    return current


def refuse_unknown(revision: str | None) -> None:
    """Raise `SchemaMismatch` for one that is none of ours."""
    if revision is not None and revision not in revisions():
        raise SchemaMismatch(
            f"the database's schema (revision {revision}) is newer than this program: update the program, then run"
            " gateway-worker migrate"
        )


def revisions() -> Sequence[str]:
    """Those of this program, the oldest first. A revision's file is ``rREVISION_title.py``."""
    return sorted(path.name[1:].partition("_")[0] for path in _REVISIONS.glob("r*.py"))
