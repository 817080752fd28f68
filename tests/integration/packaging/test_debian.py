"""The page for Debian 12, typed line by line in a clean root, until messages pass both ways."""

import asyncio
import os
import re
import secrets
import shutil
import time
from pathlib import Path

import aiohttp
import pytest

from deploy.local.services import ROOT, PrivateServices
from deploy.local.stage import Stage
from tests.support.backend import backend
from tests.support.network.debian_root import a_debian_root
from tests.support.whatsapp.phones import Phones

PAGE = ROOT / "deploy/operate/debian.md"
PATIENCE = 120.0
DAEMONS = "for each in postgresql redis-server rabbitmq-server; do service $each start >/dev/null; done"
PORTS = (5672, 5432, 6379, 4369, 25672, 8001)
IS_POSSIBLE = os.geteuid() == 0 and shutil.which("debootstrap") is not None


async def are_free(*ports: int) -> bool:
    for port in ports:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            continue
        writer.close()
        return False
    return True


async def healthy(url: str) -> dict[str, object]:
    """What the worker says of itself, once it is well."""
    began = time.monotonic()
    async with aiohttp.ClientSession() as http:
        while True:
            try:
                async with http.get(url) as answer:
                    if answer.status == 200:
                        return await answer.json()
            except aiohttp.ClientError:
                pass  # it does not listen yet
            assert time.monotonic() < began + PATIENCE, "the worker does not become well"
            await asyncio.sleep(0.5)


@pytest.mark.alone
@pytest.mark.timeout(1200)
@pytest.mark.skipif(not IS_POSSIBLE, reason="as root, with apt-get install debootstrap: it takes five minutes")
async def test_what_the_page_says_leads_to_a_worker_that_talks(
    wheel: Path, services: PrivateServices, tmp_path: Path
) -> None:
    if not await are_free(*PORTS):
        pytest.skip("the page's ports are taken on this machine")
    programs, daemons, settings, run = re.findall(r"(?s)```sh\n(.*?)```", PAGE.read_text())
    words = {name: secrets.token_hex(8) for name in ("RABBITMQ_PASSWORD", "POSTGRES_PASSWORD", "REDIS_PASSWORD")}
    s3 = {
        "S3_ENDPOINT": services.s3_endpoint,
        "S3_ACCESS_KEY": services.s3_access_key,
        "S3_SECRET_KEY": services.s3_secret_key,
        "S3_SECURE": "false",
    }
    async with Stage(tmp_path / "stage", {}) as stage:
        simulator = await stage.start_simulator()
        with a_debian_root(tmp_path / "root") as root:
            shutil.copytree(ROOT / "deploy/operate/systemd", root.path / "root/deploy/operate/systemd")
            shutil.copy(wheel, root.path / "root")
            variables = {**words, **s3, "WHEEL": f"/root/{wheel.name}"}
            await asyncio.to_thread(root.type, programs, variables)
            await asyncio.to_thread(root.type, DAEMONS)
            await asyncio.to_thread(root.type, daemons, variables)
            await asyncio.to_thread(root.type, settings, variables)
            file = root.path / "etc/gateway-worker/worker.env"
            more = "".join(f"{name}={value}\n" for name, value in simulator.settings().items())
            file.write_text(file.read_text() + more)
            assert oct(file.stat().st_mode)[-3:] == "640"
            said = await asyncio.to_thread(root.type, run, variables)
            assert "✗" not in said
            health = await healthy("http://127.0.0.1:8001/health")
            assert health["status"] == "ok"
            url = f"amqp://gateway-admin:{words['RABBITMQ_PASSWORD']}@127.0.0.1:5672/"
            async with backend(url, "gateway") as told, aiohttp.ClientSession(simulator.url) as http:
                phones = Phones(http)
                ana, ben = await phones.give("Ana"), await phones.give("Ben")
                data = {"sessionId": "first", "userId": "u", "pairing": {"method": "qr"}}
                await told.ask("session.create.v1", "first", data)
                shown = await told.state("first", "qr_required")
                await phones.scan(ana, shown["data"]["qrString"])
                await told.state("first", "connected")
                text = {"to": ben.number, "content": {"kind": "text", "text": "from Debian"}}
                await told.publish("message.send.v1", "first", text)
                (arrived,) = await phones.inbox(ben, at_least=1)
                assert arrived["content"]["text"] == "from Debian"
                await phones.send(ben, ana.number, "to Debian")
                received = await told.event("message.received.v1")
                assert received["data"]["content"]["text"] == "to Debian"
