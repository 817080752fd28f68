"""What every session of a worker shares: its ports, and how long it waits for what."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

from gateway_worker.connections.base.brake import ProxyBrakes
from gateway_worker.connections.base.media_ports import MediaJobs, NoMedia
from gateway_worker.connections.base.observer import SessionObserver
from gateway_worker.connections.base.opening_limiter import OpeningGate
from gateway_worker.connections.base.ports import Announcer, Files, MappingForm, SessionQueues, SnapshotNotices
from gateway_worker.connections.base.qr import draw
from gateway_worker.connections.base.storage import SessionCache, Storage
from gateway_worker.timing.clock import Clock
from gateway_worker.whatsapp.port import Engine
from schemas.names import WorkerId


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long we wait for what, in seconds."""

    opening: float = 30.0  # the engine, to hold a socket
    login: float = 60.0  # WhatsApp, to say anything on a new socket
    closing: float = 10.0  # the engine, to close a socket
    unlinking: float = 30.0  # WhatsApp, to take a logout (connecting for it included)
    query: float = 10.0  # a query or a presence, for a connection that is coming back
    offline: float = 300.0  # a session that is away, before its queue is given back
    settling: float = 10.0  # commands under way, before a session is handed over
    returning: float = 5.5  # another worker, to take what was handed over; longer than the store keeps it for others
    flushing: float = 2.0  # the relay, before a session is given up


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionContext:
    """The ports of the sessions of one worker: given whole to what makes parts, which give each part what it needs."""

    storage: Storage
    cache: SessionCache
    engine: Engine
    files: Files
    queues: SessionQueues
    announcer: Announcer
    snapshots: SnapshotNotices
    observer: SessionObserver
    clock: Clock
    rng: Random
    gate: OpeningGate
    brakes: ProxyBrakes
    worker_id: WorkerId
    mappings: MappingForm
    media: MediaJobs = field(default_factory=NoMedia)
    suspects: asyncio.Lock = field(default_factory=asyncio.Lock)  # see `vigilance`
    draw_qr: Callable[[str], Awaitable[str]] = draw
    timeouts: Timeouts = field(default_factory=Timeouts)
