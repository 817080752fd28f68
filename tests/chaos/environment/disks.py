"""A small disk for a service: a tmpfs at the place of its folder, which a ballast file fills."""

import errno
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_BLOCK: Final = 1 << 20


def why_no_disks() -> str | None:
    """Why none can be made here, if so."""
    return None if os.geteuid() == 0 else "mounting a small disk needs root"


class SmallDisk:
    """`megabytes` of space at `folder`, while the block lasts."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        self._megabytes = megabytes

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        options = f"size={self._megabytes}m,mode=711"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)], check=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Lazily: a service that hangs must not keep the disk in place
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    def fill(self) -> None:
        """Use up all that is left."""
        with self._ballast.open("wb", buffering=0) as file:
            size = _BLOCK
            while size:
                try:
                    file.write(b"\0" * size)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2

    def relieve(self) -> None:
        """Give it back."""
        self._ballast.unlink(missing_ok=True)
