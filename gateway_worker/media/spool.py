"""The spool: a private directory for files on their way, bounded as a whole, empty after every start.

Every job has a folder of its own, which goes with everything in it when the job ends, however it ends.
"""

import asyncio
import itertools
import os
import shutil
import stat
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway_worker.media.errors import SpoolFull, too_large

_PRIVATE = 0o700
_MAX_JOBS = 64


class SpoolFolder:
    """One folder of the spool. What is written to it is to be counted with `take`."""

    def __init__(self, folder: Path, spool: "Spool") -> None:
        self.folder = folder
        self._spool = spool
        self.taken = 0

    def path(self, name: str) -> Path:
        """A file of ours in it."""
        return self.folder / name

    def take(self, size: int) -> None:
        """Count bytes before they are written.

        Raises:
            SpoolFull: there is no room for them now.
            MediaTooLarge: there never is.
        """
        self._spool.take(self, size)


class Spool:
    """Files on their way.

    Args:
        directory: made for us alone; whatever lies in it from an earlier life is removed.
        max_bytes: of all files in it.
    """

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self.directory = directory
        self._max_bytes = max_bytes
        self._taken = 0
        self._numbers = itertools.count(1)
        self._jobs = asyncio.Semaphore(_MAX_JOBS)

    def open(self) -> None:
        """Make it, empty and private.

        Raises:
            PermissionError: something else is there that is not ours.
            OSError: it cannot be made, or not written to.
        """
        self.directory.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        found = self.directory.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError(f"{self.directory} is not a directory of ours")
        self.directory.chmod(_PRIVATE)
        for each in self.directory.iterdir():
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each)
            else:
                each.unlink()
        probe = self.directory / "probe"
        probe.write_bytes(b"writable")
        probe.unlink()

    @asynccontextmanager
    async def job(self) -> AsyncGenerator[SpoolFolder]:
        """A folder, as long as it is needed."""
        async with self._jobs:
            folder = self.directory / f"{next(self._numbers)}"
            folder.mkdir(mode=_PRIVATE)
            job = SpoolFolder(folder, self)
            try:
                yield job
            finally:
                self._taken -= job.taken
                shutil.rmtree(folder, ignore_errors=True)

    def take(self, job: SpoolFolder, size: int) -> None:
        """Counts bytes of a folder before they are written; raises as `SpoolFolder.take`."""
        if job.taken + size > self._max_bytes:
            raise too_large("bytes", self._max_bytes)
        if self._taken + size > self._max_bytes:
            raise SpoolFull
        self._taken += size
        job.taken += size
