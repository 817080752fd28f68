"""The process as an operator runs it: killed in the middle, misconfigured, and its dead queue in a person's hands."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from deploy.local.program import Child, Program
from deploy.local.services import ROOT, PrivateServices
from gateway_worker.webhooks.names import WebhookNames
from tests.support.services.forked import forked
from tests.support.terminal import typed
from tests.support.webhooks import Json, Received, a_receiver, a_stage, sequences

RECEIVED = "message.received.v1"


def environment(services: PrivateServices, namespace: str, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    return kept | {
        "GATEWAY_AMQP_URL": services.amqp_url,
        "GATEWAY_NAMESPACE": namespace,
        "GATEWAY_HTTP_HOST": "127.0.0.1",
        "GATEWAY_WEBHOOKS_HTTP_PORT": "0",
        "GATEWAY_WEBHOOKS_ALLOW_PRIVATE": "true",
        "PYTHONPATH": str(ROOT),
        **more,
    }


@asynccontextmanager
async def process(environment: dict[str, str], log: Path) -> AsyncGenerator[Child]:
    program = Program(
        name="webhooks",
        arguments=(sys.executable, "-m", "gateway_worker", "webhooks"),
        folder=ROOT,
        log=log,
        environment=environment,
    )
    running = await forked(program)
    try:
        yield running
    finally:
        await running.end(signal.SIGTERM)


async def test_a_process_that_is_killed_loses_nothing_and_keeps_the_order(
    services: PrivateServices, namespace: str, tmp_path: Path
) -> None:
    async def at_its_leisure(_call: Received) -> web.StreamResponse:
        await asyncio.sleep(0.02)
        return web.Response()

    async with a_receiver(at_its_leisure) as receiver, a_stage(services.amqp_url, namespace) as stage:
        settings = environment(services, namespace, GATEWAY_WEBHOOKS_BACKEND_URL=receiver.url)
        async with process(settings, tmp_path / "log") as first:
            await stage.until_bound(WebhookNames(stage.topology).queue("backend"))
            for number in range(60):
                for session in ("A", "B", "C"):
                    await stage.emit("message.status.v1", session, {"sessionId": session, "n": number})
            await receiver.has_taken(60)
            first.send(signal.SIGKILL)
            await first.wait()
        async with process(settings, tmp_path / "log") as second:
            await receiver.until(lambda it: len({call.id for call in it.taken}) == 180)
            second.send(signal.SIGTERM)
            assert await second.wait() == 0
    seen: dict[str, list[int]] = {"A": [], "B": [], "C": []}
    for call in receiver.taken:
        if call.json["n"] not in seen[call.json["sessionId"]]:
            seen[call.json["sessionId"]].append(call.json["n"])
    assert seen == {session: [*range(60)] for session in "ABC"}
    assert receiver.url not in (tmp_path / "log").read_text()


async def test_what_was_given_up_is_listed_redriven_and_dropped(
    services: PrivateServices, namespace: str, tmp_path: Path
) -> None:
    async def refuse(_call: Received) -> web.StreamResponse:
        return web.Response(status=500)

    async with a_receiver(refuse) as receiver, a_stage(services.amqp_url, namespace) as stage:
        target = f'[[targets]]\nname = "shop"\nurl = "{receiver.url}"\nallow_private = true\n'
        file = tmp_path / "webhooks.toml"
        file.write_text(f"{target}give_up_hours = 0.0003")
        settings = environment(services, namespace, GATEWAY_WEBHOOKS_FILE=str(file))
        names = WebhookNames(stage.topology)
        async with process(settings, tmp_path / "log"):
            await stage.until_bound(names.queue("shop"))
            first, second = [await stage.emit(RECEIVED, "A", {"n": number}) for number in range(2)]
            await stage.until_counted(names.dead, 2)
            said = await typed(tmp_path, settings, "dead", "list", "--webhooks", "--json")
            listed: list[Json] = said.json
            assert (said.code, [each["id"] for each in listed]) == (0, [first["id"], second["id"]])
            assert {each["code"] for each in listed} == {"webhook.undelivered"}
        receiver.answer = _well
        file.write_text(target)
        async with process(settings, tmp_path / "log"):
            said = await typed(tmp_path, settings, "dead", "redrive", first["id"], "--webhooks")
            assert (said.code, said.complaints) == (0, "")
            assert (await receiver.has_taken(1))[0].json == first
            said = await typed(tmp_path, settings, "dead", "drop", "--all", "--webhooks")
            assert (said.code, said.complaints) == (0, "")
            await stage.until_counted(names.dead, 0)
    assert sequences(receiver.taken) == {"A": [1]}


async def _well(_call: Received) -> web.StreamResponse:
    return web.Response()


async def test_whoever_misconfigures_it_reads_one_line(
    services: PrivateServices, namespace: str, tmp_path: Path
) -> None:
    for more, line in (
        ({}, "there is nobody to call: set GATEWAY_WEBHOOKS_BACKEND_URL"),
        ({"GATEWAY_WEBHOOKS_BACKEND_URL": "http://[fe80::1]/"}, "GATEWAY_WEBHOOKS_BACKEND_URL: leads to an address"),
        (
            {
                "GATEWAY_WEBHOOKS_BACKEND_URL": "https://backend.example",
                "GATEWAY_AMQP_URL": f"amqp://nobody:secret@127.0.0.1:{services.amqp_url.rpartition(':')[2]}",
            },
            "refuses the user 'nobody' or the password",
        ),
    ):
        said = await typed(tmp_path, environment(services, namespace, **more), "webhooks")
        err = said.complaints
        assert said.code == 2, err
        assert line in err
        assert "Traceback" not in err
        assert "secret" not in err
        assert len([each for each in err.splitlines() if "webhooks.started" not in each]) == 1
