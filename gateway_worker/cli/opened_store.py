"""The store for one command that a person typed."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from gateway_worker.settings.settings import Settings
from gateway_worker.store.store import Store
from gateway_worker.timing.clock import SystemClock


@asynccontextmanager
async def opened_store(settings: Settings, name: str) -> AsyncGenerator[Store]:
    """The store while the command runs; `name` is what PostgreSQL lists its connections under.

    Raises:
        StoreUnavailable: the database is away.
        StoreError: it is there, and of no use: its schema is another one.
    """
    store = Store(
        str(settings.database_url),
        direct_url=settings.direct_database,
        encryption_keys=settings.raw_encryption_keys,
        clock=SystemClock(),
        name=name,
    )
    await store.start()
    try:
        yield store
    finally:
        await store.stop()
