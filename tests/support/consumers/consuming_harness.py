"""What settling a delivery is tried on: the dispatcher with ports in memory."""

import asyncio
from typing import Any

from consumers.delivery import Delivery
from consumers.dispatch import Dispatcher
from consumers.fence import Fence
from consumers.handlers import Handlers
from consumers.idempotency import IdempotencyGuard
from consumers.pending_reply import ReplyContext
from consumers.replies import ReplyFactory
from consumers.retry_gate import RetryGate
from consumers.settling import Settler
from gateway_worker.broker.ids import uuid7
from schemas.names import SessionId, WorkerId
from schemas.topology.channels import Topology
from tests.support.consumers.fakes import (
    NOW,
    FakeManager,
    FakeReceiver,
    FakeWorker,
    MemoryLedger,
    MemoryPublisher,
    body_of,
    delivery_of,
    replay,
)

TOPOLOGY = Topology("gateway")


class Noted:
    def __init__(self) -> None:
        self.outcomes: list[tuple[str, str]] = []
        self.seconds: list[float] = []

    def command_settled(self, command_type: str, outcome: str, seconds: float) -> None:
        self.outcomes.append((command_type, outcome))
        self.seconds.append(seconds)


class Harness:
    """Everything of this room between a delivery and its outcome."""

    def __init__(self) -> None:
        self.manager = FakeManager("s1")
        self.publisher = MemoryPublisher(
            queues={TOPOLOGY.control_queue, TOPOLOGY.sessions_queue, "gateway.session.s1", "gateway.worker.w1"}
        )
        self.worker = FakeWorker()
        self.receiver = FakeReceiver()
        self.ledger = MemoryLedger()
        self.declared: list[SessionId] = []
        self.noted = Noted()
        reply_context = ReplyContext(
            publisher=self.publisher,
            factory=ReplyFactory(namespace="gateway", worker_id=WorkerId("w1")),
            now=lambda: NOW,
            new_id=uuid7,
        )
        self.settler = Settler(
            reply_context,
            Fence(TOPOLOGY),
            worker_id=WorkerId("w1"),
            observer=self.noted,
            retry_gate=RetryGate(),
            monotonic=lambda: asyncio.get_running_loop().time(),
        )
        self.dispatcher = Dispatcher(
            topology=TOPOLOGY,
            manager=self.manager,
            publisher=self.publisher,
            queues=self,
            guard=IdempotencyGuard(self.ledger, wait_seconds=0.4),
            handlers=Handlers(self.manager, self.worker, replay).table(),
            now=lambda: NOW,
        )

    async def declare(self, session_id: SessionId) -> None:
        self.declared.append(session_id)
        self.publisher.queues.add(TOPOLOGY.session_queue_name(session_id))

    async def settle(self, body: bytes, *, queue: str = "gateway.control", **more: Any) -> Delivery:
        delivery = delivery_of(body, queue=queue, receiver=self.receiver, reply_to=more.pop("reply_to", "me"), **more)
        await self.settler.settle(delivery, self.dispatcher.receive)
        return delivery

    @property
    def reply(self) -> dict[str, Any]:
        """The one reply."""
        ((_, _, envelope),) = self.publisher.replies
        return {"type": envelope.type, **envelope.data}

    @property
    def codes(self) -> list[str]:
        return [envelope.data["code"] for _, _, envelope in self.publisher.replies]


DESCRIBE = body_of("session.describe.v1", "s1", {})


RESTART = body_of("session.restart.v1", "s1", {}, command_id="r1")


CREATE = {"sessionId": "s9", "userId": "u", "pairing": {"method": "qr"}}
