"""A PostgreSQL cluster of our own. It refuses to run as root: there it runs as the package's user, postgres."""

import asyncio
import ctypes
import hashlib
import os
import shutil
import signal
import stat
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from deploy.local.packages import postgresql_programs
from deploy.local.probe import answer
from deploy.local.program import Program, ProgramFailedError, run_to_end
from deploy.local.seat import HOST, Seat, write_private

_ACCOUNT: Final = "postgres"
_REFUGE: Final = Path("/var/tmp")  # noqa: S108 -- the folder below it belongs to postgres alone and has a fixed owner
_PROTOCOL_VERSION: Final = 3 << 16
_SEGMENT_LINE: Final = 6
"""Of postmaster.pid: key and id of the shared memory segment by which two postmasters exclude each other."""
_SEGMENTS: Final = Path("/proc/sysvipc/shm")
_RELEASE_SECONDS: Final = 15.0
_IPC_RMID: Final = 0


class PostgreSQL:
    """The cluster, ready in about a second.

    `synchronous_commit` stays on in every case, since the chaos tests kill it and count what was committed; only a
    durable one also waits for the disk (`fsync`), which matters when the power fails, not when the process is killed.
    """

    name: ClassVar[str] = "postgresql"
    purposes: ClassVar[Sequence[str]] = ("postgresql",)

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self._account = _ACCOUNT if os.geteuid() == 0 else None

    def url(self, database: str = "postgres") -> str:
        """URL of one of its databases."""
        return f"postgresql://{self.seat.user}:{self.seat.password}@{HOST}:{self.seat.ports['postgresql']}/{database}"

    @property
    def _home(self) -> Path:
        """Where its data lies: in its seat, or, when its user cannot enter that (a clone in /root), in /var/tmp."""
        seat = self.seat.folder.resolve()
        if self._account is None or all(path.stat().st_mode & stat.S_IXOTH for path in (seat, *seat.parents)):
            return seat / "home"
        return _REFUGE / f"whatsapp-gateway-{hashlib.sha256(str(seat).encode()).hexdigest()[:16]}"

    @property
    def _data(self) -> Path:
        return self._home / "data"

    async def prepare(self) -> None:
        """Make the cluster, unless there is one."""
        home = self._home
        home.mkdir(mode=0o700, exist_ok=True)
        if self._account is not None:
            if home.lstat().st_uid == 0:
                shutil.chown(home, self._account, self._account)
            if home.is_symlink() or home.owner() != self._account:
                raise ProgramFailedError(self.name, f"{home} belongs to somebody else; remove it")
        if not (self._data / "PG_VERSION").exists():
            await self._make_cluster()

    async def _make_cluster(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)  # half of one, from a start that was interrupted
        password = self._home / "password"
        write_private(password, self.seat.password)
        if self._account is not None:
            shutil.chown(password, self._account)
        options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions", "--no-sync"]
        arguments = ["-D", str(self._data), "-U", self.seat.user, f"--pwfile={password}", *options]
        try:
            await run_to_end(self._program("initdb", arguments))
        finally:
            password.unlink()

    def companions(self) -> Sequence[Program]:
        """None."""
        return ()

    def program(self) -> Program:
        """The postmaster."""
        settings: dict[str, object] = {
            "listen_addresses": HOST,
            "port": self.seat.ports["postgresql"],
            "unix_socket_directories": "",
            "max_connections": 200,
            "shared_buffers": "128MB",
            "synchronous_commit": "on",
            # Shared memory that lies in its folder, not in /dev/shm, where a killed cluster would leave it.
            "dynamic_shared_memory_type": "mmap",
        }
        if not self.seat.durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return self._program("postgres", ["-D", str(self._data), *options])

    def _program(self, name: str, arguments: Sequence[str]) -> Program:
        folder = postgresql_programs()
        if folder is None:
            raise ProgramFailedError(name, "PostgreSQL is not installed")
        return Program(
            name=self.name,
            arguments=[str(folder / name), *arguments],
            folder=self._home,
            log=self.seat.folder / f"{name}.log",
            account=self._account,
            finish=signal.SIGINT,  # "fast": does not wait for its clients
            abort=signal.SIGQUIT,  # "immediate": unlike SIGKILL it takes its shared memory with it
        )

    async def is_ready(self) -> bool:
        """It asks who we are, instead of saying that it is still starting up."""
        parameters = f"user\0{self.seat.user}\0database\0postgres\0\0".encode()
        question = struct.pack("!ii", 8 + len(parameters), _PROTOCOL_VERSION) + parameters
        return (await answer(self.seat.ports["postgresql"], question)).startswith(b"R")

    async def release(self) -> None:
        """Free the System V segment that a killed postmaster leaves, once its last backend has noticed its death."""
        lock = self._data / "postmaster.pid"
        lines = lock.read_text().splitlines() if lock.exists() else []
        if len(lines) <= _SEGMENT_LINE:
            return
        key, identifier = (int(part) for part in lines[_SEGMENT_LINE].split())
        async with asyncio.timeout(_RELEASE_SECONDS):
            while _attachments(key, identifier):  # noqa: ASYNC110 -- the kernel tells nobody when this changes
                await asyncio.sleep(0.01)
        if _attachments(key, identifier) == 0:
            ctypes.CDLL(None).shmctl(identifier, _IPC_RMID, None)

    def folders(self) -> Sequence[Path]:
        """Its seat and its refuge."""
        return [self._home, self.seat.folder]


def _attachments(key: int, identifier: int) -> int | None:
    """How many processes hold this System V segment, None if it does not exist (any more)."""
    for line in _SEGMENTS.read_text().splitlines()[1:]:
        row = [int(field) for field in line.split()]  # key shmid perms size cpid lpid nattch ...
        if row[:2] == [key, identifier]:
            return row[6]
    return None
