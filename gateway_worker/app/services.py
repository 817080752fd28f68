"""What decides: events, consumers, sessions, media. Each is given what it needs of the infrastructure and of others."""

import random
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from consumers import service as consuming
from consumers.fence import Fence, ReplyQueues
from gateway_worker.app.continuity import KEPT, Continuity
from gateway_worker.app.infrastructure import Infrastructure
from gateway_worker.broker.ids import uuid7
from gateway_worker.broker.marks import MarkQueue
from gateway_worker.broker.watch import TopologyWatch
from gateway_worker.connections.base.brake import ProxyBrakes
from gateway_worker.connections.base.context import SessionContext
from gateway_worker.connections.base.opening_limiter import OpeningGate
from gateway_worker.connections.base.ports import MappingForm
from gateway_worker.connections.manager import ConnectionManager
from gateway_worker.connections.media.janitor import MediaJanitor
from gateway_worker.connections.media.runner import MediaRunner
from gateway_worker.connections.snapshots import Identity, SnapshotKeeper
from gateway_worker.events.announcer import Announcer
from gateway_worker.events.publisher import Publisher
from gateway_worker.events.relay import Relay
from gateway_worker.objects.marks import MarkObject
from gateway_worker.objects.received import ReceivedObjects
from gateway_worker.objects.snapshots import SnapshotObjects
from gateway_worker.operations.metrics import WorkerMetrics
from gateway_worker.settings.settings import Settings
from gateway_worker.whatsapp.baileys import identity
from schemas.names import SessionId, WorkerId

