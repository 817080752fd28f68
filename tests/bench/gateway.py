"""The whole gateway under load: commands on RabbitMQ in, events out. Knows the contract alone, so any build will do."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from deploy.local.services import PrivateServices
from deploy.local.stage import Build, RunningSimulator, RunningWorker, Stage
from gateway_worker.client import EventQueue, Gateway, Subscription
from gateway_worker.client.background import Background
from schemas.events.media import MediaReady
from schemas.events.messages import MessageReceived, MessageState, MessageStatus
from schemas.events.sessions import SessionState, SessionStatus
from tests.bench import measure
from tests.bench.runs import Run
from tests.support.services.private_services import unique_name
from tests.support.whatsapp.phones import Phone, Phones

PATIENCE: Final = 120.0
WORKER: Final = "worker-001"
_TYPES: Final = ("message.status", "session.status", "message.received", "media.ready")


@dataclass(slots=True)
class Probe:
    """A backend: it publishes, and hears of messages and sessions. Times by `time.monotonic`, as Node's hrtime."""

    gateway: Gateway
    published: dict[str, float] = field(default_factory=dict[str, float])
    sent: dict[str, float] = field(default_factory=dict[str, float])
    received: dict[str, float] = field(default_factory=dict[str, float])
    stored: dict[str, float] = field(default_factory=dict[str, float])
    delivered: int = 0
    failed: int = 0
    connected: dict[str, float] = field(default_factory=dict[str, float])
    qr: dict[str, str] = field(default_factory=dict[str, str])
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def watch(self, events: Subscription) -> None:
        async for event in events:
            now = time.monotonic()
            match event.data:
                case MessageStatus(status=MessageState.SENT, command_id=command_id):
                    self.sent[command_id] = now
                case MessageStatus(status=MessageState.DELIVERED):
                    self.delivered += 1
                case MessageStatus(status=MessageState.FAILED):
                    self.failed += 1
                case MessageReceived(message_id=message_id):
                    self.received[message_id] = now
                case MediaReady(message_id=message_id):
                    self.stored[message_id] = now
                case SessionStatus(session_id=session_id, qr_string=str(qr)):
                    self.qr[session_id] = qr
                case SessionStatus(session_id=session_id, state=SessionState.CONNECTED):
                    self.connected[session_id] = now
                case _:
                    pass
            self.changed.set()

    def forget(self) -> None:
        """Count messages anew."""
        for each in (self.published, self.sent, self.received, self.stored):
            each.clear()
        self.delivered = self.failed = 0

    async def publish(self, kind: str, subject: str, data: dict[str, Any]) -> str:
        command = self.gateway.compose(kind, subject, data)
        self.published[command.command_id] = time.monotonic()
        await self.gateway.publish(command)
        return command.command_id

    async def until(self, holds: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
        try:
            async with asyncio.timeout(patience):
                while not holds():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise RuntimeError(f"the benchmark waited in vain for {what}") from None

    def latencies(self) -> list[float]:
        """Seconds from each command to its `sent`."""
        return [at - self.published[each] for each, at in self.sent.items()]


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
        own = {"worker": self.worker.child.pid, "simulator": self.simulator.child.pid, "backend": os.getpid()}
        handles = {
            "rabbitmq": self.services.rabbitmq.pid,
            "postgresql": self.services.postgresql.pid,
            "redis": self.services.redis.pid,
        }
        return own | {role: pid for role, pid in handles.items() if pid is not None}

    def usage(self) -> measure.Usage:
        """CPU and memory now."""
        return measure.read(self.roots())

    async def pair(self, session_ids: Sequence[str], at_once: int = 8) -> float:
        """Create and pair sessions, a few at a time; the seconds it took."""
        started = time.monotonic()
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
        return time.monotonic() - started

    async def greet(self, session_id: str, friend: Phone, texts: int = 3) -> None:
        """A few texts to a phone and one back: from now on the ratchet turns without prekeys."""
        sent, received = len(self.probe.sent), len(self.probe.received)
        for number in range(texts):
            await self.send(session_id, friend, number)
        await self.probe.until(lambda: len(self.probe.sent) >= sent + texts, "first texts")
        await self.phones.send(friend, self.people[session_id].number, "an answer")
        await self.probe.until(lambda: len(self.probe.received) > received, "an answer")

    async def restart(self) -> float:
        """Stop the worker in good order and start it again; when it was started. Nobody is connected yet."""
        await self.worker.stop()
        self.probe.connected.clear()
        started = time.monotonic()
        self.worker = await self.stage.start_worker(WORKER)
        return started

    async def all_connected(self, expected: int) -> float:
        """Return when so many sessions have connected: when the last did."""
        await self.probe.until(lambda: len(self.probe.connected) >= expected, f"{expected} sessions to connect")
        return max(self.probe.connected.values())

    async def kill(self) -> float:
        """End the worker by SIGKILL, with its bridges; when."""
        self.probe.connected.clear()
        at = time.monotonic()
        self.worker.child.send(signal.SIGKILL)
        await self.worker.child.wait()
        return at

    async def send(self, session_id: str, to: Phone, number: int) -> str:
        data = {"to": to.number, "content": {"kind": "text", "text": f"message {number} of the benchmark"}}
        return await self.probe.publish("message.send.v1", session_id, data)


@asynccontextmanager
async def benched(
    services: PrivateServices,
    directory: Path,
    *,
    max_sessions: int = 300,
    own: Mapping[str, str] | None = None,
    build: Build | None = None,
    largest_mb: int | None = None,
) -> AsyncGenerator[Bench]:
    """A fresh simulator (for files of so many MB), worker (of that build, by default of ours) and backend."""
    async with AsyncExitStack() as stack:
        namespace = unique_name()
        settings = services.environment() | {
            "GATEWAY_NAMESPACE": namespace,
            "GATEWAY_MAX_SESSIONS": str(max_sessions),
            "GATEWAY_BACKEND_QUEUE": "",
            "GATEWAY_REDIS_URL": services.redis_database(1),
            **(own or {}),
        }
        stage = await stack.enter_async_context(Stage(directory / namespace, settings, build=build or Build()))
        await stage.create_database(namespace)
        simulator = await stage.start_simulator(largest_mb=largest_mb)
        stage.settings |= simulator.settings()
        worker = await stage.start_worker(WORKER)
        http = await stack.enter_async_context(aiohttp.ClientSession(simulator.url))
        gateway = await stack.enter_async_context(Gateway(services.amqp_url, namespace=namespace, source="/bench"))
        probe = Probe(gateway)
        events = await stack.enter_async_context(gateway.events(EventQueue(types=_TYPES), prefetch=1_000))
        background = await stack.enter_async_context(Background())
        background.start(probe.watch(events))
        yield Bench(
            stage=stage, services=services, simulator=simulator, worker=worker, probe=probe, phones=Phones(http)
        )


Route = tuple[str, Phone]
"""Which session writes to whom."""


async def throughput(bench: Bench, routes: Sequence[Route], messages: int, window: int) -> Run:
    """As fast as it goes with `window` commands under way, the routes taken in turn."""

    async def load() -> None:
        probe = bench.probe
        for number in range(messages):
            await probe.until(lambda: len(probe.published) - len(probe.sent) < window, "room in the window")
            session_id, to = routes[number % len(routes)]
            await bench.send(session_id, to, number)

    return await _measured(bench, load, messages)


async def paced(bench: Bench, routes: Sequence[Route], rate: float, seconds: float) -> Run:
    """At a steady rate per second, the routes taken in turn."""
    messages = int(rate * seconds)

    async def load() -> None:
        started = time.monotonic()
        for number in range(messages):
            await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
            session_id, to = routes[number % len(routes)]
            await bench.send(session_id, to, number)

    return await _measured(bench, load, messages)


async def pairing(bench: Bench, session_ids: Sequence[str], at_once: int = 4) -> Run:
    """Sessions created and paired by QR until they are connected, as a run of so many; latency: of a session."""
    before, started = bench.usage(), time.monotonic()
    seconds = await bench.pair(session_ids, at_once)
    count = len(session_ids)
    took = [bench.probe.connected[each] - started for each in session_ids]
    return Run(
        messages=count,
        rate=round(count / seconds, 2),
        latency=measure.percentiles(took),
        cpu=per_each(bench.usage(), before, count),
    )


async def _measured(bench: Bench, load: Callable[[], Awaitable[None]], messages: int) -> Run:
    probe = bench.probe
    probe.forget()
    before, started = bench.usage(), time.monotonic()
    await load()
    await probe.until(lambda: len(probe.sent) + probe.failed >= messages, "all to be sent")
    await probe.until(lambda: probe.delivered + probe.failed >= messages, "all to be delivered")
    if probe.failed:
        raise RuntimeError(f"{probe.failed} of {messages} messages failed")
    return Run(
        messages=messages,
        rate=round(messages / (max(probe.sent.values()) - started), 1),
        latency=measure.percentiles(probe.latencies()),
        cpu=per_each(bench.usage(), before, messages),
    )


def per_each(after: measure.Usage, before: measure.Usage, count: int) -> dict[str, float]:
    """Milliseconds of CPU for each of `count`, by role."""
    return {role: round(1000 * used / count, 2) for role, used in after.cpu_since(before).items() if used}
