"""deploy/operate/debian.md, typed block after block in an empty Debian 12, until a message is delivered there."""

import asyncio
import os
import re
import shutil
import socket
from pathlib import Path

import aiohttp
import pytest

from deploy.local.services import ROOT, PrivateServices
from deploy.local.stage import RunningSimulator, Stage
from gateway_worker.client import Event, Gateway, Text
from schemas.events.messages import MessageState, MessageStatus
from schemas.events.sessions import SessionState, SessionStatus
from tests.support.debian import root as debian
from tests.support.webhooks import Received, Receiver, a_receiver
from tests.support.whatsapp.phones import Phones

PAGE = ROOT / "deploy/operate/debian.md"
AMQP = "amqp://gateway-admin:one@127.0.0.1:5672/"
PORTS = (5672, 5432, 6379, 8001, 8003, 8010)  # of the page's services: a root has this machine's network
PATIENCE = 180.0

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]


def sections() -> dict[str, str]:
    """What is to be typed, by the heading above it."""
    parts = re.findall(r"(?ms)^## (.+?)$(.*?)(?=^## |\Z)", PAGE.read_text())
    return {name: "\n".join(re.findall(r"(?s)```sh\n(.*?)```", text)) for name, text in parts}


async def test_whoever_types_the_page_has_a_gateway(services: PrivateServices, wheel: Path, tmp_path: Path) -> None:
    assert os.geteuid() == 0 and shutil.which("apt-get") is not None, "make walkthrough wants root, on a Debian"  # noqa: PT018
    assert [port for port in PORTS if _is_taken(port)] == [], "the page's services want these ports"
    root = await asyncio.to_thread(debian.make, tmp_path)
    root.take(wheel, f"root/{wheel.name}")
    root.take(ROOT / "deploy/operate/systemd", "root/deploy/operate/systemd")
    async with a_receiver() as receiver, Stage(tmp_path / "logs", {}) as stage:
        simulator = await stage.start_simulator()
        typist = await debian.at_work(root, _variables(services, wheel, receiver))
        try:
            for name, text in sections().items():
                if name == "Run":  # this WhatsApp and this backend are on loopback
                    await typist.type(_appended("worker", simulator.settings()))
                    await typist.type(_appended("webhooks", {"GATEWAY_WEBHOOKS_ALLOW_PRIVATE": "true"}))
                await typist.type(text)
            await _until_ready()
            await _a_message_is_delivered(simulator)
            await receiver.until(lambda it: any(_tells_delivered(call) for call in it.taken))
        finally:
            await typist.end()


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _variables(services: PrivateServices, wheel: Path, receiver: Receiver) -> dict[str, str]:
    """Those that the page names."""
    s3 = services.environment()
    return {
        "WHEEL": f"/root/{wheel.name}",
        "RABBITMQ_PASSWORD": "one",
        "POSTGRES_PASSWORD": "two",
        "REDIS_PASSWORD": "three",
        "BACKEND_URL": receiver.url,
        **{name: s3[f"GATEWAY_{name}"] for name in ("S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_SECURE")},
    }


def _appended(process: str, settings: dict[str, str]) -> str:
    lines = "\n".join(f"{name}={value}" for name, value in settings.items())
    return f"cat >> /etc/gateway-worker/{process}.env <<'EOF'\n{lines}\nEOF"


async def _until_ready() -> None:
    """Worker, webhooks and console say so."""
    async with aiohttp.ClientSession() as http, asyncio.timeout(PATIENCE):
        for port in (8001, 8003, 8010):
            while not await _is_ready(http, port):  # noqa: ASYNC110 (health servers tell nobody)
                await asyncio.sleep(0.2)


async def _is_ready(http: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with http.get(f"http://127.0.0.1:{port}/readyz") as answer:
            return answer.status == 200
    except aiohttp.ClientConnectionError:
        return False


async def _a_message_is_delivered(simulator: RunningSimulator) -> None:
    async with (
        aiohttp.ClientSession(simulator.url) as http,
        Gateway(AMQP) as gateway,
        gateway.events() as events,
        asyncio.timeout(PATIENCE),
    ):
        phones = Phones(http)
        phone, friend = await phones.give("Ana"), await phones.give("Ben")
        await gateway.create_session("debian", "tester")
        async for event in events:
            match event.data:
                case SessionStatus(qr_string=str(code)):
                    await phones.scan(phone, code)
                case SessionStatus(state=SessionState.CONNECTED):
                    await gateway.send("debian", friend.number, Text("hi from Debian"))
                case _ if _is_delivered(event):
                    break
                case _:
                    pass
        (arrived,) = await phones.inbox(friend, at_least=1)
        assert arrived["content"]["text"] == "hi from Debian"


def _is_delivered(event: Event) -> bool:
    return isinstance(event.data, MessageStatus) and event.data.status is MessageState.DELIVERED


def _tells_delivered(call: Received) -> bool:
    return call.path == "/api/webhooks/message-status" and call.json["status"] == "delivered"
