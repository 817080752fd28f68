"""The life of a worker: everything is started in order and stopped in reverse.

A crash of any service ends the worker: what was under way is not settled, and the broker delivers it again.
"""

import asyncio
import errno
import os
import secrets
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

import structlog

from gateway_worker import __version__
from gateway_worker.app import probes
from gateway_worker.app.errors import Misconfigured
from gateway_worker.app.infrastructure import build_infrastructure
from gateway_worker.app.leaving import Leaving, begin_anew, close, end, end_process_soon
from gateway_worker.app.services import build_services
from gateway_worker.app.upkeep import insist, make_buckets, prune, report_usage
from gateway_worker.app.worker_status import WorkerStatus
from gateway_worker.events.registry import Registry
from gateway_worker.events.replay import Replayer
from gateway_worker.operations.metrics import WorkerMetrics
from gateway_worker.settings.settings import Settings
from gateway_worker.store.errors import StoreUnavailable, WentBack
from gateway_worker.timing.clock import SystemClock
from gateway_worker.timing.traces import Exporting
from schemas.names import WorkerId
from schemas.results import WorkerDescription

_log = structlog.get_logger()

FLUSH_SECONDS: Final = 5.0  # for the last events, when leaving with everything at hand


class Worker:
    """Everything of one worker. Build it, `run` it once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._worker_id = WorkerId(settings.worker_id)
        self._incarnation = secrets.token_hex(8)
        self._leaving = asyncio.Event()
        self._registered = False
        self._running: list[asyncio.Task[None]] = []
        self._tending: list[asyncio.Task[None]] = []
        self._reporting: asyncio.Task[None] | None = None
        self._traces = Exporting("gateway-worker", settings.worker_id, __version__, os.environ)
        clock, metrics = SystemClock(), WorkerMetrics()
        self._infrastructure = infrastructure = build_infrastructure(settings, clock)
        infrastructure.store.lease.on_lapse(metrics.lease_lapsed)
        self._services = services = build_services(settings, infrastructure, metrics, self._incarnation)
        services.consumers.serve(
            services.manager, self, Replayer(infrastructure.store.outbox, services.publisher).replay
        )
        self._worker_status = status = WorkerStatus(settings, services.manager, infrastructure.engine, clock)
        self._registry = Registry(
            services.announcer, infrastructure.cache, registration=status.registration, heartbeat=status.heartbeat
        )
        self._checks = probes.checks_of(infrastructure, services.watch)
        probes.observe(metrics, infrastructure, services, status)
        self._server = probes.server_of(self._checks, metrics, status)

    def leave(self) -> None:
        """Stop in good order; called again, end at once."""
        if self._leaving.is_set():
            os._exit(130)
        _log.info("worker.leaving")
        self._worker_status.leaving = True
        self._leaving.set()

    @property
    def is_leaving(self) -> bool:
        """Whether it was told to."""
        return self._leaving.is_set()

    async def drain(self) -> None:
        """Take no more sessions, hand over those that are here, and say so everywhere; idempotent.

        Raises:
            StoreUnavailable: nothing has been done: others must not count on room here any more.
        """
        await self._infrastructure.store.workers.draining(self._worker_id, self._incarnation)
        self._worker_status.leaving = self._checks.draining = True
        self._services.manager.drain()
        self._registry.beat_now()

    def describe(self) -> WorkerDescription:
        """What it holds at this moment."""
        return self._worker_status.description()

    async def run(self) -> None:
        """Start, serve until `leave`, stop."""
        port = await self._listen()
        _log.info("worker.starting", http_port=port, version=__version__)
        infrastructure = self._infrastructure
        code, goes_on = 1, False
        try:
            async with asyncio.TaskGroup() as services:
                await self._serve(services, port)
            code = 0
            await self._traces.close()
        except BaseExceptionGroup as group:
            goes_on = group.subgroup(WentBack) is not None
            raise
        finally:
            await close(
                *(
                    opened.stop()
                    for opened in (self._server, infrastructure.cache, infrastructure.s3, infrastructure.downloads)
                )
            )
            end_process_soon(lambda: begin_anew() if goes_on and not self.is_leaving else os._exit(code))

    async def _serve(self, group: asyncio.TaskGroup, port: int) -> None:
        starting = group.create_task(self._start(group))
        leaving = group.create_task(self._leaving.wait())
        await asyncio.wait({starting, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and not starting.cancelled() and starting.exception() is None:
            self._server.ready = True
            _log.info("worker.ready", http_port=port, version=__version__, incarnation=self._incarnation)
        await leaving
        await end([starting])
        await self._leave(group)

    async def _start(self, group: asyncio.TaskGroup) -> None:
        """From the ground up; each step waits for what it needs."""
        infrastructure, services = self._infrastructure, self._services

        def run(service: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
            self._running.append(group.create_task(service))
            return self._running[-1]

        await self._open_spool()
        database = str(self._settings.database_url)
        await insist(infrastructure.store.start, database)
        run(infrastructure.store.run())
        run(infrastructure.publishing.run())
        await insist(services.continuity.settle, database)  # before anything is written: that moves the position
        run(services.continuity.run())
        await insist(self._register, database)
        run(prune(infrastructure.store, self._leaving))
        run(report_usage(infrastructure.store, infrastructure.clock, self._worker_id, self._leaving))
        run(services.snapshots.run())
        self._tending = [
            run(make_buckets(infrastructure.buckets, self._settings.s3_endpoint)),
            run(services.media.run()),
            run(services.janitor.run()),
        ]
        for service in (
            infrastructure.consuming, infrastructure.engine, services.relay, services.consumers, services.manager
        ):  # fmt: skip
            run(service.run())
        await infrastructure.engine.ready()
        await services.consumers.open()
        self._reporting = run(self._registry.run())
        self._tending.append(run(services.watch.run()))

    async def _leave(self, group: asyncio.TaskGroup) -> None:
        """From the roof down: take nothing new, settle, close sockets, give sessions back, tell what is left."""
        self._checks.draining = True
        self._server.ready = False
        self._services.manager.take_no_more()
        leaving = Leaving(self._checks.of_services, hurry=self._services.consumers.let_go)
        looking = group.create_task(leaving.look())
        await leaving.settle(self._settle())
        await leaving.give_back(self._give_back())
        looking.cancel()
        await leaving.shut(self._shut())
        await end(self._running)
        _log.info("worker.left")

    async def _settle(self) -> None:
        if self._registered:
            with suppress(StoreUnavailable):
                await self._infrastructure.store.workers.draining(self._worker_id, self._incarnation)
        await self._services.consumers.stop()

    async def _give_back(self) -> None:
        infrastructure, services = self._infrastructure, self._services
        await services.manager.stop()
        await services.snapshots.stop()
        for task in self._tending:
            task.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await services.relay.all_flushed()
        await self._registry.stop()
        if self._reporting is not None:
            await asyncio.wait({self._reporting}, timeout=FLUSH_SECONDS)
            self._reporting.cancel()  # a broker that is away is told nothing
        await services.relay.stop()
        if self._registered:
            with suppress(StoreUnavailable):
                await infrastructure.store.workers.stopped(self._worker_id, self._incarnation)

    async def _shut(self) -> None:
        infrastructure = self._infrastructure
        self._services.continuity.stop()
        for service in (
            infrastructure.engine,
            infrastructure.consuming,
            infrastructure.publishing,
            infrastructure.store,
        ):
            await service.stop()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _listen(self) -> int:
        host, port = self._settings.http_host, self._settings.http_port
        try:
            return await self._server.start(host, port)
        except OSError as error:
            name = "GATEWAY_HTTP_PORT" if error.errno in {errno.EADDRINUSE, errno.EACCES} else "GATEWAY_HTTP_HOST"
            raise Misconfigured(f"{name}: cannot listen at {host}:{port}: {error.strerror or error}") from error

    async def _open_spool(self) -> None:
        try:
            await asyncio.to_thread(self._infrastructure.spool.open)
        except OSError as error:
            where = self._settings.own_spool
            raise Misconfigured(f"GATEWAY_MEDIA_SPOOL: {where} cannot be used: {error.strerror or error}") from error

    async def _register(self) -> None:
        await self._infrastructure.store.workers.register(
            self._worker_id,
            self._incarnation,
            endpoint=self._worker_status.registration.endpoint,
            max_sessions=self._settings.max_sessions,
            version=__version__,
        )
        self._registered = True
