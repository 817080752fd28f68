"""The composition root: builds the rooms, starts them in order, stops them in reverse. The only place that knows all.

A crash of any service ends the worker: what was under way is not settled, and the broker delivers it again.
"""

import asyncio
import os
import random
import secrets
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar, cast

import structlog
import uvloop

from consumers import service as arrivals
from gateway_worker import __version__
from gateway_worker.broker.errors import TopologyMismatch
from gateway_worker.broker.ids import uuid7
from gateway_worker.broker.link import Link
from gateway_worker.cache.client import Cache
from gateway_worker.connections.gate import OpeningGate
from gateway_worker.connections.identities import MappingForm
from gateway_worker.connections.manager import ConnectionManager
from gateway_worker.connections.media_janitor import MediaJanitor
from gateway_worker.connections.media_jobs import MediaRunner
from gateway_worker.connections.snapshots import Identity as SnapshotIdentity
from gateway_worker.connections.snapshots import SnapshotKeeper
from gateway_worker.connections.surroundings import Surroundings
from gateway_worker.events.announcer import Announcer
from gateway_worker.events.publisher import Publisher
from gateway_worker.events.registry import Registry
from gateway_worker.events.relay import Relay
from gateway_worker.events.replay import Replayer
from gateway_worker.media.bench import Bench
from gateway_worker.media.fetching import Fetcher
from gateway_worker.media.preparing import Preparation
from gateway_worker.media.spool import Spool
from gateway_worker.objects.buckets import Buckets
from gateway_worker.objects.client import S3Client
from gateway_worker.objects.media import MediaObjects
from gateway_worker.objects.received import ReceivedObjects
from gateway_worker.objects.snapshots import SnapshotObjects
from gateway_worker.operations import logs
from gateway_worker.operations.health import Check, HealthChecks
from gateway_worker.operations.metrics import BridgeReading, Readings, WorkerMetrics
from gateway_worker.operations.resources import ResourceMeter
from gateway_worker.operations.server import HealthServer, Identity
from gateway_worker.settings import Settings
from gateway_worker.store.errors import StoreError, StoreUnavailable
from gateway_worker.store.store import Store
from gateway_worker.whatsapp.baileys import identity
from gateway_worker.whatsapp.baileys.configuration import Configuration
from gateway_worker.whatsapp.baileys.engine import BaileysEngine
from gateway_worker.whatsapp.downloads import Downloads
from schemas.channels import Topology
from schemas.events import SessionState, WorkerHeartbeat, WorkerRegistered, WorkerState
from schemas.events import WorkerMetrics as Pulse
from schemas.names import WorkerId
from schemas.results import WorkerDescription

log = structlog.get_logger(__name__)
T = TypeVar("T")

OPENING_AT_ONCE: Final = 24  # sessions that connect side by side after a start
OPENING_SECONDS: Final = 5.0  # one that takes longer no longer holds up the others
FLUSH_SECONDS: Final = 5.0  # for the last events, when leaving
_RETRY_SECONDS: Final = 1.0
_MIB: Final = 1024 * 1024
_PRUNE_SECONDS: Final = 3600.0
_MAX_DESCRIBED: Final = 1_000  # sessions named in `worker.describe`
_REFUSED = (StoreError, TopologyMismatch)


