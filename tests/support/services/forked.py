"""Processes of ours that are forked from one that has imported everything, in place of two seconds of CPU for each.

What runs in them is the whole program: its command line, its `main`, a process id, a session and a log of its own. That
``python -m gateway_worker`` starts one as well is shown by those who say so (`test_stops`, the chaos runs, the wheel).
"""

import asyncio
import multiprocessing
import os
import sys
from collections.abc import Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

from deploy.local.program import Child, Program, die_with

PROCESSES: Final = multiprocessing.get_context("forkserver")
# Not `gateway_worker.cli`: it looks at the terminal, which each process has another of.
PROCESSES.set_forkserver_preload(
    [
        "gateway_worker.app.serving",
        "gateway_worker.console.serve",
        "gateway_worker.simulator.run",
        "gateway_worker.simulator.shell.state_file",
        "typer.rich_utils",
    ]
)
_OURS: Final = (sys.executable, "-m", "gateway_worker")
_READ_AT_IMPORT: Final = frozenset({"SSL_CERT_FILE", "SSL_CERT_DIR"})  # aiohttp makes a context of TLS then
_MOST_DESCRIPTORS: Final = 1024


class Forked:
    """A forked process, as a `Child` has it."""

    def __init__(self, process: ForkServerProcess) -> None:
        assert process.pid is not None
        self.pid = process.pid
        self._process = process
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(process.sentinel, self._see_the_end)

    @property
    def returncode(self) -> int | None:
        """None while it runs; less than 0: minus the signal that ended it."""
        return self._process.exitcode if self._ended.is_set() else None

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        await self._ended.wait()
        assert self._process.exitcode is not None
        return self._process.exitcode

    def _see_the_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._process.sentinel)
        self._ended.set()


async def forked(program: Program) -> Child:
    """Start ``python -m gateway_worker …`` by forking, and whatever else as any program."""
    if tuple(program.arguments[:3]) != _OURS or _READ_AT_IMPORT & program.environment.keys():
        return await Child.start(program)
    process = PROCESSES.Process(target=_run, args=(program,))
    await asyncio.to_thread(process.start)  # the first one waits for the imports
    return Child(program, Forked(process))


def _run(program: Program) -> None:
    """In the new process: make it what an executed one would be, and run the command line."""
    die_with(os.getppid(), program.abort)
    os.closerange(3, _MOST_DESCRIPTORS)  # what the server of forks and its clients tell each other by
    os.setsid()
    os.chdir(program.folder)
    write_to(program.log, 1, 2)
    os.environ.clear()
    os.environ.update(program.whole_environment())
    become(program.arguments)


def become(arguments: Sequence[str]) -> None:
    """Run our command line in this process as if it had been started with these arguments."""
    sys.argv = ["gateway-worker", *arguments[len(_OURS) :]]
    sys.orig_argv = list(arguments)  # a worker may begin anew by it
    from gateway_worker.__main__ import main  # noqa: PLC0415 (the command line looks at the terminal, which stands only now)

    main()


def write_to(file: Path, *descriptors: int) -> None:
    """What is written to these descriptors goes to the end of a file."""
    log = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in descriptors:
        os.dup2(log, descriptor)
    os.close(log)
