"""What probes and Prometheus see of a worker."""

import asyncio

from gateway_worker import __version__
from gateway_worker.app.infrastructure import Infrastructure
from gateway_worker.app.services import Services
from gateway_worker.app.worker_status import WorkerStatus
from gateway_worker.broker.watch import TopologyWatch
from gateway_worker.operations.health import Check, HealthChecks, Unwell
from gateway_worker.operations.metrics import Readings, WorkerMetrics
from gateway_worker.operations.server import HealthServer, Identity
from gateway_worker.store.errors import DatabaseFull, DatabaseReadOnly


def checks_of(infrastructure: Infrastructure, watch: TopologyWatch) -> HealthChecks:
    """What a worker cannot work without, and what it can."""

    async def ask_database() -> None:
        try:
            await infrastructure.store.check()
        except (DatabaseFull, DatabaseReadOnly) as error:
            raise Unwell(error.message) from error

    async def ask_broker() -> None:
        await asyncio.gather(infrastructure.consuming.ask(), infrastructure.publishing.ask())

    async def ask_for_alarm() -> None:
        if await infrastructure.publishing.is_blocked():
            raise Unwell("RabbitMQ takes no publishes: an alarm of its memory or disk is on")

    async def ask_for_topology() -> None:
        if watch.noted:
            raise Unwell(f"was missing and is declared again: {', '.join(watch.noted)}")

    async def ask_bridges() -> None:
        if not any(report.up for report in infrastructure.engine.describe()):
            raise ConnectionError

    return HealthChecks(
        [
            Check(name="postgresql", required=True, ask=ask_database),
            Check(name="rabbitmq", required=True, ask=ask_broker),
            Check(name="publishing", required=False, ask=ask_for_alarm),
            Check(name="topology", required=False, ask=ask_for_topology, is_service=False),
            Check(name="redis", required=False, ask=infrastructure.cache.check),
            Check(name="s3", required=False, ask=infrastructure.buckets.check),
            Check(name="bridges", required=True, ask=ask_bridges, is_service=False),
        ]
    )


def observe(metrics: WorkerMetrics, infrastructure: Infrastructure, services: Services, status: WorkerStatus) -> None:
    """Have what is read at each scrape read from here."""
    metrics.observe(
        Readings(
            sessions_by_state=status.sessions_by_state,
            max_sessions=lambda: 0 if status.leaving else status.registration.max_sessions,
            sessions_unserved=lambda: services.manager.ownership.unserved,
            bridges=status.bridge_readings,
            outbox_backlog=lambda: services.relay.backlog,
            snapshots_late_seconds=lambda: services.snapshots.late_seconds,
            lease_seconds=lambda: infrastructure.store.lease.remaining,
        ),
        version=__version__,
    )


def server_of(checks: HealthChecks, metrics: WorkerMetrics, status: WorkerStatus) -> HealthServer:
    """The HTTP server that answers."""
    return HealthServer(
        identity=Identity(worker_id=status.registration.worker_id, version=__version__),
        checks=checks,
        sessions_by_state=status.sessions_by_state,
        registry=metrics.registry,
    )