class SystemClock:
    """Time as the machine tells it."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


class Worker:
    """Everything of one worker. Build it, `run` it once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._worker_id = WorkerId(settings.worker_id)
        self._incarnation = secrets.token_hex(8)
        self._clock = SystemClock()
        self._started_at = self._clock.monotonic()
        self._leaving = asyncio.Event()
        self._draining = False
        self._tending: list[asyncio.Task[None]] = []
        self._telling: asyncio.Task[None] | None = None
        self.metrics = WorkerMetrics()
        self._meter = ResourceMeter()
        self._build_below()
        self._build_above()

    def _build_below(self) -> None:
        """What holds and carries: databases, broker, WhatsApp."""
        settings = self._settings
        self._topology = Topology(settings.namespace, settings.backend_queue_name)
        self._store = Store(
            str(settings.database_url),
            encryption_keys=settings.raw_encryption_keys,
            clock=self._clock,
            message_retention=timedelta(days=settings.message_retention_days),
        )
        self._cache = Cache(str(settings.redis_url))
        self._s3 = S3Client(**settings.s3)
        self._spool = Spool(settings.own_spool, settings.media_spool_mb * _MIB)
        self._files = Preparation(
            spool=self._spool,
            fetcher=Fetcher(allow_private=settings.media_allow_private),
            bucket=MediaObjects(self._s3, settings.media_bucket),
            bench=Bench(),
            max_document=settings.media_max_mb * _MIB,
        )
        self._buckets = Buckets(self._s3, (settings.sessions_bucket, settings.media_bucket))
        self._consuming = Link(str(settings.amqp_url), name=f"{self._worker_id} consume")
        self._publishing = Link(str(settings.amqp_url), name=f"{self._worker_id} publish")
        self._engine = BaileysEngine(
            bridges=settings.bridges,
            configuration=Configuration(
                url=settings.whatsapp_url, root_key=settings.whatsapp_root_key, version=settings.whatsapp_version
            ),
            lease=self._store.lease,
        )
        for listener in (self._engine.fence, self.metrics.lease_lapsed):
            self._store.lease.on_lapse(listener)

    def _build_above(self) -> None:
        """What decides: events, sessions, consumers, probes."""
        settings, clock = self._settings, self._clock
        publisher = Publisher(self._publishing, self._topology)
        self._relay = Relay(
            self._store.outbox,
            publisher,
            namespace=settings.namespace,
            clock=clock,
            lease=self._store.lease,
            keeps_unroutable=settings.backend_queue_name is not None,
            observer=self.metrics,
        )
        self._store.lease.on_lapse(self._relay.fence)
        announcer = Announcer(publisher, self._relay, namespace=settings.namespace, clock=clock, new_id=uuid7)
        self._consumers = arrivals.Consumers(
            arrivals.Surroundings(
                link=self._consuming,
                topology=self._topology,
                publisher=publisher,
                ledger=self._store.commands,
                worker_id=self._worker_id,
                now=clock.now,
                monotonic=clock.monotonic,
                new_id=uuid7,
                observer=self.metrics,
            )
        )
        self._snapshots = SnapshotKeeper(
            records=self._store.snapshots,
            bucket=SnapshotObjects(self._s3, settings.sessions_bucket),
            identity=SnapshotIdentity(kinds=identity.KINDS, urgent_kinds=identity.URGENT_KINDS, mark=identity.mark),
            observer=self.metrics,
            monotonic=clock.monotonic,
        )
        self._downloads = Downloads(self._engine.media_trust)
        received = ReceivedObjects(self._s3, settings.media_bucket)
        self._media = MediaRunner(rows=self._store.media, downloads=self._downloads, bucket=received, now=clock.now)
        self._janitor = MediaJanitor(
            rows=self._store.media,
            bucket=received,
            keeps=timedelta(days=settings.media_retention_days),
            now=clock.now,
        )
        self._manager = ConnectionManager(
            Surroundings(
                storage=self._store,
                cache=self._cache,
                engine=self._engine,
                files=self._files,
                media=self._media,
                doors=self._consumers.session_doors,
                announcer=announcer,
                snapshots=self._snapshots,
                observer=self.metrics,
                clock=clock,
                rng=random.Random(),  # noqa: S311 (jitter)
                gate=OpeningGate(OPENING_AT_ONCE, OPENING_SECONDS),
                worker_id=self._worker_id,
                mappings=MappingForm(kind=identity.MAPPING_KIND, id_of=identity.mapping_id, read=identity.mappings),
            ),
            incarnation=self._incarnation,
            max_sessions=settings.max_sessions,
            capacity_changed=self._consumers.capacity_changed,
        )
        self._store.lease.on_return(self._manager.look_again)
        self._consumers.serve(self._manager, self, Replayer(self._store.outbox, publisher).replay)
        self._registry = Registry(announcer, self._cache, card=self._card(), pulse=self._pulse)
        self._build_probes()

    def _build_probes(self) -> None:
        self._checks = HealthChecks(
            [
                Check(name="postgresql", required=True, ask=self._store.check),
                Check(name="rabbitmq", required=True, ask=self._ask_broker),
                Check(name="redis", required=False, ask=self._cache.check),
                Check(name="s3", required=False, ask=self._buckets.check),
                Check(name="bridges", required=True, ask=self._ask_bridges),
            ]
        )
        self.metrics.observe(
            Readings(
                sessions_by_state=self._sessions_by_state,
                bridges=self._bridge_readings,
                outbox_backlog=lambda: self._relay.backlog,
                snapshots_late_seconds=lambda: self._snapshots.late_seconds,
                lease_seconds=lambda: self._store.lease.remaining,
            ),
            version=__version__,
        )
        self._server = HealthServer(
            identity=Identity(worker_id=self._worker_id, version=__version__),
            checks=self._checks,
            sessions_by_state=self._sessions_by_state,
            registry=self.metrics.registry,
        )

    def leave(self) -> None:
        """Stop in good order; called again, end at once."""
        if self._leaving.is_set():
            os._exit(130)
        log.info("worker.leaving")
        self._leaving.set()

    async def drain(self) -> None:
        """Take no more sessions, hand over those that are here, and say so everywhere; idempotent.

        Raises:
            StoreUnavailable: nothing has been done: others must not count on room here any more.
        """
        await self._store.workers.draining(self._worker_id, self._incarnation)
        self._draining = True
        self._checks.draining = True
        self._manager.drain()
        self._registry.beat_now()

    async def run(self) -> None:
        """Start, serve until `leave`, stop."""
        port = await self._server.start(self._settings.http_host, self._settings.http_port)
        try:
            async with asyncio.TaskGroup() as services:
                await self._serve(services, port)
        finally:
            await self._server.stop()
            await self._cache.stop()
            await self._s3.stop()
            await self._downloads.stop()

    async def _serve(self, services: asyncio.TaskGroup, port: int) -> None:
        starting = services.create_task(self._start(services))
        leaving = services.create_task(self._leaving.wait())
        await asyncio.wait({starting, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and not starting.cancelled() and starting.exception() is None:
            self._server.ready = True
            log.info("worker.ready", http_port=port, version=__version__, incarnation=self._incarnation)
        await leaving
        starting.cancel()
        with suppress(asyncio.CancelledError):
            await starting
        await self._stop()

    async def _start(self, services: asyncio.TaskGroup) -> None:
        """From the ground up; each step waits for what it needs."""
        await asyncio.to_thread(self._spool.open)
        await self._insist("postgresql", self._store.start)
        services.create_task(self._store.run())
        await self._insist("postgresql", self._register)
        services.create_task(self._ensure_buckets())
        services.create_task(self._prune())
        services.create_task(self._snapshots.run())
        self._tending = [services.create_task(service.run()) for service in (self._media, self._janitor)]
        for service in (self._publishing, self._consuming, self._engine, self._relay, self._consumers, self._manager):
            services.create_task(service.run())
        await self._engine.ready()
        await self._consumers.open()
        self._telling = services.create_task(self._registry.run())

    async def _stop(self) -> None:
        """From the roof down: take nothing new, settle, close sockets, give sessions back, tell what is left."""
        self._checks.draining = True
        self._server.ready = False
        self._manager.take_no_more()
        with suppress(StoreUnavailable):
            await self._store.workers.draining(self._worker_id, self._incarnation)
        await self._consumers.stop()
        await self._manager.stop()
        await self._snapshots.stop()
        for task in self._tending:
            task.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._relay.all_flushed()
        await self._registry.stop()
        if self._telling is not None:
            await asyncio.wait({self._telling}, timeout=FLUSH_SECONDS)
            self._telling.cancel()  # a broker that is away is told nothing
        await self._relay.stop()
        await self._engine.stop()
        with suppress(StoreUnavailable):
            await self._store.workers.stopped(self._worker_id, self._incarnation)
        await self._consuming.stop()
        await self._publishing.stop()
        await self._store.stop()
        log.info("worker.left")

    async def _register(self) -> None:
        settings = self._settings
        await self._store.workers.register(
            self._worker_id,
            self._incarnation,
            endpoint=self._card().endpoint,
            max_sessions=settings.max_sessions,
            version=__version__,
        )

    async def _insist(self, what: str, start: Callable[[], Awaitable[T]]) -> T:
        """Call until the dependency is there."""
        while True:
            try:
                return await start()
            except StoreUnavailable:
                log.warning("worker.waiting_for", dependency=what)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _ensure_buckets(self) -> None:
        """Make the buckets. Media and snapshots need them; messages do not, so nothing waits for it."""
        while True:
            try:
                await self._buckets.ensure()
            except Exception as error:  # noqa: BLE001 (whatever the driver raises: not there yet)
                log.warning("worker.waiting_for", dependency="s3", error=type(error).__name__)
                await asyncio.sleep(10 * _RETRY_SECONDS)
            else:
                return

    async def _prune(self) -> None:
        """Prune the store, hour by hour. Workers that do it side by side do not disturb each other."""
        while not self._leaving.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_PRUNE_SECONDS):
                    await self._leaving.wait()
                return
            try:
                pruned = await self._store.prune()
            except StoreUnavailable:
                continue  # in an hour then
            log.info("store.pruned", **pruned)

    async def _ask_broker(self) -> None:
        if not (self._consuming.is_up and self._publishing.is_up):
            raise ConnectionError

    async def _ask_bridges(self) -> None:
        if not any(report.up for report in self._engine.describe()):
            raise ConnectionError

    def _card(self) -> WorkerRegistered:
        settings = self._settings
        return WorkerRegistered(
            worker_id=self._worker_id,
            endpoint=f"http://{settings.http_host}:{settings.http_port}",
            max_sessions=settings.max_sessions,
            version=__version__,
        )

    def _pulse(self) -> WorkerHeartbeat:
        resources, by_state = self._meter.read(), self._sessions_by_state()
        return WorkerHeartbeat(
            worker_id=self._worker_id,
            status=self._status(),
            metrics=Pulse(
                session_count=sum(by_state.values()),
                max_sessions=self._settings.max_sessions,
                active_connections=by_state.get(SessionState.CONNECTED, 0),
                cpu_usage=resources.cpu_percent,
                memory_usage=resources.memory_percent,
            ),
        )

    def describe(self) -> WorkerDescription:
        """What it holds at this moment."""
        held, by_state = self._manager.session_ids(), self._manager.sessions_by_state()
        return WorkerDescription(
            worker_id=self._worker_id,
            status=self._status(),
            version=__version__,
            endpoint=self._card().endpoint,
            max_sessions=self._settings.max_sessions,
            session_count=len(held),
            uptime_seconds=int(self._clock.monotonic() - self._started_at),
            sessions_by_state={SessionState(state): count for state, count in by_state.items()},
            sessions=held[:_MAX_DESCRIBED],
        )

    def _status(self) -> WorkerState:
        return WorkerState.DRAINING if self._draining or self._leaving.is_set() else WorkerState.ONLINE

    def _sessions_by_state(self) -> dict[str, int]:
        return {state.value: count for state, count in self._manager.sessions_by_state().items()}

    def _bridge_readings(self) -> Iterator[BridgeReading]:
        for report in self._engine.describe():
            yield BridgeReading(
                name=report.name,
                up=report.up,
                sessions=report.sessions,
                resident_bytes=report.resident_bytes,
                cpu_seconds=report.cpu_seconds,
                restarts=report.restarts,
                loop_lag_seconds=report.loop_lag_seconds,
            )


def serve(settings: Settings) -> int:
    """Run a worker to its end; the exit code: 0 left in good order, 1 could not start or crashed, 2 misconfigured."""
    logs.configure(settings.log_level, settings.log_format, worker_id=settings.worker_id)
    if not settings.encryption_keys:
        log.error("worker.refused", error="GATEWAY_ENCRYPTION_KEYS is not set: openssl rand -base64 32")
        return 2
    try:
        uvloop.run(_run(settings))
    except BaseExceptionGroup as group:
        for error in leaves(group):
            _log_end(error)
        return 1
    return 0


def _log_end(error: BaseException) -> None:
    """What ended the worker: something a person must put right, or a crash with its trace."""
    if isinstance(error, _REFUSED):
        log.error("worker.refused", error=str(error))
    else:
        log.error("worker.crashed", exc_info=error)


async def _run(settings: Settings) -> None:
    worker = Worker(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.leave)
    await worker.run()


def leaves(error: BaseException) -> Iterable[BaseException]:
    """The errors in an exception group, however deep."""
    if isinstance(error, BaseExceptionGroup):
        for each in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from leaves(each)
    else:
        yield error
