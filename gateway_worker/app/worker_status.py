"""What a worker says of itself: its registration, its heartbeat, what it holds, whether it leaves."""

from collections.abc import Iterator, Sequence
from typing import Final

from gateway_worker import __version__
from gateway_worker.connections.manager import ConnectionManager
from gateway_worker.operations.metrics import BridgeReading
from gateway_worker.operations.resources import ResourceMeter
from gateway_worker.settings.settings import Settings
from gateway_worker.timing.clock import SystemClock
from gateway_worker.whatsapp.baileys.engine import BaileysEngine
from schemas.events.sessions import SessionState
from schemas.events.workers import WorkerHeartbeat, WorkerMetrics, WorkerRegistered, WorkerState
from schemas.names import WorkerId
from schemas.results import WorkerDescription

_MAX_DESCRIBED: Final = 1_000  # sessions named in `worker.describe`


class WorkerStatus:
    """Reads, and changes nothing. `leaving` is set once, by whoever ends or drains the worker."""

    def __init__(
        self, settings: Settings, manager: ConnectionManager, engine: BaileysEngine, clock: SystemClock
    ) -> None:
        self._manager = manager
        self._engine = engine
        self._clock = clock
        self._started_at = clock.monotonic()
        self._meter = ResourceMeter()
        self.leaving = False
        self.registration: Final = WorkerRegistered(
            worker_id=WorkerId(settings.worker_id),
            endpoint=f"http://{settings.http_host}:{settings.http_port}",
            max_sessions=settings.max_sessions,
            version=__version__,
        )

    def heartbeat(self) -> WorkerHeartbeat:
        """How it is just now."""
        resources, by_state = self._meter.read(), self.sessions_by_state()
        return WorkerHeartbeat(
            worker_id=self.registration.worker_id,
            status=self._status,
            metrics=WorkerMetrics(
                session_count=sum(by_state.values()),
                max_sessions=self.registration.max_sessions,
                active_connections=by_state.get(SessionState.CONNECTED, 0),
                cpu_usage=resources.cpu_percent,
                memory_usage=resources.memory_percent,
            ),
        )

    def description(self) -> WorkerDescription:
        """What it holds at this moment."""
        held: Sequence[str] = self._manager.session_ids()
        return WorkerDescription(
            worker_id=self.registration.worker_id,
            status=self._status,
            version=__version__,
            endpoint=self.registration.endpoint,
            max_sessions=self.registration.max_sessions,
            session_count=len(held),
            uptime_seconds=int(self._clock.monotonic() - self._started_at),
            sessions_by_state={SessionState(state): n for state, n in self._manager.sessions_by_state().items()},
            sessions=held[:_MAX_DESCRIBED],
        )

    def sessions_by_state(self) -> dict[str, int]:
        """How many sessions are in each state."""
        return {state.value: count for state, count in self._manager.sessions_by_state().items()}

    def bridge_readings(self) -> Iterator[BridgeReading]:
        """What is measured of each bridge process."""
        for report in self._engine.describe():
            yield BridgeReading(
                name=report.name,
                up=report.up,
                sessions=report.sessions,
                resident_bytes=report.resident_bytes,
                cpu_seconds=report.cpu_seconds,
                restarts=report.restarts,
                loop_lag_seconds=report.loop_lag_seconds,
            )

    @property
    def _status(self) -> WorkerState:
        return WorkerState.DRAINING if self.leaving else WorkerState.ONLINE
