"""Is there a transaction pooler between us and PostgreSQL?

Behind one (PgBouncer in transaction mode, and its like) a connection of ours is not one session of the server: an
advisory lock would be somebody else's the next moment, and notifications would reach nobody. All else works. So what
needs a session has an address of its own, ``GATEWAY_DATABASE_DIRECT_URL``, and this finds out whether it is needed.

Two connections of ours that hold transactions in turn never share a backend of the server, and each has the same one
for ever; unless a pooler hands them out. PgBouncer hands out the one that was given back last: the first round shows
it. One that hands out another way shows itself within a few rounds, as it cannot keep to what it does not know.

What was prepared on one backend is there on another only if the pooler prepares it again: PgBouncer does so since 1.21.
"""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, cast

import asyncpg

from gateway_worker.store.errors import DatabasePooled
from gateway_worker.store.postgres.database import CALL_SECONDS, CONNECT_SECONDS
from gateway_worker.store.postgres.driver_errors import require_version, translated

_ROUNDS: Final = 5
_STATEMENTS: Final = 8
_BACKEND: Final = "SELECT pg_backend_pid()"
_SERVER: Final = "SELECT pg_postmaster_start_time()::text || ' ' || current_database()"


async def require_sessions(url: str, direct_url: str | None) -> None:
    """See that what needs a session of the server gets one.

    Args:
        url: of the database.
        direct_url: for what needs a session, if it is another.

    Raises:
        DatabasePooled: it would not get one, or the pooler before the rest forgets statements.
        DatabaseTooOld: the server is.
        StoreUnavailable: the database is away.
    """
    if await _is_pooled(direct_url or url):
        setting = "GATEWAY_DATABASE_URL" if direct_url is None else "GATEWAY_DATABASE_DIRECT_URL"
        raise DatabasePooled(
            f"{setting} leads through a transaction pooler, behind which a worker's lock is void: set"
            " GATEWAY_DATABASE_DIRECT_URL to PostgreSQL itself, or to a pool in session mode"
        )
    if direct_url is not None:
        if await _server(direct_url) != await _server(url):
            raise DatabasePooled(
                "GATEWAY_DATABASE_DIRECT_URL leads to another database than GATEWAY_DATABASE_URL: it must be the same"
            )
        await _require_statements(url)


async def _require_statements(url: str) -> None:
    """Raises `DatabasePooled` when what was prepared in one transaction is not there in the next."""
    with translated():
        async with _two(url, _STATEMENTS) as (one, two):
            statement = await one.prepare(_BACKEND)
            for _ in range(_ROUNDS):
                await statement.fetchval()
                async with two.transaction():
                    await two.execute(_BACKEND)  # takes what may have been the other's
                    await statement.fetchval()


async def _is_pooled(url: str) -> bool:
    with translated():
        async with _two(url) as (one, two):
            require_version(str(one.get_settings().server_version))
            return await _share_backends(one, two)


@asynccontextmanager
async def _two(url: str, statements: int = 0) -> AsyncGenerator[tuple[Any, Any]]:
    async with AsyncExitStack() as stack:
        pair: list[Any] = []
        for _ in range(2):
            pair.append(connection := await _connect(url, statements))
            stack.push_async_callback(connection.close, timeout=CONNECT_SECONDS)
        yield pair[0], pair[1]


async def _share_backends(one: Any, two: Any) -> bool:
    first: int | None = None
    for _ in range(_ROUNDS):
        async with one.transaction():
            before = await one.fetchval(_BACKEND)
        async with two.transaction():
            other = await two.fetchval(_BACKEND)
            async with one.transaction():  # while the other holds what may have been ours
                after = await one.fetchval(_BACKEND)
        first = before if first is None else first
        if other in {before, after} or not before == after == first:
            return True
    return False


async def _server(url: str) -> str:
    """What tells one database of one run of a server from all others; every user may ask for it."""
    with translated():
        connection = await _connect(url)
        try:
            async with connection.transaction():
                return str(await connection.fetchval(_SERVER))
        finally:
            await connection.close(timeout=CONNECT_SECONDS)


async def _connect(url: str, statements: int = 0) -> Any:
    """As a pooler takes it: without startup parameters; `statements` may outlive a transaction."""
    options: dict[str, Any] = {
        "timeout": CONNECT_SECONDS,
        "command_timeout": CALL_SECONDS,
        "statement_cache_size": statements,
    }
    return cast("Any", await asyncpg.connect(url, **options))
