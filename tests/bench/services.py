"""Private services as the benchmark needs them: PostgreSQL waits for the disk, as it does for people."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.services import PrivateServices


@contextmanager
def durable_services(directory: Path) -> Generator[PrivateServices]:
    """Ended after the block, and their data removed, which durable ones would keep."""
    services = PrivateServices(directory, durable=True)
    services.remove()  # of a run that was killed
    try:
        with services:
            yield services
    finally:
        services.remove()
