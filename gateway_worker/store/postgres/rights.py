"""What a worker's role must be allowed in its database, and is not: asked of the catalogue, nothing is tried.

A worker makes and drops partitions, which only the owner of a table may, so it needs the role that ran ``migrate``.
"""

from collections.abc import Sequence
from typing import Final

from gateway_worker.store.errors import StoreError
from gateway_worker.store.postgres.database import Wire

_USES: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
# ruff: noqa: S608 (our own words)
_TABLES: Final = f"""
    SELECT c.relname AS name, c.relkind = 'p'::"char" AS is_partitioned, pg_has_role(c.relowner, 'USAGE') AS owns,
        array_remove(ARRAY[
            {", ".join(f"CASE WHEN NOT has_table_privilege(c.oid, '{use}') THEN '{use}' END" for use in _USES)}
        ], NULL) AS missing
    FROM pg_class AS c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    ORDER BY c.relname
"""
_PLACE: Final = """
    SELECT current_user AS role, current_schema() AS schema, pg_is_in_recovery() AS is_replica,
        current_setting('transaction_read_only') = 'on' AS is_read_only,
        has_database_privilege(current_database(), 'TEMPORARY') AS makes_temporary,
        current_schema() IS NOT NULL AND has_schema_privilege(current_schema(), 'CREATE') AS makes_tables
"""


async def require_rights(wire: Wire) -> None:
    """Raises `StoreError` when the role of this connection may not do what a worker does; the text says what."""
    place = await wire.fetchrow(_PLACE)
    assert place is not None
    if place["is_replica"] or place["is_read_only"]:
        raise StoreError("it takes no writes: it is a replica, or default_transaction_read_only is on")
    missing = [
        *([] if place["makes_tables"] else [f"CREATE on schema {place['schema'] or '(none in its search_path)'}"]),
        *([] if place["makes_temporary"] else ["TEMPORARY on the database"]),
        *await _missing_of_tables(wire),
    ]
    if missing:
        raise StoreError(f"the role {place['role']} lacks {', '.join(missing)}: use the role that ran migrate")


async def _missing_of_tables(wire: Wire) -> Sequence[str]:
    found = await wire.fetch(_TABLES)
    return [
        *(f"{', '.join(row['missing'])} on {row['name']}" for row in found if row["missing"]),
        *(f"the ownership of {row['name']}" for row in found if row["is_partitioned"] and not row["owns"]),
    ]
