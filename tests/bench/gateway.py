"""The whole gateway under load: commands on RabbitMQ in, `message.status` events out."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from deploy.local.services import PrivateServices
from deploy.local.stage import RunningSimulator, RunningWorker, Stage
from gateway_worker.client import EventQueue, Gateway, Subscription
from gateway_worker.client.background import Background
from schemas.events.messages import MessageState, MessageStatus
from schemas.events.sessions import SessionState, SessionStatus
from tests.bench import measure
from tests.support.services.private_services import unique_name
from tests.support.whatsapp.phones import Phone, Phones

PATIENCE = 120.0


@dataclass(slots=True)
class Probe:
    """A backend: it publishes, and hears statuses of messages and sessions."""

    gateway: Gateway
    published: dict[str, float] = field(default_factory=dict[str, float])
    sent: dict[str, float] = field(default_factory=dict[str, float])
    delivered: int = 0
    failed: int = 0
    connected: dict[str, float] = field(default_factory=dict[str, float])
    qr: dict[str, str] = field(default_factory=dict[str, str])
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def watch(self, events: Subscription) -> None:
        async for event in events:
            now = time.perf_counter()
            match event.data:
                case MessageStatus(status=MessageState.SENT, command_id=command_id):
                    self.sent[command_id] = now
                case MessageStatus(status=MessageState.DELIVERED):
                    self.delivered += 1
                case MessageStatus(status=MessageState.FAILED):
                    self.failed += 1
                case SessionStatus(session_id=session_id, qr_string=str(qr)):
                    self.qr[session_id] = qr
                case SessionStatus(session_id=session_id, state=SessionState.CONNECTED):
                    self.connected[session_id] = now
                case _:
                    pass
            self.changed.set()

    async def publish(self, kind: str, subject: str, data: dict[str, Any]) -> str:
        command = self.gateway.compose(kind, subject, data)
        self.published[command.command_id] = time.perf_counter()
        await self.gateway.publish(command)
        return command.command_id

    async def until(self, holds: Any, what: str, patience: float = PATIENCE) -> None:
        try:
            async with asyncio.timeout(patience):
                while not holds():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise RuntimeError(f"the benchmark waited in vain for {what}") from None


@dataclass(slots=True, kw_only=True)
class Bench:
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
                await self.probe.publish("session.create.v1", session_id, data)
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
        return await self.probe.publish("message.send.v1", session_id, data)


@asynccontextmanager
async def benched(
    services: PrivateServices, directory: Path, max_sessions: int = 300, own: Mapping[str, str] | None = None
) -> AsyncGenerator[Bench]:
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
        gateway = await stack.enter_async_context(Gateway(services.amqp_url, namespace=namespace, source="/bench"))
        probe = Probe(gateway)
        statuses = EventQueue(types=("message.status", "session.status"))
        events = await stack.enter_async_context(gateway.events(statuses, prefetch=1_000))
        background = await stack.enter_async_context(Background())
        background.start(probe.watch(events))
        yield Bench(
            stage=stage, services=services, simulator=simulator, worker=worker, probe=probe, phones=Phones(http)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a run of messages showed. CPU in milliseconds per message, by role."""

    messages: int
    rate: float
    latency: measure.Latency
    cpu: dict[str, float]


async def throughput(bench: Bench, sender: str, to: Phone, messages: int, window: int) -> Run:
    """As fast as it goes with `window` commands under way."""

    async def load() -> None:
        gate = _InFlight(bench.probe)
        for number in range(messages):
            await gate.room(window)
            await bench.send(sender, to, number)

    return await _measured(bench, load, messages)


async def paced(bench: Bench, sender: str, to: Phone, rate: float, seconds: float) -> Run:
    """At a steady rate per second."""
    messages = int(rate * seconds)

    async def load() -> None:
        started = time.perf_counter()
        for number in range(messages):
            await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
            await bench.send(sender, to, number)

    return await _measured(bench, load, messages)


class _InFlight:
    """Counts commands that are published and not yet sent."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._base = len(probe.published) - len(probe.sent)

    async def room(self, window: int) -> None:
        await self._probe.until(
            lambda: len(self._probe.published) - len(self._probe.sent) - self._base < window, "room in the window"
        )


async def _measured(bench: Bench, load: Any, messages: int) -> Run:
    probe = bench.probe
    probe.published.clear()
    probe.sent.clear()
    probe.delivered = probe.failed = 0
    before, started = bench.usage(), time.perf_counter()
    await load()
    await probe.until(lambda: len(probe.sent) + probe.failed >= messages, "all to be sent")
    seconds = max(probe.sent.values()) - started
    await probe.until(lambda: probe.delivered + probe.failed >= messages, "all to be delivered")
    if probe.failed:
        raise RuntimeError(f"{probe.failed} of {messages} messages failed")
    spent = bench.usage().cpu_since(before)
    return Run(
        messages=messages,
        rate=round(messages / seconds, 1),
        latency=measure.percentiles([probe.sent[each] - probe.published[each] for each in probe.sent]),
        cpu={role: round(1000 * used / messages, 2) for role, used in spent.items() if used},
    )
