"""The process that owns the private services, so that none of them can be left behind.

Their life hangs on it in both directions. When the process that asked for them dies, in whatever way, the guardian
sees it through a pidfd and ends them. When the guardian itself is killed, the kernel ends them (PR_SET_PDEATHSIG in
program.py). It answers requests on a Unix socket in the services' directory: one JSON object a line.
"""

import argparse
import asyncio
import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import psutil

from deploy.local.control import at_short_path
from deploy.local.keeper import Keeper
from deploy.local.postgresql import PostgreSQL
from deploy.local.program import ProgramFailedError
from deploy.local.rabbitmq import RabbitMQ
from deploy.local.redis import Redis
from deploy.local.seaweedfs import SeaweedFS
from deploy.local.service import Service

KINDS: Final[tuple[type[Service], ...]] = (RabbitMQ, PostgreSQL, Redis, SeaweedFS)


class Guardian:
    """Holds one set of services from start to end."""

    def __init__(self, directory: Path, *, durable: bool) -> None:
        self._directory = directory
        self._durable = durable
        self._keepers = {kind.name: Keeper(kind, directory / kind.name, durable=durable) for kind in KINDS}
        self._ending = asyncio.Event()

    async def run(self, owner: int | None) -> None:
        """Start everything in parallel, then serve requests until somebody wants it to end or the owner is gone."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ending.set)
        if owner is not None:
            self._watch(owner)
        server = await asyncio.start_unix_server(self._serve, sock=_listen(self._directory))
        starts = [asyncio.ensure_future(self._first_start(keeper)) for keeper in self._keepers.values()]
        try:
            await self._ending.wait()
        finally:
            server.close()
            for start in starts:
                start.cancel()
            await asyncio.gather(*starts, return_exceptions=True)
            await asyncio.gather(*(keeper.end(durable=self._durable) for keeper in self._keepers.values()))

    @staticmethod
    async def _first_start(keeper: Keeper) -> None:
        with contextlib.suppress(ProgramFailedError, OSError):  # told by its report to whoever waits for it
            await keeper.start()

    def _watch(self, owner: int) -> None:
        """End when the owner does. It stands above us, so the kernel cannot have given its number to somebody else."""
        try:
            watch = os.pidfd_open(owner)
        except ProcessLookupError:
            self._ending.set()
            return
        asyncio.get_running_loop().add_reader(watch, self._ending.set)
        if owner not in {parent.pid for parent in psutil.Process().parents()}:
            self._ending.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the one request of a connection."""
        with contextlib.suppress(ConnectionError):
            line = await reader.readline()
            if line:
                writer.write(json.dumps(await self._answer(json.loads(line))).encode() + b"\n")
                await writer.drain()
        writer.close()

    async def _answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        match request["do"]:
            case "report":
                pass
            case "end":
                self._ending.set()
            case str(verb):
                keeper = self._keepers[request["service"]]
                actions: dict[str, Callable[[], Awaitable[None]]] = {
                    "start": keeper.start,
                    "stop": keeper.stop,
                    "kill": keeper.kill,
                    "pause": keeper.pause,
                    "resume": keeper.resume,
                }
                try:
                    await actions[verb]()
                except (ProgramFailedError, OSError) as error:
                    return {"error": str(error)}
            case unknown:
                return {"error": f"unknown request {unknown!r}"}
        return {"pid": os.getpid(), "services": {name: keeper.report() for name, keeper in self._keepers.items()}}


def _listen(directory: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    with at_short_path(directory) as address:
        Path(address).unlink(missing_ok=True)
        listener.bind(address)
        Path(address).chmod(0o600)
    listener.listen()
    return listener


def main() -> None:
    """`python -m deploy.local.guardian DIRECTORY [--durable] [--owner PID]`."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--durable", action="store_true", help="sync to disk, end in good order, keep the data")
    parser.add_argument("--owner", type=int, help="our parent's pid, or its parent's; end when it is gone")
    arguments = parser.parse_args()
    directory: Path = arguments.directory
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"{directory} has a guardian already")
        asyncio.run(Guardian(directory, durable=arguments.durable).run(arguments.owner))
        (directory / "control").unlink(missing_ok=True)
    if not arguments.durable:
        for name in ("lock", "guardian.log", "encryption-key"):
            (directory / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # somebody keeps something else in there
            directory.rmdir()


if __name__ == "__main__":
    main()
