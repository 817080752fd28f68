"""The whole gateway under load: commands on RabbitMQ in, `message.status` events out."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aio_pika
import aiohttp
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage

from deploy.local.services import PrivateServices
from deploy.local.stage import RunningSimulator, RunningWorker, Stage
from tests.bench import measure
from tests.support.phones import Phone, Phones
from tests.support.private_services import unique_name

PATIENCE = 120.0


@dataclass(slots=True)
class Probe:
    """A backend as lean as it can be: it publishes, and hears statuses of messages and sessions."""

    commands: AbstractExchange
    published: dict[str, float] = field(default_factory=dict[str, float])
    sent: dict[str, float] = field(default_factory=dict[str, float])
    delivered: int = 0
    failed: int = 0
    connected: dict[str, float] = field(default_factory=dict[str, float])
    qr: dict[str, str] = field(default_factory=dict[str, str])
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def heard(self, message: AbstractIncomingMessage) -> None:
        now = time.perf_counter()
        event = json.loads(message.body)
        data = event["data"]
        if event["type"] == "message.status.v1":
            match data["status"]:
                case "sent":
                    self.sent[data["commandId"]] = now
                case "delivered":
                    self.delivered += 1
                case "failed":
                    self.failed += 1
                case _:
                    pass
        elif "qrString" in data:
            self.qr[event["subject"]] = data["qrString"]
        elif data.get("status") == "connected":
            self.connected[event["subject"]] = now
        self.changed.set()

    async def publish(self, kind: str, routing_key: str, subject: str, data: dict[str, Any]) -> str:
        command_id = str(uuid.uuid4())
        time_ = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        body = {"specversion": "1.0", "id": command_id, "source": "/bench", "type": kind, "subject": subject}
        message = aio_pika.Message(
            json.dumps({**body, "time": time_, "data": data}).encode(),
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=command_id,
        )
        self.published[command_id] = time.perf_counter()
        await self.commands.publish(message, routing_key)
        return command_id

    async def until(self, holds: Any, what: str, patience: float = PATIENCE) -> None:
        try:
            async with asyncio.timeout(patience):
                while not holds():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise RuntimeError(f"the benchmark waited in vain for {what}") from None


@dataclass(slots=True, kw_only=True)
class Rig:
    """A gateway that can be measured."""

    stage: Stage
    services: PrivateServices
    simulator: RunningSimulator
    worker: RunningWorker
    probe: Probe
    phones: Phones
    people: dict[str, Phone] = field(default_factory=dict[str, Phone])

    def roots(self) -> dict[str, int]:
        """Role → pid of every process that does a part of the work."""
        own = {"worker": self.worker.child.pid, "simulator": self.simulator.child.pid}
        handles = {
            "rabbitmq": self.services.rabbitmq.pid,
            "postgresql": self.services.postgresql.pid,
            "redis": self.services.redis.pid,
        }
        return own | {role: pid for role, pid in handles.items() if pid is not None}

    def usage(self) -> measure.Usage:
        """CPU and memory now."""
        return measure.read(self.roots())

    async def pair(self, session_ids: list[str], at_once: int = 8) -> float:
        """Create and pair sessions, a few at a time; the seconds it took."""
        started = time.perf_counter()
        gate = asyncio.Semaphore(at_once)

        async def pair_one(session_id: str) -> None:
            async with gate:
                phone = self.people[session_id] = await self.phones.give(session_id)
                data = {"sessionId": session_id, "userId": "bench", "pairing": {"method": "qr"}}
                await self.probe.publish("session.create.v1", "sessions.create", session_id, data)
                await self.probe.until(lambda: session_id in self.probe.qr, f"a QR for {session_id}")
                await self.phones.scan(phone, self.probe.qr[session_id])
                await self.probe.until(lambda: session_id in self.probe.connected, f"{session_id} to connect")

        async with asyncio.TaskGroup() as group:
            for session_id in session_ids:
                group.create_task(pair_one(session_id))
        return time.perf_counter() - started

    async def restart(self, expected: int) -> float:
        """Stop the worker in good order and start it again; seconds from the start until all are connected."""
        await self.worker.stop()
        self.probe.connected.clear()
        started = time.perf_counter()
        self.worker = await self.stage.start_worker("worker-001")
        await self.probe.until(lambda: len(self.probe.connected) >= expected, f"{expected} sessions to come back")
        return time.perf_counter() - started

    async def send(self, session_id: str, to: Phone, number: int) -> str:
        data = {"to": to.number, "content": {"kind": "text", "text": f"message {number} of the benchmark"}}
        return await self.probe.publish("message.send.v1", f"session.{session_id}", session_id, data)


@asynccontextmanager
async def rig(
    services: PrivateServices, directory: Path, max_sessions: int = 300, own: Mapping[str, str] | None = None
) -> AsyncGenerator[Rig]:
    """A fresh simulator, worker and backend on these services."""
    async with AsyncExitStack() as stack:
        namespace = unique_name()
        settings = services.environment() | {
            "GATEWAY_NAMESPACE": namespace,
            "GATEWAY_MAX_SESSIONS": str(max_sessions),
            "GATEWAY_BACKEND_QUEUE": "",
            "GATEWAY_REDIS_URL": services.redis_database(1),
            **(own or {}),
        }
        stage = await stack.enter_async_context(Stage(directory / namespace, settings))
        await stage.create_database(namespace)
        simulator = await stage.start_simulator()
        stage.settings |= simulator.settings()
        worker = await stage.start_worker("worker-001")
        http = await stack.enter_async_context(aiohttp.ClientSession(simulator.url))
        connection = await stack.enter_async_context(await aio_pika.connect(services.amqp_url))
        channel = await connection.channel()
        probe = Probe(await channel.get_exchange(f"{namespace}.commands"))
        inbox = await channel.declare_queue(exclusive=True)
        for pattern in ("message.status.#", "session.status.#"):
            await inbox.bind(f"{namespace}.events", pattern)
        await inbox.consume(probe.heard, no_ack=True)
        yield Rig(stage=stage, services=services, simulator=simulator, worker=worker, probe=probe, phones=Phones(http))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a run of messages showed. CPU in milliseconds per message, by role."""

    messages: int
    rate: float
    latency: measure.Latency
    cpu: dict[str, float]


