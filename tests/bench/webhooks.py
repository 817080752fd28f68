"""Webhooks' figures: CPU of a call, how much later than the broker, a long outage. ``python -m tests.bench.webhooks``.

The process runs as an operator's does; the target is a server here, the events are published as a worker would.
"""

import asyncio
import json
import os
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aio_pika
import psutil
from aiohttp import web
from rich.console import Console

from deploy.local.services import PrivateServices
from deploy.local.stage import Stage
from schemas.sequence import write
from schemas.topology.channels import Topology
from tests.bench.measure import MIB, percentiles
from tests.support.services.private_services import unique_name

RATE: Final = 300
SECONDS: Final = 20
SESSIONS: Final = 50
WAITING: Final = 50_000
AWAY_SECONDS: Final = 40
PATIENCE: Final = 200.0
SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the specification's own
_console: Final = Console(highlight=False)


@dataclass(slots=True)
class Target:
    """The server that is called, and the queue beside it: when each event was there."""

    is_away: bool = False
    called: dict[str, float] = field(default_factory=dict[str, float])
    heard: dict[str, float] = field(default_factory=dict[str, float])
    last: dict[str, int] = field(default_factory=dict[str, int])
    disorder: int = 0
    wanted: int = 0
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        """One call."""
        body = await request.read()
        if self.is_away:
            return web.Response(status=503)
        event = json.loads(body)
        if event["id"] not in self.called:
            self.called[event["id"]] = time.perf_counter()
            number = int(event["sequence"])
            self.disorder += number != self.last.get(event["subject"], 0) + 1
            self.last[event["subject"]] = number
        if len(self.called) >= self.wanted:
            self.enough.set()
        return web.Response(status=204)

    async def hear(self, message: Any) -> None:
        """The same event, as any backend on AMQP has it."""
        self.heard[message.message_id] = time.perf_counter()

    async def until(self, count: int) -> None:
        """Return when so many events have come."""
        self.wanted = count
        self.enough.clear()
        if len(self.called) < count:
            async with asyncio.timeout(PATIENCE):
                await self.enough.wait()


@dataclass(slots=True)
class Events:
    """Publishes them, in turn for each session."""

    exchange: Any
    published: dict[str, float] = field(default_factory=dict[str, float])
    count: int = 0

    async def tell(self) -> None:
        """The next one, confirmed."""
        self.count += 1
        session, number = f"session-{self.count % SESSIONS:02}", (self.count - 1) // SESSIONS + 1
        event_id, now = f"event-{self.count}", datetime.now(UTC).isoformat(timespec="milliseconds")
        data = {
            "sessionId": session, "messageId": f"3EB0{self.count:016X}", "commandId": event_id, "status": "delivered",
            "to": "+15550001111", "chat": "15550001111@s.whatsapp.net", "timestamp": now.replace("+00:00", "Z"),
        }  # fmt: skip
        event = {
            "specversion": "1.0", "id": event_id, "source": f"/whatsapp-gateway/sessions/{session}",
            "type": "message.status.v1", "subject": session, "time": data["timestamp"],
            "datacontenttype": "application/json", "sequence": write(number), "epoch": 1, "data": data,
        }  # fmt: skip
        self.published[event_id] = time.perf_counter()
        body = aio_pika.Message(json.dumps(event).encode(), message_id=event_id, delivery_mode=2)
        await self.exchange.publish(body, f"message.status.{session}")

    async def at(self, rate: float, count: int) -> None:
        """So many, evenly."""
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
                group.create_task(self.tell())


