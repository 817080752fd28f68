"""SIGTERM, while something that the worker needs is away, silent or refuses: it is gone all the same.

By construction that takes under 5 s (`app.leaving`); several workers that start and stop at once on a busy machine are
given more.
"""

import asyncio
import signal
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deploy.local.program import Child
from deploy.local.services import PrivateServices
from deploy.local.stage import Stage
from tests.support.network.gates import Gate, a_gate
from tests.support.services.forked import forked

_GONE_SECONDS = 15.0
_SERVICES = ("AMQP_URL", "DATABASE_URL", "REDIS_URL", "S3_ENDPOINT")
_NOWHERE = {"GATEWAY_WHATSAPP_URL": "ws://127.0.0.1:9/ws/chat", "GATEWAY_WHATSAPP_ROOT_KEY": "00" * 32}
_PATIENCE_SECONDS = 60.0


def port_in(address: str) -> int:
    port = urlsplit(address if "://" in address else f"s3://{address}").port
    assert port is not None
    return port


def through(environment: Mapping[str, str], gates: Mapping[str, Gate]) -> dict[str, str]:
    """The same settings, with every service behind its gate."""
    moved = {
        f"GATEWAY_{name}": environment[f"GATEWAY_{name}"].replace(
            f":{port_in(environment[f'GATEWAY_{name}'])}", f":{gate.port}"
        )
        for name, gate in gates.items()
    }
    return {**environment, **moved}


async def until_logged(child: Child, words: str) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not (child.program.log.exists() and words in child.program.log.read_text(errors="replace")):
            assert child.is_alive, child.last_words()
            await asyncio.sleep(0.05)


async def gone_after(child: Child) -> float:
    """Seconds from SIGTERM to the end."""
    began = time.monotonic()
    child.send(signal.SIGTERM)
    async with asyncio.timeout(_PATIENCE_SECONDS):
        assert await child.wait() == 0, child.last_words(40)
    return time.monotonic() - began


@pytest.fixture
def settings(gateway_environment: dict[str, str]) -> dict[str, str]:
    return {**gateway_environment, **_NOWHERE, "GATEWAY_HTTP_HOST": "127.0.0.1", "GATEWAY_HTTP_PORT": "0"}


@pytest.fixture
async def stage(settings: dict[str, str], tmp_path: Path) -> AsyncGenerator[Stage]:
    async with Stage(tmp_path, settings, forked) as made:
        yield made


@pytest.fixture
async def executed(settings: dict[str, str], tmp_path: Path) -> AsyncGenerator[Stage]:
    """Its workers import what they are made of, as an operator's do."""
    async with Stage(tmp_path, settings) as made:
        yield made


async def start_and_stop(stage: Stage, name: str, settings: Mapping[str, str], *, ready: bool) -> float:
    """Start a worker, stop it when it waits for what does not come, and say how long that took."""
    own = {**settings, "GATEWAY_WORKER_ID": name, "GATEWAY_BRIDGES": "1"}
    child = await stage.launch(name, "run", settings=own)
    await until_logged(child, '"worker.ready"' if ready else '"worker.starting"')
    return await gone_after(child)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("silent", [False, True], ids=["away", "silent"])
async def test_what_is_not_there_at_the_start_holds_up_no_end(stage: Stage, silent: bool) -> None:  # noqa: FBT001 (a table)
    async with AsyncExitStack() as stack:
        gates = {name: await stack.enter_async_context(a_gate(9, silent=silent)) for name in _SERVICES}
        if not silent:
            for gate in gates.values():
                await gate.shut()
        took = await asyncio.gather(
            *(
                start_and_stop(
                    stage,
                    name.partition("_")[0].lower(),
                    through(stage.settings, {name: gate}),
                    ready=name in {"REDIS_URL", "S3_ENDPOINT"},
                )
                for name, gate in gates.items()
            )
        )
    assert max(took) < _GONE_SECONDS, took


@pytest.mark.timeout(240)
async def test_keys_that_s3_and_redis_refuse_hold_up_no_end(executed: Stage, services: PrivateServices) -> None:
    wrong_key = {"GATEWAY_S3_SECRET_KEY": "wrong", "GATEWAY_S3_ACCESS_KEY": "nobody"}
    wrong_password = {"GATEWAY_REDIS_URL": f"redis://nobody:wrong@127.0.0.1:{port_in(services.redis_url)}/0"}
    took = await asyncio.gather(
        start_and_stop(executed, "s3", {**executed.settings, **wrong_key}, ready=True),
        start_and_stop(executed, "redis", {**executed.settings, **wrong_password}, ready=True),
    )
    assert max(took) < _GONE_SECONDS, took


@pytest.mark.timeout(240)
@pytest.mark.parametrize("silent", [False, True], ids=["away", "silent"])
async def test_what_goes_away_later_holds_up_no_end(stage: Stage, silent: bool) -> None:  # noqa: FBT001 (a table)
    async with AsyncExitStack() as stack:
        gates = {
            name: await stack.enter_async_context(a_gate(port_in(stage.settings[f"GATEWAY_{name}"])))
            for name in _SERVICES
        }

        async def lose(name: str, gate: Gate) -> float:
            own = {
                **through(stage.settings, {name: gate}),
                "GATEWAY_WORKER_ID": name.partition("_")[0].lower(),
                "GATEWAY_BRIDGES": "1",
            }
            child = await stage.launch(own["GATEWAY_WORKER_ID"], "run", settings=own)
            await until_logged(child, '"worker.ready"')
            if silent:
                gate.silence()
            else:
                await gate.shut()
            return await gone_after(child)

        took = await asyncio.gather(*(lose(name, gate) for name, gate in gates.items()))
    assert max(took) < _GONE_SECONDS, took
