"""Is there a transaction pooler between us and PostgreSQL?

Behind one (PgBouncer in transaction mode, and its like) a connection of ours is not one session of the server: an
advisory lock would be somebody else's the next moment, and notifications would reach nobody. All else works. So what
needs a session has an address of its own, ``GATEWAY_DATABASE_DIRECT_URL``, and this finds out whether it is needed.

Two connections of ours that hold transactions in turn never share a backend of the server, and each has the same one
for ever; unless a pooler hands them out. PgBouncer hands out the one that was given back last: the first round shows
it. One that hands out another way shows itself within a few rounds, as it cannot keep to what it does not know.
"""

from typing import Any, Final, cast

import asyncpg

from gateway_worker.store.errors import DatabasePooled
from gateway_worker.store.postgres.database import CALL_SECONDS, CONNECT_SECONDS, translated

_ROUNDS: Final = 5
_BACKEND: Final = "SELECT pg_backend_pid()"
_SERVER: Final = "SELECT pg_postmaster_start_time()::text || ' ' || current_database()"


async def require_sessions(url: str, direct_url: str | None) -> None:
    """See that what needs a session of the server gets one.

    Args:
        url: of the database.
        direct_url: for what needs a session, if it is another.

    Raises:
        DatabasePooled: it would not get one; the text says what to set.
        StoreUnavailable: the database is away.
    """
    if await _is_pooled(direct_url or url):
        setting = "GATEWAY_DATABASE_URL" if direct_url is None else "GATEWAY_DATABASE_DIRECT_URL"
        raise DatabasePooled(
            f"{setting} leads through a transaction pooler, behind which a worker's lock is void: set"
            " GATEWAY_DATABASE_DIRECT_URL to PostgreSQL itself, or to a pool in session mode"
        )
    if direct_url is not None and await _server(direct_url) != await _server(url):
        raise DatabasePooled(
            "GATEWAY_DATABASE_DIRECT_URL leads to another database than GATEWAY_DATABASE_URL: it must be the same"
        )


async def _is_pooled(url: str) -> bool:
    with translated():
        one = await _connect(url)
        try:
            two = await _connect(url)
            try:
                return await _share_backends(one, two)
            finally:
                await two.close(timeout=CONNECT_SECONDS)
        finally:
            await one.close(timeout=CONNECT_SECONDS)


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


async def _connect(url: str) -> Any:
    """As a pooler takes it: without startup parameters, and without prepared statements that outlive a transaction."""
    options: dict[str, Any] = {"timeout": CONNECT_SECONDS, "command_timeout": CALL_SECONDS, "statement_cache_size": 0}
    return cast("Any", await asyncpg.connect(url, **options))
