"""The infrastructure of a worker: databases, broker, buckets, WhatsApp."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gateway_worker.broker.connection import BrokerConnection
from gateway_worker.cache.client import Cache
from gateway_worker.media.fetching import Fetcher
from gateway_worker.media.preparing import Preparation
from gateway_worker.media.spool import Spool
from gateway_worker.media.worker_pool import WorkerPool
from gateway_worker.objects.buckets import Buckets
from gateway_worker.objects.client import S3Client
from gateway_worker.objects.media import MediaObjects
from gateway_worker.settings.settings import Settings
from gateway_worker.store.store import Store
from gateway_worker.timing.clock import SystemClock
from gateway_worker.whatsapp.baileys.engine import BaileysEngine
from gateway_worker.whatsapp.baileys.process.configuration import Configuration
from gateway_worker.whatsapp.downloads import Downloads
from schemas.topology.channels import Topology

_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Infrastructure:
    """Built and not started. `consuming` and `publishing` are two connections: a blocked publisher still consumes."""

    clock: SystemClock
    topology: Topology
    store: Store
    cache: Cache
    s3: S3Client
    buckets: Buckets
    spool: Spool
    files: Preparation
    consuming: BrokerConnection
    publishing: BrokerConnection
    engine: BaileysEngine
    downloads: Downloads


def build_infrastructure(settings: Settings, clock: SystemClock) -> Infrastructure:
    """Builds what a worker of these settings stands on."""
    store = Store(
        str(settings.database_url),
        direct_url=settings.direct_database,
        encryption_keys=settings.raw_encryption_keys,
        clock=clock,
        message_retention=timedelta(days=settings.message_retention_days),
    )
    engine = BaileysEngine(
        bridges=settings.bridges,
        configuration=Configuration(
            url=settings.whatsapp_url,
            root_key=settings.whatsapp_root_key,
            version=settings.whatsapp_version,
            passkey_handoff_lifetime=settings.passkey_handoff_seconds,
        ),
        lease=store.lease,
        spool=settings.own_spool,
    )
    store.lease.on_lapse(engine.fence)
    s3 = S3Client(**settings.s3)
    spool = Spool(settings.own_spool, settings.media_spool_mb * _MIB)
    return Infrastructure(
        clock=clock,
        topology=Topology(settings.namespace, settings.backend_queue_name),
        store=store,
        cache=Cache(str(settings.redis_url), settings.namespace),
        s3=s3,
        buckets=Buckets(s3, (settings.sessions_bucket, settings.media_bucket)),
        spool=spool,
        files=Preparation(
            spool=spool,
            fetcher=Fetcher(allow_private=settings.media_allow_private),
            bucket=MediaObjects(s3, settings.media_bucket),
            pool=WorkerPool(keep_metadata=settings.media_keep_metadata),
            max_document=settings.media_max_mb * _MIB,
        ),
        consuming=BrokerConnection(settings.amqp_url, name=f"{settings.worker_id} consume"),
        publishing=BrokerConnection(settings.amqp_url, name=f"{settings.worker_id} publish"),
        engine=engine,
        downloads=engine.downloads,
    )
