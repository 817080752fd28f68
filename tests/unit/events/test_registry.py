"""A worker tells how it fares, every 30 s and whenever that changes much."""

import asyncio

from pydantic import BaseModel

from gateway_worker.events.registry import HEARTBEAT_SECONDS, Registry
from schemas.events.workers import WorkerHeartbeat, WorkerMetrics, WorkerRegistered, WorkerState
from schemas.names import WorkerId
from tests.support.connections.virtual_time import virtual

ME = WorkerId("worker-1")
CARD = WorkerRegistered(worker_id=ME, endpoint="http://a", max_sessions=5, version="1")


class Board:
    """Announcer and status board in one: what was told, and what stands on the board."""

    def __init__(self) -> None:
        self.announced: list[tuple[str, float]] = []
        self.status: WorkerState | None = None

    async def announce(self, event_type: str, subject: str, data: BaseModel) -> None:  # noqa: ARG002 (as the port)
        self.announced.append((event_type, asyncio.get_running_loop().time()))

    async def put_worker_status(self, worker_id: WorkerId, heartbeat: WorkerHeartbeat) -> None:  # noqa: ARG002
        self.status = heartbeat.status

    async def drop_worker_status(self, worker_id: WorkerId) -> None:  # noqa: ARG002
        self.status = None


@virtual
async def test_a_worker_that_begins_to_drain_says_so_at_once() -> None:
    board, state = Board(), [WorkerState.ONLINE]
    metrics = WorkerMetrics(session_count=0, max_sessions=5, active_connections=0, cpu_usage=0, memory_usage=0)
    registry = Registry(
        board,
        board,
        registration=CARD,
        heartbeat=lambda: WorkerHeartbeat(worker_id=ME, status=state[0], metrics=metrics),
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(registry.run())
        await asyncio.sleep(HEARTBEAT_SECONDS + 1)
        state[0] = WorkerState.DRAINING
        registry.beat_now()
        await asyncio.sleep(1)
        assert board.status is WorkerState.DRAINING
        await registry.stop()
    kinds = [kind.split(".")[1] for kind, _ in board.announced]
    assert kinds == ["registered", "heartbeat", "heartbeat", "heartbeat", "stopped"]
    assert round(board.announced[3][1] - board.announced[2][1]) == 1
    assert board.status is None
