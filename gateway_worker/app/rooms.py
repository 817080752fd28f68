"""What decides: events, consumers, sessions, media. Each room gets what it needs of the ground, and of the others."""

import random
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from consumers import service as arrivals
from consumers.fence import Fence, ReplyQueues
from gateway_worker.app.continuity import KEPT, Continuity
from gateway_worker.app.ground import Ground
from gateway_worker.broker.ids import uuid7
from gateway_worker.broker.marks import MarkQueue
from gateway_worker.broker.watch import TopologyWatch
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
from gateway_worker.settings import Settings
from gateway_worker.whatsapp.baileys import identity
from schemas.names import SessionId, WorkerId

OPENING_AT_ONCE: Final = 24  # sessions that connect side by side after a start
_PAGE: Final = 500  # sessions read at once, to bind their queues again
OPENING_SECONDS: Final = 5.0  # one that takes longer no longer holds up the others


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """Built and not started; `consumers` has still to be told whom to `serve`."""

    publisher: Publisher
    relay: Relay
    watch: TopologyWatch
    announcer: Announcer
    consumers: arrivals.Consumers
    snapshots: SnapshotKeeper
    media: MediaRunner
    janitor: MediaJanitor
    manager: ConnectionManager
    continuity: Continuity


def furnish(settings: Settings, ground: Ground, metrics: WorkerMetrics, incarnation: str) -> Rooms:
    """The rooms of a worker; `incarnation` tells this run of it from its earlier ones."""
    publisher = Publisher(ground.publishing, ground.topology)
    relay = _relay(settings, ground, metrics, publisher)
    announcer = Announcer(publisher, relay, namespace=settings.namespace, clock=ground.clock, new_id=uuid7)
    consumers = _consumers(settings, ground, metrics, publisher)
    snapshots = _snapshots(settings, ground, metrics)
    received = ReceivedObjects(ground.s3, settings.media_bucket)
    media = MediaRunner(rows=ground.store.media, downloads=ground.downloads, bucket=received, now=ground.clock.now)
    manager = ConnectionManager(
        SessionContext(
            storage=ground.store,
            cache=ground.cache,
            engine=ground.engine,
            files=ground.files,
            media=media,
            queues=consumers.session_queues,
            announcer=announcer,
            snapshots=snapshots,
            observer=metrics,
            clock=ground.clock,
            rng=random.Random(),  # noqa: S311 (jitter)
            gate=OpeningGate(OPENING_AT_ONCE, OPENING_SECONDS),
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
    ground.store.lease.on_return(manager.recheck_ownership)
    return Rooms(
        publisher=publisher,
        relay=relay,
        watch=_watch(settings, ground, metrics, consumers),
        announcer=announcer,
        consumers=consumers,
        snapshots=snapshots,
        media=media,
        janitor=MediaJanitor(
            rows=ground.store.media,
            bucket=received,
            keeps=timedelta(days=settings.media_retention_days),
            now=ground.clock.now,
        ),
        manager=manager,
        continuity=_continuity(settings, ground, relay),
    )


def _continuity(settings: Settings, ground: Ground, relay: Relay) -> Continuity:
    ground.store.guard.on_refusal(lambda _reason: ground.engine.fence())
    ground.store.guard.on_refusal(lambda _reason: relay.fence())
    return Continuity(
        ground.store.guard,
        ground.store.renewal,
        needed=MarkQueue(ground.publishing, ground.topology),
        spare=MarkObject(ground.s3, settings.sessions_bucket, settings.namespace),
        rejuvenate=identity.rejuvenate,
        kept=KEPT,
        worker_id=WorkerId(settings.worker_id),
    )


def _relay(settings: Settings, ground: Ground, metrics: WorkerMetrics, publisher: Publisher) -> Relay:
    relay = Relay(
        ground.store.outbox,
        publisher,
        namespace=settings.namespace,
        clock=ground.clock,
        lease=ground.store.lease,
        keeps_unroutable=settings.backend_queue_name is not None,
        observer=metrics,
    )
    ground.store.lease.on_lapse(relay.fence)
    return relay


def _consumers(settings: Settings, ground: Ground, metrics: WorkerMetrics, publisher: Publisher) -> arrivals.Consumers:
    return arrivals.Consumers(
        arrivals.Dependencies(
            link=ground.consuming,
            topology=ground.topology,
            publisher=publisher,
            ledger=ground.store.commands,
            worker_id=WorkerId(settings.worker_id),
            now=ground.clock.now,
            monotonic=ground.clock.monotonic,
            new_id=uuid7,
            observer=metrics,
            fence=Fence(ground.topology, ReplyQueues(settings.reply_queues)),
        )
    )


def _watch(settings: Settings, ground: Ground, metrics: WorkerMetrics, consumers: arrivals.Consumers) -> TopologyWatch:
    fleet, own = ground.topology.fleet(), ground.topology.worker(WorkerId(settings.worker_id))

    async def bind_sessions(missed: str) -> None:
        """With the exchange of commands went the bindings of every session's queue, whoever owns it."""
        if missed != ground.topology.commands:
            return
        last: SessionId | None = None
        while page := await ground.store.sessions.list(last, _PAGE):
            for record in page:
                await consumers.session_queues.declare(record.session_id)
            last = page[-1].session_id

    return TopologyWatch(
        ground.consuming,
        ground.publishing,
        replace(fleet, queues=(*fleet.queues, *own.queues), bindings=(*fleet.bindings, *own.bindings)),
        bindings_lost=bind_sessions,
        missed=metrics.topology_missed,
    )


def _snapshots(settings: Settings, ground: Ground, metrics: WorkerMetrics) -> SnapshotKeeper:
    return SnapshotKeeper(
        records=ground.store.snapshots,
        bucket=SnapshotObjects(ground.s3, settings.sessions_bucket),
        identity=Identity(kinds=KEPT, urgent_kinds=identity.URGENT_KINDS, mark=identity.mark),
        observer=metrics,
        monotonic=ground.clock.monotonic,
    )
