"""Private services as the benchmark needs them: PostgreSQL waits for the disk, as it does for people."""

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.services import PrivateServices


@contextmanager
def durable_services(directory: Path) -> Generator[PrivateServices]:
    """Ended after the block, and their data removed, which durable ones would keep. Waits for another run to end."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        services = PrivateServices(directory, durable=True)
        services.remove()  # of a run that was killed
        try:
            with services:
                yield services
        finally:
            services.remove()
