"""S5: messages from phones, until their event is on RabbitMQ; against `messages.upsert` of bare Baileys."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from tests.bench import bare
from tests.bench.gateway import Bench, per_each
from tests.bench.measure import Latency, percentiles
from tests.bench.report import Findings, Section, at_least, below
from tests.bench.runs import OURS, ratio, turns
from tests.bench.scene import Scene
from tests.support.whatsapp.phones import Phone

_WRITERS: Final = 8
_PACE: Final = 40
_THROUGHPUT: Final = 0.8
_P50: Final = 5.0
_Arrivals = Callable[[int], Awaitable[dict[str, float]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One who receives: how to begin anew, and when what came."""

    name: str
    phone: Phone
    begin: Callable[[], Awaitable[None]]
    arrivals: _Arrivals


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flood:
    """Messages per second; how many per second the phones handed over."""

    rate: float
    offered: float
    latency: Latency


async def measured(scene: Scene) -> Findings:
    """As fast as the phones write, in turn; then at a steady rate."""
    async with scene.bench() as bench, bare.companion(bench) as baileys:
        await bench.pair(["alice"])
        friends = [await bench.phones.give("Pal") for _ in range(_WRITERS)]
        ours, theirs = _ours(bench), _bare(baileys)
        for friend in friends:
            await bench.greet("alice", friend, 1)
            await baileys.greet(friend, 1)
        floods: dict[str, list[_Flood]] = {ours.name: [], theirs.name: []}
        before, received = bench.usage(), 0
        for side in turns((ours, theirs), scene.scale.rounds):
            scene.say(f"phones write to {side.name} …")
            floods[side.name].append(await _flood(bench, friends, side, scene.scale.incoming))
            received += scene.scale.incoming * (side is ours)
        cpu = per_each(bench.usage(), before, received)
        paced = {side.name: await _paced(bench, friends, side, scene.scale.paced_seconds) for side in (ours, theirs)}
    return _findings(floods, paced, {role: used for role, used in cpu.items() if role in OURS})


def _ours(bench: Bench) -> _Side:
    async def begin() -> None:
        bench.probe.forget()

    async def arrivals(count: int) -> dict[str, float]:
        await bench.probe.until(lambda: len(bench.probe.received) >= count, f"{count} messages to come in")
        return dict(bench.probe.received)

    return _Side(name="the gateway", phone=bench.people["alice"], begin=begin, arrivals=arrivals)


def _bare(baileys: bare.Companion) -> _Side:
    return _Side(name="bare Baileys", phone=baileys.phone, begin=baileys.begin_receiving, arrivals=baileys.received)


async def _flood(bench: Bench, friends: list[Phone], side: _Side, count: int) -> _Flood:
    """Every phone writes its next message when the simulator has taken the one before."""
    await side.begin()
    posted: dict[str, float] = {}
    started = time.monotonic()

    async def write(friend: Phone) -> None:
        for number in range(count // len(friends)):
            at = time.monotonic()
            posted[await bench.phones.send(friend, side.phone.number, f"message {number}")] = at

    async with asyncio.TaskGroup() as tasks:
        for friend in friends:
            tasks.create_task(write(friend))
    offered = len(posted) / (time.monotonic() - started)
    arrived = await side.arrivals(len(posted))
    return _Flood(
        rate=len(posted) / (max(arrived.values()) - started),
        offered=offered,
        latency=percentiles([arrived[each] - at for each, at in posted.items()]),
    )


async def _paced(bench: Bench, friends: list[Phone], side: _Side, seconds: float) -> Latency:
    await side.begin()
    posted: dict[str, float] = {}
    started = time.monotonic()
    for number in range(int(_PACE * seconds)):
        await asyncio.sleep(max(0.0, started + number / _PACE - time.monotonic()))
        at = time.monotonic()
        posted[await bench.phones.send(friends[number % len(friends)], side.phone.number, f"message {number}")] = at
    arrived = await side.arrivals(len(posted))
    return percentiles([arrived[each] - at for each, at in posted.items()])


def _findings(floods: dict[str, list[_Flood]], paced: dict[str, Latency], cpu: dict[str, float]) -> Findings:
    table = Section(
        title="Phones write",
        columns=("to", "messages/s", "handed over/s", f"p50 ms at {_PACE}/s", f"p99 ms at {_PACE}/s"),
    )
    rates = {name: statistics.median(flood.rate for flood in each) for name, each in floods.items()}
    for name, each in floods.items():
        offered = statistics.median(flood.offered for flood in each)
        table.rows.append((name, f"{rates[name]:.1f}", f"{offered:.1f}", f"{paced[name].p50}", f"{paced[name].p99}"))
    roles = ", ".join(f"{role} {used}" for role, used in cpu.items())
    table.notes.append(
        f"CPU ms per message: {roles}. Where messages/s are those handed over, it is the simulator that is measured."
    )
    ours, bares = rates["the gateway"], rates["bare Baileys"]
    above = paced["the gateway"].p50 - paced["bare Baileys"].p50
    return Findings(
        sections=[table],
        figures=[
            at_least("S5 incoming ÷ bare", f"{ours:.1f}/s, bare {bares:.1f}/s", ratio(ours, bares), _THROUGHPUT),
            below(f"S5 incoming above bare, p50 at {_PACE}/s", above, _P50, "ms"),
        ],
    )
