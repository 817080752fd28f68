"""Where one private service sits: its folder, its ports and its secrets. Written once, read again after a restart."""

import json
import os
import random
import secrets
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"

_EPHEMERAL: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST_PORT: Final = 10_240
_SYSTEM_RANDOM: Final = random.SystemRandom()
"""Not the seeded one: two test runs started together must not choose the same ports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """The place of one service on this machine.

    `ports` by purpose ("amqp", "epmd", ...). `durable` services sync to disk and keep their folder when they end;
    the others are for one test run.
    """

    folder: Path
    ports: Mapping[str, int]
    durable: bool
    user: str = "gateway"
    password: str = field(default_factory=lambda: secrets.token_hex(16))

    @classmethod
    def choose(cls, folder: Path, purposes: Iterable[str], *, durable: bool) -> "Seat":
        """A new seat on ports that are free at this moment."""
        return cls(folder=folder, ports=free_ports(purposes), durable=durable)

    def moved(self) -> "Seat":
        """The same seat on other ports, for when somebody else took one between our choice and the start."""
        return replace(self, ports=free_ports(self.ports))

    def is_free(self) -> bool:
        """Whether all its ports can be listened on now."""
        return all(_can_listen(port) for port in self.ports.values())

    def save(self) -> None:
        """Write it into its folder, readable by its owner alone."""
        content = {"ports": dict(self.ports), "durable": self.durable, "user": self.user, "password": self.password}
        write_private(self.folder / "seat.json", json.dumps(content, indent=2))

    @classmethod
    def load(cls, folder: Path) -> "Seat | None":
        """The seat saved in this folder, or None if nobody sat here."""
        path = folder / "seat.json"
        if not path.exists():
            return None
        return cls(folder=folder, **json.loads(path.read_text()))


def free_ports(purposes: Iterable[str]) -> dict[str, int]:
    """A free loopback port for each purpose.

    They lie below the range from which the kernel takes the ports of outgoing connections, so that no client of any
    program takes one before its service listens.
    """
    last = int(_EPHEMERAL.read_text().split()[0]) - 1 if _EPHEMERAL.exists() else 32_767
    if last <= _FIRST_PORT + 1_000:  # a machine set up to hand out nearly all of them
        last = 65_535
    chosen: dict[str, int] = {}
    for purpose in purposes:
        port = _SYSTEM_RANDOM.randint(_FIRST_PORT, last)
        while port in chosen.values() or not _can_listen(port):
            port = _SYSTEM_RANDOM.randint(_FIRST_PORT, last)
        chosen[purpose] = port
    return chosen


def _can_listen(port: int) -> bool:
    with socket.socket() as probe:
        # As the services do: a port in TIME_WAIT counts as free, one that is listened on does not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def write_private(path: Path, text: str) -> None:
    """Put `text` in place of `path` at once and for its owner's eyes only."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
