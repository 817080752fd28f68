"""What goes on beside the work: waiting for what is not there yet, making buckets, pruning, telling hours."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Final, TypeVar

import structlog

from gateway_worker.objects.buckets import Buckets
from gateway_worker.objects.errors import complaint as complaint_of_s3
from gateway_worker.store.errors import DatabaseRefused, StaleEpoch, StoreUnavailable
from gateway_worker.store.operations.usage import ReportUsage
from gateway_worker.store.postgres.driver_errors import complaint
from gateway_worker.store.store import Store
from gateway_worker.timing.clock import Clock
from schemas.names import WorkerId

_log = structlog.get_logger()
T = TypeVar("T")

_RETRY_SECONDS: Final = 1.0
_BUCKETS_RETRY_SECONDS: Final = 10.0
_PRUNE_SECONDS: Final = 3600.0
USAGE_SECONDS: Final = 20.0  # between two looks for hours that are over
_AT_ONCE: Final = 500


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


async def make_buckets(buckets: Buckets, endpoint: str) -> None:
    """Make the buckets, until cancelled. Media and snapshots need them; messages do not, so nothing waits for it."""
    while True:
        try:
            await buckets.ensure()
        except Exception as error:  # noqa: BLE001 (not there yet, or it refuses: that too may be put right meanwhile)
            why = complaint_of_s3(error, endpoint) if isinstance(error, OSError) else str(error)
            _log.warning("worker.waiting_for", dependency="s3", error=type(error).__name__, why=why)
            await asyncio.sleep(_BUCKETS_RETRY_SECONDS)
        else:
            return


async def report_usage(store: Store, clock: Clock, worker_id: WorkerId, leaving: asyncio.Event) -> None:
    """Have sessions tell the hours that are over (`usage.report.v1`). What is away, or another's by now, waits."""
    while not leaving.is_set():
        hour = clock.now().replace(minute=0, second=0, microsecond=0)
        with suppress(StoreUnavailable):
            due = await store.usage.due(hour, worker_id, _AT_ONCE)
            results = await asyncio.gather(
                *(store.commit(fence, ReportUsage(before=hour)) for fence in due), return_exceptions=True
            )
            _log_failures(results)
        with suppress(TimeoutError):
            async with asyncio.timeout(USAGE_SECONDS):
                await leaving.wait()


def _log_failures(outcomes: Iterable[object]) -> None:
    for each in outcomes:
        match each:
            case StaleEpoch() | StoreUnavailable():
                continue  # whoever owns it tells it, or the next look does
            case BaseException():
                _log.error("usage.not_told", error=type(each).__name__, exc_info=each)
            case _:
                continue


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
