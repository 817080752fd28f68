"""The simulator and workers as processes on private services: what the demo, the benchmark and the tests run.

    async with Stage(directory, services.environment() | {...}) as stage:
        simulator = await stage.start_simulator()
        worker = await stage.start_worker("worker-001")

Leaving the block ends them; so does the death of this process, however it dies.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, cast

import aiohttp
import asyncpg

from deploy.local.program import Child, Program, ProgramFailedError, run_to_end

_POLL_SECONDS: Final = 0.05
_PATIENCE_SECONDS: Final = 60.0
_INHERITED: Final = ("HOME", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")

Start = Callable[[Program], Awaitable[Child]]
"""Makes a program a process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """Whose gateway runs: the tree it lies in, and the Python that has its packages. By default our own."""

    python: Path = Path(sys.executable)
    tree: Path | None = None

    def environment(self) -> dict[str, str]:
        """What its programs inherit of us."""
        inherited = {key: os.environ[key] for key in _INHERITED if key in os.environ}
        return inherited if self.tree is None else inherited | {"PYTHONPATH": str(self.tree)}


_OWN: Final = Build()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSimulator:
    """A simulator process. `url` is its control API, `whatsapp_url` what a bridge connects to."""

    child: Child
    url: str
    whatsapp_url: str
    root_key: str

    def settings(self) -> dict[str, str]:
        """What points a worker at it."""
        return {
            "GATEWAY_WHATSAPP_URL": self.whatsapp_url,
            "GATEWAY_WHATSAPP_ROOT_KEY": self.root_key,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningWorker:
    """A worker process. `url` is its health server."""

    child: Child
    worker_id: str
    url: str

    async def stop(self) -> int:
        """SIGTERM, and its exit code."""
        await self.child.end(signal.SIGTERM)
        return await self.child.wait()

    def log(self) -> str:
        """What it has logged so far."""
        return self.child.program.log.read_text(errors="replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningConsole:
    """A console process. `url` is where its pages are, without a slash at the end."""

    child: Child
    url: str


class Stage:
    """Starts processes with the given GATEWAY_* settings, and ends them."""

    def __init__(
        self, directory: Path, settings: Mapping[str, str], start: Start = Child.start, *, build: Build = _OWN
    ) -> None:
        """`directory` takes logs and is made if need be. Workers are those of `build`, the simulator is ours."""
        self._directory = directory
        self._build = build
        self.settings = dict(settings)
        self._start_program = start
        self._children: list[Child] = []
        self._started = 0

    async def __aenter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        for log in self._directory.glob("*.log"):
            log.unlink()  # of the stage before: who waits for a line must not find one of those
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in reversed(self._children):
            await child.end(signal.SIGTERM)

    async def create_database(self, name: str) -> None:
        """Create an empty database on the server of GATEWAY_DATABASE_URL, use it from now on, and migrate it."""
        server = self.settings["GATEWAY_DATABASE_URL"]
        connection = cast("Any", await asyncpg.connect(server))  # asyncpg's own annotation is partly unknown
        try:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()
        self.settings["GATEWAY_DATABASE_URL"] = server.rpartition("/")[0] + f"/{name}"
        await self.migrate()

    async def migrate(self) -> None:
        """``gateway-worker migrate``."""
        await run_to_end(self._program("migrate", "migrate", build=self._build))

    async def start_simulator(
        self, port: int = 0, state: Path | None = None, *, largest_mb: int | None = None
    ) -> RunningSimulator:
        """Start one and return when it listens. With `state` it goes on where the one before it ended (SIGTERM).

        `largest_mb`: of a file, where its own limit is too small.
        """
        self._started += 1
        ready_file = self._directory / f"simulator-{self._started}.json"
        ready_file.unlink(missing_ok=True)
        arguments = ("simulator", "--port", str(port), "--ready-file", str(ready_file))
        arguments += ("--state", str(state)) if state else ()
        arguments += ("--largest-mb", str(largest_mb)) if largest_mb else ()
        child = await self._start(self._program(f"simulator-{self._started}", *arguments))
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not ready_file.exists():
                await self._still_starting(child)
        addresses = json.loads(ready_file.read_text())
        async with aiohttp.ClientSession() as http, http.get(f"{addresses['url']}/root-key") as response:
            root_key = (await response.json())["rootKey"]
        return RunningSimulator(
            child=child,
            url=addresses["url"],
            whatsapp_url=addresses["whatsappUrl"],
            root_key=root_key,
        )

    async def start_worker(
        self, worker_id: str, settings: Mapping[str, str] | None = None, *, within: Sequence[str] = ()
    ) -> RunningWorker:
        """Start one and return when it says that it is ready. Raises ProgramFailedError when it ends before that.

        `within` is a command that runs another one in its place, like ``ip netns exec NAME``.
        """
        self._started += 1
        own = {
            "GATEWAY_WORKER_ID": worker_id,
            "GATEWAY_HTTP_HOST": "127.0.0.1",
            "GATEWAY_HTTP_PORT": "0",
            "GATEWAY_LOG_FORMAT": "json",
            **(settings or {}),
        }
        name = f"{worker_id}-{self._started}"
        child = await self._start(self._program(name, "run", settings=own, within=within, build=self._build))
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while (port := _logged(child.program.log, "worker.ready", "http_port")) is None:
                await self._still_starting(child)
        return RunningWorker(child=child, worker_id=worker_id, url=f"http://127.0.0.1:{port}")

    async def start_console(self, settings: Mapping[str, str] | None = None) -> RunningConsole:
        """Start one and return when it serves. Raises ProgramFailedError when it ends before that."""
        self._started += 1
        own = {"GATEWAY_CONSOLE_PORT": "0", "GATEWAY_LOG_FORMAT": "json", **(settings or {})}
        child = await self._start(self._program(f"console-{self._started}", "console", settings=own))
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while (address := _logged(child.program.log, "console.ready", "address")) is None:
                await self._still_starting(child)
        return RunningConsole(child=child, url=str(address).rstrip("/"))

    async def launch(self, name: str, *arguments: str, settings: Mapping[str, str] | None = None) -> Child:
        """Start ``gateway-worker ARGUMENTS`` and return at once; its log has that name."""
        return await self._start(self._program(name, *arguments, settings=settings))

    async def _start(self, program: Program) -> Child:
        child = await self._start_program(program)
        self._children.append(child)
        return child

    async def _still_starting(self, child: Child) -> None:
        if not child.is_alive:
            raise ProgramFailedError(child.program.name, child.last_words())
        await asyncio.sleep(_POLL_SECONDS)

    def _program(
        self,
        name: str,
        *arguments: str,
        settings: Mapping[str, str] | None = None,
        within: Sequence[str] = (),
        build: Build = _OWN,
    ) -> Program:
        return Program(
            name=name,
            arguments=(*within, str(build.python), "-m", "gateway_worker", *arguments),
            folder=self._directory,
            log=self._directory / f"{name}.log",
            environment={**build.environment(), **self.settings, **(settings or {})},
        )


def _logged(log: Path, event: str, name: str) -> object:
    """What a line of the log says, once it is there."""
    if not log.exists():
        return None
    for line in log.read_text(errors="replace").splitlines():
        if f'"{event}"' in line:
            return json.loads(line)[name]
    return None
