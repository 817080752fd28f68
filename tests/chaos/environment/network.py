"""A branch office: a network namespace whose only way to the services is one virtual cable that can be cut.

The services listen on loopback, which a namespace does not share; so each of their ports is relayed from our end of
the cable. A cut drops packets, as a real one does: nobody is told, and nothing is closed.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from deploy.local.seat import HOST

_CHUNK: Final = 1 << 16


def why_no_network() -> str | None:
    """Why no branch can be made here, if so."""
    if os.geteuid() != 0:
        return "a network namespace needs root"
    if shutil.which("ip") is None:
        return "there is no `ip` program (Debian: iproute2)"
    probe = subprocess.run(["ip", "netns", "list"], capture_output=True, check=False)
    return None if probe.returncode == 0 else "this kernel has no network namespaces"


class Branch:
    """The namespace, the cable and the relays of `ports`."""

    def __init__(self, ports: Sequence[int]) -> None:
        number = os.getpid() % 250 + 1
        self.name = f"chaos{os.getpid()}"
        self.address = f"10.213.{number}.1"
        """Of our end: what stands there for loopback."""
        self._there = f"10.213.{number}.2"
        self._cable = f"ch{os.getpid()}"
        self._ports = ports
        self._servers: list[asyncio.Server] = []

    @property
    def prefix(self) -> Sequence[str]:
        """What runs a command inside."""
        return ("ip", "netns", "exec", self.name)

    async def __aenter__(self) -> Self:
        far = f"{self._cable}b"
        await _ip("netns", "add", self.name)
        await _ip("link", "add", self._cable, "type", "veth", "peer", "name", far, "netns", self.name)
        await _ip("addr", "add", f"{self.address}/30", "dev", self._cable)
        await _ip("link", "set", self._cable, "up")
        await _ip("-n", self.name, "addr", "add", f"{self._there}/30", "dev", far)
        for device in (far, "lo"):
            await _ip("-n", self.name, "link", "set", device, "up")
        for port in self._ports:
            self._servers.append(await asyncio.start_server(_relay_to(port), self.address, port))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.close()
        await _ip("netns", "del", self.name)  # takes the cable with it

    async def cut(self) -> None:
        """From now on no packet arrives."""
        await _ip("link", "set", self._cable, "down")

    async def mend(self) -> None:
        """They arrive again."""
        await _ip("link", "set", self._cable, "up")


async def _ip(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec("ip", *arguments, stderr=asyncio.subprocess.PIPE)
    _, words = await process.communicate()
    if process.returncode != 0:
        raise OSError(f"ip {' '.join(arguments)}: {words.decode(errors='replace').strip()}")


class _Relay:
    """Both directions of one connection."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, to_there = await asyncio.open_connection(HOST, self._port)
        except OSError:
            writer.close()
            return
        with suppress(asyncio.CancelledError):  # the cable is taken away: asyncio would print what it has cancelled
            await asyncio.gather(_pump(reader, to_there), _pump(there, writer))


def _relay_to(port: int) -> _Relay:
    return _Relay(port)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()
