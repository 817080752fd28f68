"""Everything that arrives: which queues this worker consumes, from the moment it is ready to the moment it leaves."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from consumers.delivery import Delivery
from consumers.dispatch import Dispatcher
from consumers.expired import Expired
from consumers.fence import Fence
from consumers.handlers import Handlers
from consumers.idempotency import IdempotencyGuard
from consumers.pending_reply import ReplyContext
from consumers.ports import CommandLedger, CommandObserver, Manager, Publisher, Replay, ThisWorker
from consumers.queue_consumer import ConsumerContext, QueueConsumer, Reopener
from consumers.replies import ReplyFactory
from consumers.retry_gate import RetryGate
from consumers.session_queues import SessionQueues
from consumers.settling import Receive, Settler
from gateway_worker.broker.connection import BrokerConnection
from schemas.names import NewId, WorkerId
from schemas.topology.channels import Plan, Queue, Topology

log = structlog.get_logger(__name__)

GRACE_SECONDS: Final = 10.0
FLEET_GRACE_SECONDS: Final = 1.0  # a command that came as the last slot was taken: soon back, for another worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What the consumers are built from (all but the manager, which in turn needs our `SessionQueues`).

    Attributes:
        link: the connection for consuming; not the publisher's.
        now, monotonic: the wall clock in UTC, and seconds that never go back.
        fence: who may ask what.
    """

    link: BrokerConnection
    topology: Topology
    publisher: Publisher
    ledger: CommandLedger
    worker_id: WorkerId
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    new_id: NewId
    observer: CommandObserver
    fence: Fence


class Consumers:
    """The service. In order: build it, give `session_queues` to the manager and the manager to `serve`, `run`, `open`.

    The sessions' queues open and close by the manager's word, the fleet's queue by `capacity_changed`, the others are
    open from `open` to `stop`.
    """

    def __init__(self, dependencies: Dependencies) -> None:
        self._dependencies = dependencies
        self._group: asyncio.TaskGroup | None = None
        self._stopped = asyncio.Event()
        self._reopener = Reopener()
        self._capacity = False
        self._capacity_known = asyncio.Event()
        self._deliveries: set[asyncio.Task[None]] = set()
        self._lets_go = False
        self._receive: Receive | None = None
        self._common: list[QueueConsumer] = []
        self._fleet: QueueConsumer | None = None
        self._settler = _settler(dependencies)
        self._context = ConsumerContext(
            link=dependencies.link, spawn=self._spawn, reopen=self._reopener.reopen, clock=dependencies.monotonic
        )
        self.session_queues = SessionQueues(self._context, dependencies.topology, self._settle)

    def serve(self, manager: Manager, worker: ThisWorker, replay: Replay) -> None:
        """Who carries out what arrives."""
        dependencies = self._dependencies
        dispatcher = Dispatcher(
            topology=dependencies.topology,
            manager=manager,
            publisher=dependencies.publisher,
            queues=self.session_queues,
            guard=IdempotencyGuard(dependencies.ledger),
            handlers=Handlers(manager, worker, replay).table(),
            now=dependencies.now,
        )
        self._receive = dispatcher.receive
        plan = dependencies.topology.fleet()
        queues = {queue.name: queue for queue in plan.queues}
        own = dependencies.topology.worker(dependencies.worker_id)
        for name in (dependencies.topology.control_queue, dependencies.topology.unroutable):
            self._common.append(self._consumer(queues[name], plan, dispatcher.receive))
        self._common.append(
            self._consumer(queues[dependencies.topology.expired], plan, Expired(manager=manager).receive)
        )
        self._common.append(self._consumer(own.queues[0], own, dispatcher.receive))
        self._fleet = self._consumer(queues[dependencies.topology.sessions_queue], plan, dispatcher.receive)

    async def run(self) -> None:
        """Until stopped. sessions' queues may be opened as soon as this runs."""
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
        for consumer in self._common:
            await consumer.open()
        log.info("consumers.open", queues=len(self._common))

    def capacity_changed(self, has_free_slot: bool) -> None:  # noqa: FBT001 (the manager's signature)
        """The fleet's queue is consumed only while there is a free slot."""
        self._capacity = has_free_slot
        self._capacity_known.set()

    async def stop(self, *, grace: float = GRACE_SECONDS) -> None:
        """Take nothing new, let what is under way settle for `grace` seconds, give the rest back; `run` returns."""
        self._capacity = False
        fleet = [] if self._fleet is None else [self._fleet]
        try:
            async with asyncio.TaskGroup() as group:
                for consumer in (*self._common, *fleet):
                    group.create_task(consumer.close(grace=grace))
                group.create_task(self.session_queues.close(grace=grace))
        finally:
            self._stopped.set()

    def let_go(self) -> None:
        """Leave what is under way as it is, and what still comes: it is not settled, and will be delivered again."""
        self._lets_go = True
        for task in self._deliveries:
            task.cancel()

    async def _mind_the_fleet(self) -> None:
        while self._fleet is not None:
            self._capacity_known.clear()
            if self._capacity:
                await self._fleet.open()
            else:
                await self._fleet.close(grace=FLEET_GRACE_SECONDS)
            await self._capacity_known.wait()

    async def _settle(self, delivery: Delivery) -> None:
        assert self._receive is not None, "serve() comes before the first delivery"
        await self._settler.settle(delivery, self._receive)

    def _consumer(self, queue: Queue, plan: Plan, receive: Receive) -> QueueConsumer:
        async def settle(delivery: Delivery) -> None:
            await self._settler.settle(delivery, receive)

        return QueueConsumer(self._context, queue, plan, settle, keeps_order=False)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        assert self._group is not None, "run() comes before the first consumer"
        task = self._group.create_task(coroutine)
        if self._lets_go:
            task.cancel()
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)
        return task


def _settler(dependencies: Dependencies) -> Settler:
    reply_context = ReplyContext(
        publisher=dependencies.publisher,
        factory=ReplyFactory(namespace=dependencies.topology.namespace, worker_id=dependencies.worker_id),
        now=dependencies.now,
        new_id=dependencies.new_id,
    )
    return Settler(
        reply_context,
        dependencies.fence,
        worker_id=dependencies.worker_id,
        observer=dependencies.observer,
        retry_gate=RetryGate(),
        monotonic=dependencies.monotonic,
    )
