"""Migrations in a test's own process. Alembic takes a second of CPU to import: only who migrates pays for it."""

from collections.abc import Sequence


async def migrate(database_url: str) -> str:
    """As ``gateway-worker migrate``; the revision that the schema is at."""
    from gateway_worker.store.migrations import upgrading  # noqa: PLC0415 (see above)

    return await upgrading.migrate(database_url)


async def differences(database_url: str) -> Sequence[object]:
    """What the tables have otherwise than the code knows them."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 (see above)
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415 (see above)

    from gateway_worker.store.migrations.tables import metadata  # noqa: PLC0415 (see above)
    from gateway_worker.store.migrations.upgrading import open_connection  # noqa: PLC0415 (see above)

    async with open_connection(database_url) as connection:
        return await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"include_name": _is_no_partition}), metadata
            )
        )


def _is_no_partition(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or name is None or not name.endswith("_default")
