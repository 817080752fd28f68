"""Running the console as a process: settings in, an exit code out."""

import asyncio
import random
import signal
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import aiohttp
import structlog
import uvloop
from aio_pika.exceptions import AMQPConnectionError
from aiohttp import web

from gateway_worker import __version__, dead_queue
from gateway_worker.broker.errors import BrokerLost
from gateway_worker.client import ClientError, Gateway
from gateway_worker.client.background import Background
from gateway_worker.console import phones
from gateway_worker.console.app import application
from gateway_worker.console.files import Files
from gateway_worker.console.metrics import ConsoleMetrics, Readings
from gateway_worker.console.watch.dead import Counts, DeadCounts
from gateway_worker.console.watch.watch import Watch
from gateway_worker.console.web import assets
from gateway_worker.console.web.access import Access, is_loopback
from gateway_worker.console.web.context import Console
from gateway_worker.console.web.rendering import Pages
from gateway_worker.console.web.tokens import EventTokens
from gateway_worker.dead_queue import DeadQueueKind
from gateway_worker.objects.client import S3Client
from gateway_worker.operations import logs
from gateway_worker.settings.settings import Settings
from gateway_worker.timing.clock import SystemClock
from schemas.topology.channels import Topology

_log = structlog.get_logger()

SOURCE: Final = "/console"
_STOP_SECONDS: Final = 3.0


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; the exit code: 0 ended in good order, 1 could not start, 2 misconfigured."""
    logs.configure(settings.log_level, settings.log_format, worker_id="console")
    refused = refusal(settings)
    if refused is not None:
        _log.error("console.refused", error=refused)
        return 2
    try:
        uvloop.run(_run(settings))
    except (ClientError, assets.AssetsMissingError) as trouble:
        _log.error("console.refused", error=str(trouble))
        return 1
    except OSError as trouble:
        where = f"{settings.console_host}:{settings.console_port}"
        why = f"cannot listen at {where} ({trouble.strerror or trouble}): GATEWAY_CONSOLE_HOST, GATEWAY_CONSOLE_PORT"
        _log.error("console.refused", error=why)
        return 2
    return 0


def refusal(settings: Settings) -> str | None:
    """Why it must not start with these settings, if so."""
    if settings.console_token is None and not is_loopback(settings.console_host):
        return (
            "GATEWAY_CONSOLE_HOST is not this machine alone: set GATEWAY_CONSOLE_TOKEN too (openssl rand -hex 32),"
            " and put TLS before it"
        )
    return None


async def _run(settings: Settings) -> None:
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    async with running(settings) as address:
        _log.info("console.ready", address=address, read_only=settings.console_read_only)
        await over.wait()
        _log.info("console.stopping")


@asynccontextmanager
async def running(settings: Settings) -> AsyncGenerator[str]:
    """The console, while the block lasts; its address. Raises ClientError when RabbitMQ does not let us in."""
    files = assets.load()
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(
            Gateway(settings.amqp_url, namespace=settings.namespace, source=SOURCE, name="gateway-worker console")
        )
        watch = Watch(gateway, SystemClock(), random.Random())  # noqa: S311 (pauses between attempts)
        background = await stack.enter_async_context(Background())
        background.start(watch.run())
        console = await _console(stack, settings, gateway, watch, assets.version(files))
        runner = web.AppRunner(
            application(console, dict(files)),
            access_log=None,
            shutdown_timeout=_STOP_SECONDS,
            handler_cancellation=True,
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, settings.console_host, settings.console_port).start()
        yield _address(settings.console_host, int(runner.addresses[0][1]))


async def _console(stack: AsyncExitStack, settings: Settings, gateway: Gateway, watch: Watch, version: str) -> Console:
    files = None
    if settings.s3_access_key.get_secret_value():
        files = Files(S3Client(**settings.s3), settings.media_bucket)
        stack.push_async_callback(files.stop)
    people = None
    if settings.console_simulator is not None:
        patience = aiohttp.ClientTimeout(total=phones.SECONDS)
        people = phones.Phones(
            await stack.enter_async_context(aiohttp.ClientSession(settings.console_simulator, timeout=patience))
        )
    metrics = _metrics_of(watch)
    watch.on_event = metrics.event_received
    key, token = settings.console_events_key, settings.console_token
    topology = Topology(settings.namespace)
    return Console(
        gateway=gateway,
        watch=watch,
        clock=watch.clock,
        pages=Pages(version),
        access=Access(token=None if token is None else token.get_secret_value()),
        topology=topology,
        metrics=metrics,
        dead=DeadCounts(lambda: _count(settings.amqp_url, topology), watch.clock.monotonic),
        amqp_url=settings.amqp_url,
        cookie_name=f"gateway_console_{settings.console_port}",
        files=files,
        phones=people,
        event_tokens=None if key is None else EventTokens(key.get_secret_value()),
        origins=frozenset(settings.console_origins),
        read_only=settings.console_read_only,
    )


def _metrics_of(watch: Watch) -> ConsoleMetrics:
    readings = Readings(
        is_away=lambda: watch.trouble is not None,
        streams=lambda: watch.feed.listeners,
        sessions=lambda: len(watch.fleet.sessions),
        needing_a_person=lambda: len(watch.fleet.for_a_person()),
    )
    return ConsoleMetrics(readings, version=__version__)


async def _count(amqp_url: str, topology: Topology) -> Counts:
    kinds = {"commands": DeadQueueKind.of_commands(topology), "webhooks": DeadQueueKind.of_webhooks(topology)}
    try:
        return dict(zip(kinds, await dead_queue.count(amqp_url, *kinds.values()), strict=True))
    except (BrokerLost, AMQPConnectionError, OSError):
        return dict.fromkeys(kinds)


def _address(host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/"
