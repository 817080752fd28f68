"""What goes on beside the work: waiting for what is not there yet, making buckets, pruning."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar

import structlog

from gateway_worker.objects.buckets import Buckets
from gateway_worker.store.errors import DatabaseRefused, StoreUnavailable
from gateway_worker.store.postgres.database import complaint
from gateway_worker.store.store import Store

_log = structlog.get_logger()
T = TypeVar("T")

_RETRY_SECONDS: Final = 1.0
_BUCKETS_RETRY_SECONDS: Final = 10.0
_PRUNE_SECONDS: Final = 3600.0


async def insist(start: Callable[[], Awaitable[T]], url: str) -> T:
    """Call until PostgreSQL is there, at `url`.

    Raises:
        DatabaseRefused: it is, and lets nobody in: settings are wrong.
    """
    while True:
        try:
            return await start()
        except DatabaseRefused:
            raise
        except StoreUnavailable as error:
            _log.warning("worker.waiting_for", dependency="postgresql", why=complaint(error, url))
            await asyncio.sleep(_RETRY_SECONDS)


async def make_buckets(buckets: Buckets) -> None:
    """Make the buckets, until cancelled. Media and snapshots need them; messages do not, so nothing waits for it."""
    while True:
        try:
            await buckets.ensure()
        except Exception as error:  # noqa: BLE001 (whatever the driver raises: not there yet)
            _log.warning("worker.waiting_for", dependency="s3", error=type(error).__name__, why=str(error))
            await asyncio.sleep(_BUCKETS_RETRY_SECONDS)
        else:
            return


async def prune(store: Store, leaving: asyncio.Event) -> None:
    """Prune the store, hour by hour. Workers that do it side by side do not disturb each other."""
    while not leaving.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(_PRUNE_SECONDS):
                await leaving.wait()
            return
        try:
            pruned = await store.prune()
        except StoreUnavailable:
            continue  # in an hour then
        _log.info("store.pruned", **pruned)
