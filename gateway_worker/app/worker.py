"""The life of a worker: everything is started in order and stopped in reverse.

A crash of any service ends the worker: what was under way is not settled, and the broker delivers it again.
"""

import asyncio
import os
import secrets
from contextlib import suppress
from typing import Final

import structlog

from gateway_worker import __version__
from gateway_worker.app import probes
from gateway_worker.app.clock import SystemClock
from gateway_worker.app.ground import lay
from gateway_worker.app.rooms import furnish
from gateway_worker.app.standing import Standing
from gateway_worker.app.upkeep import insist, make_buckets, prune
from gateway_worker.events.registry import Registry
from gateway_worker.events.replay import Replayer
from gateway_worker.operations.metrics import WorkerMetrics
from gateway_worker.settings import Settings
from gateway_worker.store.errors import StoreUnavailable
from schemas.names import WorkerId
from schemas.results import WorkerDescription

_log = structlog.get_logger()

FLUSH_SECONDS: Final = 5.0  # for the last events, when leaving


class Worker:
    """Everything of one worker. Build it, `run` it once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._worker_id = WorkerId(settings.worker_id)
        self._incarnation = secrets.token_hex(8)
        self._leaving = asyncio.Event()
        self._tending: list[asyncio.Task[None]] = []
        self._telling: asyncio.Task[None] | None = None
        clock, metrics = SystemClock(), WorkerMetrics()
        self._ground = ground = lay(settings, clock)
        ground.store.lease.on_lapse(metrics.lease_lapsed)
        self._rooms = rooms = furnish(settings, ground, metrics, self._incarnation)
        rooms.consumers.serve(rooms.manager, self, Replayer(ground.store.outbox, rooms.publisher).replay)
        self._standing = standing = Standing(settings, rooms.manager, ground.engine, clock)
        self._registry = Registry(rooms.announcer, ground.cache, card=standing.card, pulse=standing.pulse)
        self._checks = probes.checks_of(ground)
        probes.observe(metrics, ground, rooms, standing)
        self._server = probes.server_of(self._checks, metrics, standing)

    def leave(self) -> None:
        """Stop in good order; called again, end at once."""
        if self._leaving.is_set():
            os._exit(130)
        _log.info("worker.leaving")
        self._standing.leaving = True
        self._leaving.set()

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
        port = await self._server.start(self._settings.http_host, self._settings.http_port)
        ground = self._ground
        try:
            async with asyncio.TaskGroup() as services:
                await self._serve(services, port)
        finally:
            for opened in (self._server, ground.cache, ground.s3, ground.downloads):
                await opened.stop()

    async def _serve(self, services: asyncio.TaskGroup, port: int) -> None:
        starting = services.create_task(self._start(services))
        leaving = services.create_task(self._leaving.wait())
        await asyncio.wait({starting, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and not starting.cancelled() and starting.exception() is None:
            self._server.ready = True
            _log.info("worker.ready", http_port=port, version=__version__, incarnation=self._incarnation)
        await leaving
        starting.cancel()
        with suppress(asyncio.CancelledError):
            await starting
        await self._stop()

    async def _start(self, services: asyncio.TaskGroup) -> None:
        """From the ground up; each step waits for what it needs."""
        ground, rooms = self._ground, self._rooms
        await asyncio.to_thread(ground.spool.open)
        await insist(ground.store.start)
        services.create_task(ground.store.run())
        await insist(self._register)
        services.create_task(make_buckets(ground.buckets))
        services.create_task(prune(ground.store, self._leaving))
        services.create_task(rooms.snapshots.run())
        self._tending = [services.create_task(service.run()) for service in (rooms.media, rooms.janitor)]
        for service in (
            ground.publishing, ground.consuming, ground.engine, rooms.relay, rooms.consumers, rooms.manager
        ):  # fmt: skip
            services.create_task(service.run())
        await ground.engine.ready()
        await rooms.consumers.open()
        self._telling = services.create_task(self._registry.run())

    async def _stop(self) -> None:
        """From the roof down: take nothing new, settle, close sockets, give sessions back, tell what is left."""
        ground, rooms = self._ground, self._rooms
        self._checks.draining = True
        self._server.ready = False
        rooms.manager.take_no_more()
        with suppress(StoreUnavailable):
            await ground.store.workers.draining(self._worker_id, self._incarnation)
        await rooms.consumers.stop()
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
        await ground.engine.stop()
        with suppress(StoreUnavailable):
            await ground.store.workers.stopped(self._worker_id, self._incarnation)
        for service in (ground.consuming, ground.publishing, ground.store):
            await service.stop()
        _log.info("worker.left")

    async def _register(self) -> None:
        await self._ground.store.workers.register(
            self._worker_id,
            self._incarnation,
            endpoint=self._standing.card.endpoint,
            max_sessions=self._settings.max_sessions,
            version=__version__,
        )
