"""Bare Baileys, A → B in one Node process, on the same simulator: what the gateway is compared with."""

import asyncio
import json
from pathlib import Path
from typing import Any

from deploy.local.stage import RunningSimulator
from gateway_worker.whatsapp.baileys.process.process import BRIDGE, node_program
from tests.bench import measure
from tests.bench.gateway import Run

_SCRIPT = Path(__file__).with_name("bare_baileys.mjs")
_MODULES = BRIDGE / "node_modules"
_PATIENCE = 300.0


async def throughput(simulator: RunningSimulator, messages: int, window: int) -> Run:
    """As fast as it goes with `window` messages under way."""
    return await _run(simulator, messages, "--count", str(messages), "--window", str(window))


async def paced(simulator: RunningSimulator, rate: float, seconds: float) -> Run:
    """At a steady rate per second."""
    messages = int(rate * seconds)
    return await _run(simulator, messages, "--count", str(messages), "--rate", str(rate))


async def _run(simulator: RunningSimulator, messages: int, *arguments: str) -> Run:
    before = measure.read({"simulator": simulator.child.pid})
    process = await asyncio.create_subprocess_exec(
        str(node_program()),
        str(_SCRIPT),
        *("--modules", str(_MODULES), "--url", simulator.whatsapp_url, "--control", simulator.url),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(_PATIENCE):
        out, err = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"bare Baileys failed: {err.decode()[-500:]}")
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    spent = measure.read({"simulator": simulator.child.pid}).cpu_since(before)
    return Run(
        messages=messages,
        rate=round(found["rate"], 1),
        latency=measure.Latency(round(found["p50"], 1), round(found["p99"], 1), round(found["worst"], 1)),
        cpu={
            "node": round(found["cpuMsPerMessage"], 2),
            "simulator": round(1000 * spent["simulator"] / messages, 2),
        },
    )
