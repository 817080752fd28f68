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
from gateway_worker.app.clock import SystemClock
from gateway_worker.app.errors import Misconfigured
from gateway_worker.app.ground import lay
from gateway_worker.app.leaving import Leaving, begin_anew, close, end, end_process_soon
from gateway_worker.app.rooms import furnish
from gateway_worker.app.standing import Standing
from gateway_worker.app.upkeep import insist, make_buckets, prune
from gateway_worker.events.registry import Registry
from gateway_worker.events.replay import Replayer
from gateway_worker.operations.metrics import WorkerMetrics
from gateway_worker.settings import Settings
from gateway_worker.store.errors import StoreUnavailable, WentBack
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
        self._services: list[asyncio.Task[None]] = []
        self._tending: list[asyncio.Task[None]] = []
        self._telling: asyncio.Task[None] | None = None
        clock, metrics = SystemClock(), WorkerMetrics()
        self._ground = ground = lay(settings, clock)
        ground.store.lease.on_lapse(metrics.lease_lapsed)
        self._rooms = rooms = furnish(settings, ground, metrics, self._incarnation)
        rooms.consumers.serve(rooms.manager, self, Replayer(ground.store.outbox, rooms.publisher).replay)
        self._standing = standing = Standing(settings, rooms.manager, ground.engine, clock)
        self._registry = Registry(rooms.announcer, ground.cache, card=standing.card, pulse=standing.pulse)
        self._checks = probes.checks_of(ground, rooms.watch)
        probes.observe(metrics, ground, rooms, standing)
        self._server = probes.server_of(self._checks, metrics, standing)

    def leave(self) -> None:
        """Stop in good order; called again, end at once."""
        if self._leaving.is_set():
            os._exit(130)
        _log.info("worker.leaving")
        self._standing.leaving = True
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
        await self._ground.store.workers.draining(self._worker_id, self._incarnation)
        self._standing.leaving = self._checks.draining = True
        self._rooms.manager.drain()
        self._registry.beat_now()

    def describe(self) -> WorkerDescription:
        """What it holds at this moment."""
        return self._standing.description()

    async def run(self) -> None:
        """Start, serve until `leave`, stop."""
        port = await self._listen()
        _log.info("worker.starting", http_port=port, version=__version__)
        ground = self._ground
        code, goes_on = 1, False
        try:
            async with asyncio.TaskGroup() as services:
                await self._serve(services, port)
            code = 0
        except BaseExceptionGroup as group:
            goes_on = group.subgroup(WentBack) is not None
            raise
        finally:
            await close(*(opened.stop() for opened in (self._server, ground.cache, ground.s3, ground.downloads)))
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
        ground, rooms = self._ground, self._rooms

        def run(service: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
            self._services.append(group.create_task(service))
            return self._services[-1]

        await self._open_spool()
        database = str(self._settings.database_url)
        await insist(ground.store.start, database)
        run(ground.store.run())
        run(ground.publishing.run())
        await insist(rooms.continuity.settle, database)  # before anything is written: that moves the position
        run(rooms.continuity.run())
        await insist(self._register, database)
        run(prune(ground.store, self._leaving))
        run(rooms.snapshots.run())
        self._tending = [run(make_buckets(ground.buckets)), run(rooms.media.run()), run(rooms.janitor.run())]
        for service in (
            ground.consuming, ground.engine, rooms.relay, rooms.consumers, rooms.manager
        ):  # fmt: skip
            run(service.run())
        await ground.engine.ready()
        await rooms.consumers.open()
        self._telling = run(self._registry.run())
        self._tending.append(run(rooms.watch.run()))

    async def _leave(self, group: asyncio.TaskGroup) -> None:
        """From the roof down: take nothing new, settle, close sockets, give sessions back, tell what is left."""
        self._checks.draining = True
        self._server.ready = False
        self._rooms.manager.take_no_more()
        leaving = Leaving(self._checks.of_services, hurry=self._rooms.consumers.let_go)
        looking = group.create_task(leaving.look())
        await leaving.settle(self._settle())
        await leaving.give_back(self._give_back())
        looking.cancel()
        await leaving.shut(self._shut())
        await end(self._services)
        _log.info("worker.left")

    async def _settle(self) -> None:
        if self._registered:
            with suppress(StoreUnavailable):
                await self._ground.store.workers.draining(self._worker_id, self._incarnation)
        await self._rooms.consumers.stop()

    async def _give_back(self) -> None:
        ground, rooms = self._ground, self._rooms
        await rooms.manager.stop()
        await rooms.snapshots.stop()
        for task in self._tending:
            task.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await rooms.relay.all_flushed()
        await self._registry.stop()
        if self._telling is not None:
            await asyncio.wait({self._telling}, timeout=FLUSH_SECONDS)
            self._telling.cancel()  # a broker that is away is told nothing
        await rooms.relay.stop()
        if self._registered:
            with suppress(StoreUnavailable):
                await ground.store.workers.stopped(self._worker_id, self._incarnation)

    async def _shut(self) -> None:
        ground = self._ground
        self._rooms.continuity.stop()
        for service in (ground.engine, ground.consuming, ground.publishing, ground.store):
            await service.stop()
        await asyncio.gather(*self._services, return_exceptions=True)

    async def _listen(self) -> int:
        host, port = self._settings.http_host, self._settings.http_port
        try:
            return await self._server.start(host, port)
        except OSError as error:
            name = "GATEWAY_HTTP_PORT" if error.errno in {errno.EADDRINUSE, errno.EACCES} else "GATEWAY_HTTP_HOST"
            raise Misconfigured(f"{name}: cannot listen at {host}:{port}: {error.strerror or error}") from error

    async def _open_spool(self) -> None:
        try:
            await asyncio.to_thread(self._ground.spool.open)
        except OSError as error:
            where = self._settings.own_spool
            raise Misconfigured(f"GATEWAY_MEDIA_SPOOL: {where} cannot be used: {error.strerror or error}") from error

    async def _register(self) -> None:
        await self._ground.store.workers.register(
            self._worker_id,
            self._incarnation,
            endpoint=self._standing.card.endpoint,
            max_sessions=self._settings.max_sessions,
            version=__version__,
        )
        self._registered = True
