"""Everything that arrives: which queues this worker consumes, from the moment it is ready to the moment it leaves."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from consumers.answer import Desk
from consumers.delivery import Delivery
from consumers.dispatch import Dispatcher
from consumers.doors import Door, Hall, Reopener
from consumers.expired import Expired
from consumers.fence import Fence
from consumers.handlers import Handlers
from consumers.once import Once
from consumers.patience import Patience
from consumers.ports import Ledger, Manager, Observer, Publisher, Replay, ThisWorker
from consumers.replies import Speaker
from consumers.session_doors import SessionDoors
from consumers.settling import Receive, Settler
from gateway_worker.broker.ids import NewId
from gateway_worker.broker.link import Link
from schemas.channels import Plan, Queue, Topology
from schemas.names import WorkerId

log = structlog.get_logger(__name__)

GRACE_SECONDS: Final = 10.0
FLEET_GRACE_SECONDS: Final = 1.0  # a command that came as the last slot was taken: soon back, for another worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What this room is built from (all but the manager, which in turn needs our `SessionDoors`).

    Attributes:
        link: the connection for consuming; not the publisher's.
        now, monotonic: the wall clock in UTC, and seconds that never go back.
        fence: who may ask what.
    """

    link: Link
    topology: Topology
    publisher: Publisher
    ledger: Ledger
    worker_id: WorkerId
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    new_id: NewId
    observer: Observer
    fence: Fence


class Consumers:
    """The service. In order: build it, give `session_doors` to the manager and the manager to `serve`, `run`, `open`.

    The sessions' doors open and close by the manager's word, the fleet's door by `capacity_changed`, the others are
    open from `open` to `stop`.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings
        self._group: asyncio.TaskGroup | None = None
        self._stopped = asyncio.Event()
        self._reopener = Reopener()
        self._capacity = False
        self._capacity_told = asyncio.Event()
        self._deliveries: set[asyncio.Task[None]] = set()
        self._lets_go = False
        self._receive: Receive | None = None
        self._common: list[Door] = []
        self._fleet: Door | None = None
        self._settler = _settler(surroundings)
        self._hall = Hall(
            link=surroundings.link, spawn=self._spawn, reopen=self._reopener.reopen, clock=surroundings.monotonic
        )
        self.session_doors = SessionDoors(self._hall, surroundings.topology, self._settle)

    def serve(self, manager: Manager, worker: ThisWorker, replay: Replay) -> None:
        """Who carries out what arrives."""
        around = self._around
        dispatcher = Dispatcher(
            topology=around.topology,
            manager=manager,
            publisher=around.publisher,
            queues=self.session_doors,
            once=Once(around.ledger),
            handlers=Handlers(manager, worker, replay).table(),
            now=around.now,
        )
        self._receive = dispatcher.receive
        plan = around.topology.fleet()
        queues = {queue.name: queue for queue in plan.queues}
        own = around.topology.worker(around.worker_id)
        for name in (around.topology.control_queue, around.topology.unroutable):
            self._common.append(self._door(queues[name], plan, dispatcher.receive))
        self._common.append(self._door(queues[around.topology.expired], plan, Expired(manager=manager).receive))
        self._common.append(self._door(own.queues[0], own, dispatcher.receive))
        self._fleet = self._door(queues[around.topology.sessions_queue], plan, dispatcher.receive)

    async def run(self) -> None:
        """Until stopped. Sessions' doors may be opened as soon as this runs."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            side = (group.create_task(self._reopener.run()), group.create_task(self._mind_the_fleet()))
            await self._stopped.wait()
            for task in side:
                task.cancel()

    async def open(self) -> None:
        """Consume what is for every worker, and for this one.

        Raises:
            TopologyMismatch: a queue exists with other arguments; the message says what to do.
        """
        for door in self._common:
            await door.open()
        log.info("consumers.open", doors=len(self._common))

    def capacity_changed(self, has_free_slot: bool) -> None:  # noqa: FBT001 (the manager's signature)
        """The fleet's door is consumed only while there is a free slot."""
        self._capacity = has_free_slot
        self._capacity_told.set()

    async def stop(self, *, grace: float = GRACE_SECONDS) -> None:
        """Take nothing new, let what is under way settle for `grace` seconds, give the rest back; `run` returns."""
        self._capacity = False
        fleet = [] if self._fleet is None else [self._fleet]
        try:
            async with asyncio.TaskGroup() as group:
                for door in (*self._common, *fleet):
                    group.create_task(door.close(grace=grace))
                group.create_task(self.session_doors.close(grace=grace))
        finally:
            self._stopped.set()

    def let_go(self) -> None:
        """Leave what is under way as it is, and what still comes: it is not settled, and will be delivered again."""
        self._lets_go = True
        for task in self._deliveries:
            task.cancel()

    async def _mind_the_fleet(self) -> None:
        while self._fleet is not None:
            self._capacity_told.clear()
            if self._capacity:
                await self._fleet.open()
            else:
                await self._fleet.close(grace=FLEET_GRACE_SECONDS)
            await self._capacity_told.wait()

    async def _settle(self, delivery: Delivery) -> None:
        assert self._receive is not None, "serve() comes before the first delivery"
        await self._settler.settle(delivery, self._receive)

    def _door(self, queue: Queue, plan: Plan, receive: Receive) -> Door:
        async def settle(delivery: Delivery) -> None:
            await self._settler.settle(delivery, receive)

        return Door(self._hall, queue, plan, settle, keeps_order=False)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        assert self._group is not None, "run() comes before the first door"
        task = self._group.create_task(coroutine)
        if self._lets_go:
            task.cancel()
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)
        return task


def _settler(around: Surroundings) -> Settler:
    desk = Desk(
        publisher=around.publisher,
        speaker=Speaker(namespace=around.topology.namespace, worker_id=around.worker_id),
        now=around.now,
        new_id=around.new_id,
    )
    return Settler(
        desk,
        around.fence,
        worker_id=around.worker_id,
        observer=around.observer,
        patience=Patience(),
        monotonic=around.monotonic,
    )