async def throughput(rig_: Rig, sender: str, to: Phone, messages: int, window: int) -> Run:
    """As fast as it goes with `window` commands under way."""

    async def load() -> None:
        gate = _InFlight(rig_.probe)
        for number in range(messages):
            await gate.room(window)
            await rig_.send(sender, to, number)

    return await _measured(rig_, load, messages)


async def paced(rig_: Rig, sender: str, to: Phone, rate: float, seconds: float) -> Run:
    """At a steady rate per second."""
    messages = int(rate * seconds)

    async def load() -> None:
        started = time.perf_counter()
        for number in range(messages):
            await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
            await rig_.send(sender, to, number)

    return await _measured(rig_, load, messages)


class _InFlight:
    """Counts commands that are published and not yet sent."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._base = len(probe.published) - len(probe.sent)

    async def room(self, window: int) -> None:
        await self._probe.until(
            lambda: len(self._probe.published) - len(self._probe.sent) - self._base < window, "room in the window"
        )


async def _measured(rig_: Rig, load: Any, messages: int) -> Run:
    probe = rig_.probe
    probe.published.clear()
    probe.sent.clear()
    probe.delivered = probe.failed = 0
    before, started = rig_.usage(), time.perf_counter()
    await load()
    await probe.until(lambda: len(probe.sent) + probe.failed >= messages, "all to be sent")
    seconds = max(probe.sent.values()) - started
    await probe.until(lambda: probe.delivered + probe.failed >= messages, "all to be delivered")
    if probe.failed:
        raise RuntimeError(f"{probe.failed} of {messages} messages failed")
    spent = rig_.usage().cpu_since(before)
    return Run(
        messages=messages,
        rate=round(messages / seconds, 1),
        latency=measure.percentiles([probe.sent[each] - probe.published[each] for each in probe.sent]),
        cpu={role: round(1000 * used / messages, 2) for role, used in spent.items() if used},
    )
