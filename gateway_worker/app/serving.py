"""Running a worker as a process: signals in, an exit code out."""

import asyncio
import signal
from typing import Final

import structlog
import uvloop

from gateway_worker.app.errors import Misconfigured
from gateway_worker.app.leaving import begin_anew
from gateway_worker.app.worker import Worker
from gateway_worker.broker.errors import BrokerRefused, TopologyMismatch
from gateway_worker.operations import logs
from gateway_worker.operations.failures import leaves
from gateway_worker.settings.settings import Settings
from gateway_worker.store.errors import DatabasePooled, DatabaseRefused, StoreError, WentBack
from gateway_worker.store.postgres.driver_errors import complaint

_log = structlog.get_logger()

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def serve(settings: Settings) -> int:
    """Run a worker to its end; the exit code: 0 left in good order, 1 could not start or crashed, 2 misconfigured."""
    logs.configure(settings.log_level, settings.log_format, worker_id=settings.worker_id)
    if not settings.encryption_keys:
        _log.error("worker.refused", error="GATEWAY_ENCRYPTION_KEYS is not set: openssl rand -base64 32")
        return 2
    try:
        uvloop.run(_run(settings))
    except BaseExceptionGroup as group:
        errors = list(leaves(group))
        ends = [_report(error, settings) for error in errors]
        if any(isinstance(error, WentBack) for error in errors):
            begin_anew()
        return 2 if 2 in ends else 1  # noqa: PLR2004 (misconfigured)
    except Misconfigured as error:
        return _report(error, settings)
    return 0


async def _run(settings: Settings) -> None:
    """Run a worker. One that was told to leave does not begin anew, whatever it found out meanwhile."""
    worker = Worker(settings)
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, worker.leave)
    try:
        await worker.run()
    except BaseExceptionGroup as group:
        for number in _SIGNALS:  # from here on they end the process at once: nothing is left to settle
            loop.remove_signal_handler(number)
        rest = group.split(WentBack)[1] if worker.is_leaving else group
        if rest is not None:
            raise rest from None


def _report(error: BaseException, settings: Settings) -> int:
    """Log what ended the worker; the exit code: 2 for settings that are wrong, 1 for all else."""
    match error:
        case Misconfigured() | BrokerRefused() | DatabasePooled():
            _log.error("worker.refused", error=str(error))
            return 2
        case WentBack():
            _log.warning("worker.begins_anew", reason=str(error))
        case DatabaseRefused() | StoreError():
            _log.error("worker.refused", error=complaint(error, str(settings.database_url)))
            return 2 if isinstance(error, DatabaseRefused) else 1
        case TopologyMismatch():
            _log.error("worker.refused", error=str(error))
        case _:
            _log.error("worker.crashed", exc_info=error)
    return 1