async def main() -> None:
    """Measure and print."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        services = PrivateServices(directory / "services")
        await asyncio.to_thread(services.__enter__)
        stack.callback(services.end)
        namespace = unique_name()
        own = {**services.environment(), "GATEWAY_NAMESPACE": namespace, "GATEWAY_WEBHOOKS_HTTP_PORT": "0"}
        stage = await stack.enter_async_context(Stage(directory / "logs", own))
        target = Target()
        url = await _served(stack, target)
        events = await _events(stack, services.amqp_url, Topology(namespace), target)
        file = directory / "webhooks.toml"
        file.write_text(f'[[targets]]\nname = "shop"\nurl = "{url}"\nsecrets = ["{SECRET}"]\nallow_private = true\n')
        child = await stage.launch("webhooks", "webhooks", "--file", str(file))
        process = psutil.Process(child.pid)
        await _warm(events, target)
        await _paced(events, target, process)
        await _outage(events, target, process)


async def _served(stack: AsyncExitStack, target: Target) -> str:
    app = web.Application()
    app.router.add_post("/hooks", target.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}/hooks"


async def _events(stack: AsyncExitStack, amqp_url: str, topology: Topology, target: Target) -> Events:
    connection = await stack.enter_async_context(await aio_pika.connect(amqp_url))
    channel = await connection.channel()
    exchange = await channel.declare_exchange(topology.events, aio_pika.ExchangeType.TOPIC, durable=True)
    await channel.declare_exchange(topology.commands, aio_pika.ExchangeType.TOPIC, durable=True)
    beside = await channel.declare_queue("beside", durable=True, arguments={"x-queue-type": "quorum"})
    await beside.bind(exchange, "message.#")
    await beside.consume(target.hear, no_ack=True)
    return Events(exchange)


async def _warm(events: Events, target: Target) -> None:
    """Its queue is there when something arrives."""
    async with asyncio.timeout(PATIENCE):
        while not target.called:
            for _ in range(SESSIONS):
                await events.tell()
            await asyncio.sleep(1.0)
    target.disorder, target.last = 0, {}
    await asyncio.sleep(1.0)
    target.last = {f"session-{number:02}": events.count // SESSIONS for number in range(SESSIONS)}


async def _paced(events: Events, target: Target, process: psutil.Process) -> None:
    before, first, known = _cpu(process), events.count, len(target.called)
    await events.at(RATE, RATE * SECONDS)
    await target.until(known + RATE * SECONDS)
    used, count = _cpu(process) - before, events.count - first
    late = {
        name: percentiles([when[key] - events.published[key] for key in _since(first, count) if key in when])
        for name, when in (("HTTP", target.called), ("AMQP", target.heard))
    }
    above = late["HTTP"].p50 - late["AMQP"].p50
    _console.print(
        f"load {os.getloadavg()[0]:.1f}; {RATE}/s for {SECONDS} s: {1000 * used / count:.2f} ms of CPU for each event"
        f" (wanted 1.5); {_memory(process)}"
    )
    _console.print(
        f"event → HTTP p50 {late['HTTP'].p50} ms, p99 {late['HTTP'].p99} ms; AMQP beside it p50 {late['AMQP'].p50} ms;"
        f" above the broker's {above:.1f} ms (wanted 25); out of order {target.disorder}"
    )


async def _outage(events: Events, target: Target, process: psutil.Process) -> None:
    target.is_away = True
    first, began, most = events.count, time.perf_counter(), process.memory_info().rss
    before, known = _memory(process), len(target.called)
    while events.count - first < WAITING:
        await asyncio.gather(*(events.tell() for _ in range(SESSIONS * 10)))
        most = max(most, process.memory_info().rss)
    while time.perf_counter() - began < AWAY_SECONDS:
        await asyncio.sleep(1.0)
        most = max(most, process.memory_info().rss)
    away, target.is_away = time.perf_counter() - began, False
    back = time.perf_counter()
    waiting = asyncio.ensure_future(target.until(known + WAITING))
    while not waiting.done():
        await asyncio.wait({waiting}, timeout=1.0)
        most = max(most, process.memory_info().rss)
    waiting.result()
    took = time.perf_counter() - back
    _console.print(
        f"{WAITING} events while the target was away for {away:.0f} s: memory {before} before, {most / MIB:.0f} MiB at"
        f" most; all there {took:.0f} s after it was back ({WAITING / took:.0f}/s), out of order {target.disorder}"
    )


def _since(first: int, count: int) -> list[str]:
    return [f"event-{number}" for number in range(first + 1, first + count + 1)]


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _memory(process: psutil.Process) -> str:
    return f"{process.memory_info().rss / MIB:.0f} MiB"


if __name__ == "__main__":
    asyncio.run(main())
