"""Bare Baileys, its keys in memory: what the gateway is compared with. A Node process that is kept warm.

async with bare.companion(bench) as baileys:
    run = await baileys.throughput(friend, messages=1_000, window=32)
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway_worker.whatsapp.baileys.process.process import BRIDGE, node_program
from tests.bench import measure
from tests.bench.gateway import Bench
from tests.bench.runs import Run
from tests.support.whatsapp.phones import Phone

_SCRIPT: Final = Path(__file__).with_name("bare_baileys.mjs")
_PATIENCE: Final = 300.0
_LINE: Final = 1 << 24  # bytes of its longest answer: times of arrival


@dataclass(slots=True)
class Companion:
    """The process; its first paired phone writes and is written to."""

    bench: Bench
    process: asyncio.subprocess.Process
    phone: Phone

    async def throughput(self, to: Phone, messages: int, window: int) -> Run:
        """As fast as it goes with `window` messages under way, each until WhatsApp's server has acknowledged it."""
        return await self._send(messages, to=to.number, count=messages, window=window)

    async def paced(self, to: Phone, rate: float, seconds: float) -> Run:
        """At a steady rate per second."""
        messages = int(rate * seconds)
        return await self._send(messages, to=to.number, count=messages, rate=rate)

    async def begin_receiving(self) -> None:
        """From now on arrivals are written down."""
        await self.ask(do="begin")

    async def received(self, count: int) -> dict[str, float]:
        """Message id → when `messages.upsert` had it (`time.monotonic`), once there are so many."""
        return (await self.ask(do="received", count=count))["at"]

    async def pair(self, phones: Sequence[Phone]) -> float:
        """Pair and connect further companions, one after the other: milliseconds of CPU for each."""
        answer = await self.ask(do="pair", phones=[phone.number for phone in phones])
        return answer["cpuMs"] / len(phones)

    async def cpu(self) -> float:
        """Milliseconds of CPU so far."""
        return (await self.ask(do="cpu"))["cpuMs"]

    async def greet(self, friend: Phone, texts: int = 3) -> None:
        """A few texts to a phone and one back: from now on the ratchet turns without prekeys."""
        await self.begin_receiving()
        await self.throughput(friend, texts, 1)
        await self.bench.phones.send(friend, self.phone.number, "an answer")
        await self.received(1)

    async def _send(self, messages: int, **request: object) -> Run:
        simulator = {"simulator": self.bench.simulator.child.pid}
        before = measure.read(simulator)
        found = await self.ask(do="send", **request)
        spent = measure.read(simulator).cpu_since(before)
        return Run(
            messages=messages,
            rate=round(found["rate"], 1),
            latency=measure.Latency(round(found["p50"], 1), round(found["p99"], 1), round(found["worst"], 1)),
            cpu={
                "node": round(found["cpuMs"] / messages, 2),
                "simulator": round(1000 * spent["simulator"] / messages, 2),
            },
        )

    async def ask(self, **request: object) -> dict[str, Any]:
        """One request, a line of JSON, and its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        async with asyncio.timeout(_PATIENCE):
            answer = await self.process.stdout.readline()
        if not answer:
            assert self.process.stderr is not None
            words = await self.process.stderr.read()
            raise RuntimeError(f"bare Baileys failed: {words.decode(errors='replace')[-500:]}")
        return json.loads(answer)


@asynccontextmanager
async def companion(bench: Bench) -> AsyncGenerator[Companion]:
    """One that has been paired and is connected."""
    process = await asyncio.create_subprocess_exec(
        str(node_program()),
        str(_SCRIPT),
        *("--modules", str(BRIDGE / "node_modules")),
        *("--url", bench.simulator.whatsapp_url, "--control", bench.simulator.url),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LINE,
    )
    try:
        phone = await bench.phones.give("Bare")
        baileys = Companion(bench, process, phone)
        await baileys.pair([phone])
        yield baileys
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
