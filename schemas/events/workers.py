"""What events say of workers. Pure."""

from enum import StrEnum

from schemas.model import Model
from schemas.names import WorkerId


class WorkerRegistered(Model):
    """``worker.registered.v1``: a worker has started.

    Attributes:
        endpoint: the address of the worker's health and metrics.
    """

    worker_id: WorkerId
    endpoint: str
    max_sessions: int
    version: str


class WorkerState(StrEnum):
    """What a worker does.

    Attributes:
        ONLINE: takes sessions and runs them
        DRAINING: hands its sessions over and takes none
    """

    ONLINE = "online"
    DRAINING = "draining"


class WorkerMetrics(Model):
    """How full and busy a worker is; `cpu_usage` and `memory_usage` in percent of the machine.

    Attributes:
        session_count: sessions that the worker has.
        active_connections: connections to WhatsApp that are open.
        cpu_usage: percent of the machine's processors.
        memory_usage: percent of the machine's memory.
    """

    session_count: int
    max_sessions: int
    active_connections: int
    cpu_usage: float
    memory_usage: float


class WorkerHeartbeat(Model):
    """``worker.heartbeat.v1``: every 30 s.

    Attributes:
        status: what the worker does.
        metrics: how full and busy it is.
    """

    worker_id: WorkerId
    status: WorkerState
    metrics: WorkerMetrics


class WorkerStopped(Model):
    """``worker.stopped.v1``: a worker has left in good order."""

    worker_id: WorkerId
