"""PostgreSQL: who lets us in, with which rights, and how the database stands."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

from gateway_worker.broker.marks import MarkQueue
from gateway_worker.cli.doctor import broker
from gateway_worker.cli.doctor.examination import NAME, UnwellError
from gateway_worker.settings.settings import Settings
from gateway_worker.store.errors import DatabasePooled, StoreError, StoreUnavailable
from gateway_worker.store.postgres.database import connect_as_pool
from gateway_worker.store.postgres.driver_errors import complaint, require_version, translated
from gateway_worker.store.postgres.guard import look
from gateway_worker.store.postgres.lineage import read_mark
from gateway_worker.store.postgres.pooler import require_sessions
from gateway_worker.store.postgres.rights import require_rights
from gateway_worker.store.postgres.schema import check_schema
from gateway_worker.store.retention.partitions import made_until
from schemas.topology.channels import Topology

_DURABLE: Final = ("synchronous_commit", "fsync", "full_page_writes")


@asynccontextmanager
async def connected(settings: Settings) -> AsyncGenerator[Any]:
    """A connection as a worker's pool opens them, closed at the end; errors are translated."""
    with translated():
        connection = await connect_as_pool(str(settings.database_url), name=NAME)
        try:
            yield connection
        finally:
            await connection.close()


async def postgresql(settings: Settings) -> str:
    """Whether it lets us in, and is new enough."""
    async with connected(settings) as connection:
        version = str(await connection.fetchval("SHOW server_version"))
    require_version(version)
    return f"PostgreSQL {version}"


async def schema(settings: Settings) -> str:
    """Whether it is this program's."""
    return f"revision {await check_schema(settings.direct_database or str(settings.database_url))}"


async def rights(settings: Settings) -> str:
    """Whether our role may do what a worker does."""
    async with connected(settings) as connection:
        await require_rights(connection)
    return "tables can be read, written and partitioned"


async def sessions_of_the_server(settings: Settings) -> str:
    """Whether a worker's lock holds, and prepared statements do."""
    try:
        await require_sessions(str(settings.database_url), settings.direct_database)
    except DatabasePooled:
        raise
    except (StoreUnavailable, StoreError) as error:
        direct = settings.direct_database
        if direct is None:
            raise
        named = complaint(error, direct).replace("(GATEWAY_DATABASE_URL)", "")
        raise UnwellError(f"{named.rstrip()} (GATEWAY_DATABASE_DIRECT_URL, or GATEWAY_DATABASE_URL)") from error
    return "a worker's lock holds" + (" (GATEWAY_DATABASE_DIRECT_URL)" if settings.database_direct_url else "")


async def durability(settings: Settings) -> str:
    """What was committed without waiting for the disk is lost with the server, after it was told as sent."""
    async with connected(settings) as connection:
        off = [name for name in _DURABLE if await connection.fetchval("SELECT current_setting($1)", name) == "off"]
    if off:
        raise UnwellError(
            f"a crash of the server loses what it confirmed: {', '.join(f'{name}=off' for name in off)}:"
            " set it to on in postgresql.conf, and see that ALTER ROLE or ALTER DATABASE does not say otherwise"
        )
    return "a commit waits for the disk"


async def partitions(settings: Settings) -> str:
    """How far they are made."""
    async with connected(settings) as connection:
        until = await made_until(connection)
    ready = until is not None and until > datetime.now(UTC)
    return f"made until {until:%Y-%m-%d}" if ready else "those to come are made at start"


async def lineage(settings: Settings) -> str:
    """Whether it went back in time."""
    async with broker.opened(settings) as link:  # first: workers go on marking while we look
        body = await MarkQueue(link, Topology(settings.namespace)).read()
    async with connected(settings) as connection:
        now = await look(connection, highest=True)
        since = await connection.fetchval("SELECT max(since) FROM lineage")
    reason = None if body is None else now.parted(read_mark(body))
    if reason is not None:
        raise UnwellError(f"the database went back in time: {reason}")
    return f"went back {now.number} times, last {since:%Y-%m-%d %H:%M} UTC" if now.number else "never went back"
