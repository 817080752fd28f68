"""What probes and Prometheus see of a worker."""

import asyncio

from gateway_worker import __version__
from gateway_worker.app.ground import Ground
from gateway_worker.app.rooms import Rooms
from gateway_worker.app.standing import Standing
from gateway_worker.broker.watch import TopologyWatch
from gateway_worker.operations.health import Check, HealthChecks, Unwell
from gateway_worker.operations.metrics import Readings, WorkerMetrics
from gateway_worker.operations.server import HealthServer, Identity


def checks_of(ground: Ground, watch: TopologyWatch) -> HealthChecks:
    """What a worker cannot work without, and what it can."""

    async def ask_broker() -> None:
        await asyncio.gather(ground.consuming.ask(), ground.publishing.ask())

    async def ask_for_alarm() -> None:
        if await ground.publishing.is_blocked():
            raise Unwell("RabbitMQ takes no publishes: an alarm of its memory or disk is on")

    async def ask_for_topology() -> None:
        if watch.noted:
            raise Unwell(f"was missing and is declared again: {', '.join(watch.noted)}")

    async def ask_bridges() -> None:
        if not any(report.up for report in ground.engine.describe()):
            raise ConnectionError

    return HealthChecks(
        [
            Check(name="postgresql", required=True, ask=ground.store.check),
            Check(name="rabbitmq", required=True, ask=ask_broker),
            Check(name="publishing", required=False, ask=ask_for_alarm),
            Check(name="topology", required=False, ask=ask_for_topology, is_service=False),
            Check(name="redis", required=False, ask=ground.cache.check),
            Check(name="s3", required=False, ask=ground.buckets.check),
            Check(name="bridges", required=True, ask=ask_bridges, is_service=False),
        ]
    )


def observe(metrics: WorkerMetrics, ground: Ground, rooms: Rooms, standing: Standing) -> None:
    """Have what is read at each scrape read from here."""
    metrics.observe(
        Readings(
            sessions_by_state=standing.sessions_by_state,
            bridges=standing.bridge_readings,
            outbox_backlog=lambda: rooms.relay.backlog,
            snapshots_late_seconds=lambda: rooms.snapshots.late_seconds,
            lease_seconds=lambda: ground.store.lease.remaining,
        ),
        version=__version__,
    )


def server_of(checks: HealthChecks, metrics: WorkerMetrics, standing: Standing) -> HealthServer:
    """The HTTP server that answers."""
    return HealthServer(
        identity=Identity(worker_id=standing.card.worker_id, version=__version__),
        checks=checks,
        sessions_by_state=standing.sessions_by_state,
        registry=metrics.registry,
    )
