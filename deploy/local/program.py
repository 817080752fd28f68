"""One program of a private service as a child of the guardian: started, killed, paused, and never left behind."""

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG: Final = 1

GRACE_SECONDS: Final = 15.0
"""How long a program may take to end by itself before it is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to start, and by which signals it ends.

    `abort` must end it at once: it is sent by the kernel should the guardian itself be killed, and by us when nobody
    needs the data any more. `finish` asks it to end in good order.
    """

    name: str
    arguments: Sequence[str]
    folder: Path
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    account: str | None = None
    finish: signal.Signals = signal.SIGTERM
    abort: signal.Signals = signal.SIGKILL

    def whole_environment(self) -> dict[str, str]:
        """All that it gets: nothing of ours but the path of programs."""
        return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", **self.environment}


class Process(Protocol):
    """A started program as its parent sees it."""

    @property
    def pid(self) -> int:
        """Its process id."""
        ...

    @property
    def returncode(self) -> int | None:
        """None while it runs; less than 0: minus the signal that ended it."""
        ...

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        ...


class Child:
    """A started program."""

    def __init__(self, program: Program, process: Process) -> None:
        self.program = program
        self._process = process

    @classmethod
    async def start(cls, program: Program) -> "Child":
        """Start it in a session of its own, so that no Ctrl-C meant for somebody else reaches it."""
        guardian = os.getpid()
        log = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            process = await asyncio.create_subprocess_exec(
                *program.arguments,
                cwd=program.folder,
                env=program.whole_environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: die_with(guardian, program.abort),
                user=program.account,
                group=program.account,
                extra_groups=None if program.account is None else [],
            )
        finally:
            os.close(log)
        return cls(program, process)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it still runs (or is paused)."""
        return self._process.returncode is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal; none if it has ended.

        Not through the process object: that would reap the program behind the back of asyncio, which then complains.
        """
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def end(self, number: signal.Signals) -> None:
        """Send a signal that ends it and wait for that; kill it, and what it started, if it takes too long."""
        self.send(number)
        self.send(signal.SIGCONT)  # a paused one would not notice
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            await self._process.wait()
        with contextlib.suppress(ProcessLookupError):  # what it may have left in its session
            os.killpg(self.pid, signal.SIGKILL)

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        return await self._process.wait()

    def last_words(self, lines: int = 12) -> str:
        """The end of its log, to show to a person when it did not start."""
        return "\n".join(self.program.log.read_text(errors="replace").splitlines()[-lines:])


def die_with(parent: int, abort: signal.Signals) -> None:
    """From now on this process gets that signal when its parent, which is `parent`, dies."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(abort))
    if os.getppid() != parent:  # it died before the kernel knew what to do then
        os._exit(1)


async def run_to_end(program: Program) -> None:
    """Run a program that ends by itself. Raises ProgramFailedError with its last words if it fails."""
    child = await Child.start(program)
    if await child.wait() != 0:
        raise ProgramFailedError(program.name, child.last_words())


class ProgramFailedError(Exception):
    """A program did not start, or ended with an error."""

    def __init__(self, name: str, last_words: str) -> None:
        super().__init__(f"{name} failed. The end of its log:\n{last_words}")