OPENING_AT_ONCE: Final = 24  # sessions that connect side by side after a start
_PAGE: Final = 500  # sessions read at once, to bind their queues again
OPENING_SECONDS: Final = 5.0  # one that takes longer no longer holds up the others


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Built and not started; `consumers` has still to be told whom to `serve`."""

    publisher: Publisher
    relay: Relay
    watch: TopologyWatch
    announcer: Announcer
    consumers: consuming.Consumers
    snapshots: SnapshotKeeper
    media: MediaRunner
    janitor: MediaJanitor
    manager: ConnectionManager
    continuity: Continuity


def build_services(
    settings: Settings, infrastructure: Infrastructure, metrics: WorkerMetrics, incarnation: str
) -> Services:
    """Builds the services of a worker; `incarnation` tells this run of it from its earlier ones."""
    publisher = Publisher(infrastructure.publishing, infrastructure.topology)
    relay = _relay(settings, infrastructure, metrics, publisher)
    announcer = Announcer(publisher, relay, namespace=settings.namespace, clock=infrastructure.clock, new_id=uuid7)
    consumers = _consumers(settings, infrastructure, metrics, publisher)
    snapshots = _snapshots(settings, infrastructure, metrics)
    received = ReceivedObjects(infrastructure.s3, settings.media_bucket)
    media = MediaRunner(
        rows=infrastructure.store.media,
        downloads=infrastructure.downloads,
        bucket=received,
        now=infrastructure.clock.now,
    )
    manager = ConnectionManager(
        SessionContext(
            storage=infrastructure.store,
            cache=infrastructure.cache,
            engine=infrastructure.engine,
            files=infrastructure.files,
            media=media,
            queues=consumers.session_queues,
            announcer=announcer,
            snapshots=snapshots,
            observer=metrics,
            clock=infrastructure.clock,
            rng=random.Random(),  # noqa: S311 (jitter)
            gate=OpeningGate(OPENING_AT_ONCE, OPENING_SECONDS),
            brakes=ProxyBrakes(
                cache=infrastructure.cache, clock=infrastructure.clock, seconds=settings.proxy_brake_seconds
            ),
            worker_id=WorkerId(settings.worker_id),
            mappings=MappingForm(
                kind=identity.MAPPING_KIND,
                id_of=identity.mapping_id,
                number_id=identity.number_id,
                read=identity.mappings,
            ),
        ),
        incarnation=incarnation,
        max_sessions=settings.max_sessions,
        capacity_changed=consumers.capacity_changed,
    )
    infrastructure.store.lease.on_return(manager.recheck_ownership)
    return Services(
        publisher=publisher,
        relay=relay,
        watch=_watch(settings, infrastructure, metrics, consumers),
        announcer=announcer,
        consumers=consumers,
        snapshots=snapshots,
        media=media,
        janitor=MediaJanitor(
            rows=infrastructure.store.media,
            bucket=received,
            keeps=timedelta(days=settings.media_retention_days),
            now=infrastructure.clock.now,
        ),
        manager=manager,
        continuity=_continuity(settings, infrastructure, relay),
    )


def _continuity(settings: Settings, infrastructure: Infrastructure, relay: Relay) -> Continuity:
    infrastructure.store.guard.on_refusal(lambda _reason: infrastructure.engine.fence())
    infrastructure.store.guard.on_refusal(lambda _reason: relay.fence())
    return Continuity(
        infrastructure.store.guard,
        infrastructure.store.renewal,
        needed=MarkQueue(infrastructure.publishing, infrastructure.topology),
        spare=MarkObject(infrastructure.s3, settings.sessions_bucket, settings.namespace),
        rejuvenate=identity.rejuvenate,
        kept=KEPT,
        worker_id=WorkerId(settings.worker_id),
    )


def _relay(settings: Settings, infrastructure: Infrastructure, metrics: WorkerMetrics, publisher: Publisher) -> Relay:
    relay = Relay(
        infrastructure.store.outbox,
        publisher,
        namespace=settings.namespace,
        clock=infrastructure.clock,
        lease=infrastructure.store.lease,
        keeps_unroutable=settings.backend_queue_name is not None,
        observer=metrics,
    )
    infrastructure.store.lease.on_lapse(relay.fence)
    return relay


def _consumers(
    settings: Settings, infrastructure: Infrastructure, metrics: WorkerMetrics, publisher: Publisher
) -> consuming.Consumers:
    return consuming.Consumers(
        consuming.Dependencies(
            link=infrastructure.consuming,
            topology=infrastructure.topology,
            publisher=publisher,
            ledger=infrastructure.store.commands,
            worker_id=WorkerId(settings.worker_id),
            now=infrastructure.clock.now,
            monotonic=infrastructure.clock.monotonic,
            new_id=uuid7,
            observer=metrics,
            fence=Fence(infrastructure.topology, ReplyQueues(settings.reply_queues)),
        )
    )


def _watch(
    settings: Settings, infrastructure: Infrastructure, metrics: WorkerMetrics, consumers: consuming.Consumers
) -> TopologyWatch:
    fleet, own = infrastructure.topology.fleet(), infrastructure.topology.worker(WorkerId(settings.worker_id))

    async def bind_sessions(missed: str) -> None:
        """With the exchange of commands went the bindings of every session's queue, whoever owns it."""
        if missed != infrastructure.topology.commands:
            return
        last: SessionId | None = None
        while page := await infrastructure.store.sessions.list(last, _PAGE):
            for record in page:
                await consumers.session_queues.declare(record.session_id)
            last = page[-1].session_id

    return TopologyWatch(
        infrastructure.consuming,
        infrastructure.publishing,
        replace(fleet, queues=(*fleet.queues, *own.queues), bindings=(*fleet.bindings, *own.bindings)),
        bindings_lost=bind_sessions,
        missed=metrics.topology_missed,
    )


def _snapshots(settings: Settings, infrastructure: Infrastructure, metrics: WorkerMetrics) -> SnapshotKeeper:
    return SnapshotKeeper(
        records=infrastructure.store.snapshots,
        bucket=SnapshotObjects(infrastructure.s3, settings.sessions_bucket),
        identity=Identity(kinds=KEPT, urgent_kinds=identity.URGENT_KINDS, mark=identity.mark),
        observer=metrics,
        monotonic=infrastructure.clock.monotonic,
    )
