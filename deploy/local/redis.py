"""A Redis of our own. It persists nothing: the gateway loses nothing but a moment with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from deploy.local.packages import redis_program
from deploy.local.probe import answer
from deploy.local.program import Program
from deploy.local.seat import HOST, Seat, write_private

DATABASES = 4_096
"""Numbered databases, one for each test that wants an empty Redis."""


class Redis:
    """The server, ready in 20 ms."""

    name: ClassVar[str] = "redis"
    purposes: ClassVar[Sequence[str]] = ("redis",)

    def __init__(self, seat: Seat) -> None:
        self.seat = seat

    def url(self, database: int = 0) -> str:
        """URL of one of the numbered databases."""
        return f"redis://:{self.seat.password}@{HOST}:{self.seat.ports['redis']}/{database}"

    async def prepare(self) -> None:
        """Write its configuration; the password is not for the process list."""
        lines = [
            f"bind {HOST}",
            f"port {self.seat.ports['redis']}",
            f"requirepass {self.seat.password}",
            f"databases {DATABASES}",
            'save ""',
            "appendonly no",
            "",
        ]
        write_private(self.seat.folder / "redis.conf", "\n".join(lines))

    def companions(self) -> Sequence[Program]:
        """None."""
        return ()

    def program(self) -> Program:
        """The server."""
        folder = self.seat.folder
        return Program(
            name=self.name,
            arguments=[redis_program() or "redis-server", "redis.conf"],
            folder=folder,
            log=folder / "redis.log",
        )

    async def is_ready(self) -> bool:
        """It accepts our password and answers a ping."""
        question = f"AUTH {self.seat.password}\r\nPING\r\n".encode()
        return b"+OK" in await answer(self.seat.ports["redis"], question)

    async def release(self) -> None:
        """It holds nothing that outlives its programs."""

    def folders(self) -> Sequence[Path]:
        """Its seat."""
        return [self.seat.folder]
