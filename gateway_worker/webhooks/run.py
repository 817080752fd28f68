"""Running webhooks as a process: signals in, an exit code out."""

import asyncio
import os
import random
import signal
from typing import Any, Final

import structlog
import uvloop

from gateway_worker import __version__
from gateway_worker.client import AccessRefusedError, ClientError, NotPermittedError
from gateway_worker.operations import logs
from gateway_worker.operations.failures import leaves
from gateway_worker.settings.settings import Settings
from gateway_worker.timing.clock import SystemClock
from gateway_worker.timing.traces import Exporting
from gateway_worker.webhooks.configuration import Configuration, load
from gateway_worker.webhooks.service import Webhooks

_log = structlog.get_logger()

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_RIGHTS: Final = "the rights of a backend are needed: gateway-worker topology --definitions"


def configured(settings: Settings) -> Configuration:
    """Who is to be called. Raises ConfigurationError."""
    backend: dict[str, Any] = {}
    if settings.webhooks_backend_url is not None:
        backend = {
            "url": settings.webhooks_backend_url.get_secret_value(),
            "token": settings.webhooks_backend_token,
            "secrets": settings.webhooks_backend_secrets,
            "allow_private": settings.webhooks_allow_private,
        }
    return load(settings.webhooks_file, backend)


def serve(settings: Settings, wanted: Configuration) -> int:
    """Run it to its end; the exit code: 0 left in good order, 1 could not start or crashed, 2 misconfigured."""
    logs.configure(settings.log_level, settings.log_format, worker_id="webhooks")
    try:
        uvloop.run(_run(settings, wanted))
    except BaseException as error:  # noqa: BLE001 (each is told, and becomes the exit code)
        return max(_report(each, settings) for each in leaves(error))
    return 0


async def _run(settings: Settings, wanted: Configuration) -> None:
    webhooks = Webhooks(
        wanted,
        amqp_url=settings.amqp_url,
        namespace=settings.namespace,
        listen=(settings.http_host, settings.webhooks_http_port),
        clock=SystemClock(),
        chance=random.Random(),  # noqa: S311 (pauses)
    )
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, webhooks.leave)
    traces = Exporting("gateway-webhooks", "webhooks", __version__, os.environ)
    try:
        await webhooks.run()
    finally:
        await traces.close()


def _report(error: BaseException, settings: Settings) -> int:
    match error:
        case AccessRefusedError():
            _log.error("webhooks.refused", error=str(error))
            return 2
        case NotPermittedError():
            _log.error("webhooks.refused", error=f"{error}: {_RIGHTS}")
            return 2
        case ClientError():
            _log.error("webhooks.refused", error=str(error))
            return 1
        case OSError():
            where = f"{settings.http_host}:{settings.webhooks_http_port}"
            _log.error(
                "webhooks.refused", error=f"cannot listen at {where} ({error.strerror}): GATEWAY_WEBHOOKS_HTTP_PORT"
            )
            return 2
        case _:
            _log.error("webhooks.crashed", exc_info=error)
            return 1
