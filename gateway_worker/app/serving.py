"""Running a worker as a process: signals in, an exit code out."""

import asyncio
import signal
from collections.abc import Iterable
from typing import Final, cast

import structlog
import uvloop

from gateway_worker.app.worker import Worker
from gateway_worker.broker.errors import TopologyMismatch
from gateway_worker.operations import logs
from gateway_worker.settings import Settings
from gateway_worker.store.errors import StoreError

_log = structlog.get_logger()

_REFUSED: Final = (StoreError, TopologyMismatch)


def serve(settings: Settings) -> int:
    """Run a worker to its end; the exit code: 0 left in good order, 1 could not start or crashed, 2 misconfigured."""
    logs.configure(settings.log_level, settings.log_format, worker_id=settings.worker_id)
    if not settings.encryption_keys:
        _log.error("worker.refused", error="GATEWAY_ENCRYPTION_KEYS is not set: openssl rand -base64 32")
        return 2
    try:
        uvloop.run(_run(settings))
    except BaseExceptionGroup as group:
        for error in _leaves(group):
            _log_end(error)
        return 1
    return 0


async def _run(settings: Settings) -> None:
    worker = Worker(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.leave)
    await worker.run()


def _log_end(error: BaseException) -> None:
    """What ended the worker: something a person must put right, or a crash with its trace."""
    if isinstance(error, _REFUSED):
        _log.error("worker.refused", error=str(error))
    else:
        _log.error("worker.crashed", exc_info=error)


def _leaves(error: BaseException) -> Iterable[BaseException]:
    """The errors in an exception group, however deep."""
    if isinstance(error, BaseExceptionGroup):
        for each in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from _leaves(each)
    else:
        yield error
