"""How one talks to a guardian: a Unix socket in its directory, one JSON object there and one back."""

import contextlib
import json
import os
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

_SECONDS: Final = 180.0


class NotRunningError(Exception):
    """No guardian listens in this directory."""


@contextlib.contextmanager
def at_short_path(directory: Path) -> Generator[str]:
    """The address of the directory's control socket, short enough (108 bytes at most) however deep it lies."""
    handle = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/control"
    finally:
        os.close(handle)


def ask(directory: Path, do: str, service: str = "") -> dict[str, Any]:
    """Ask the directory's guardian to `do` something and return its report. Raises NotRunningError."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_SECONDS)
        try:
            with at_short_path(directory) as address:
                connection.connect(address)
            connection.sendall(json.dumps({"do": do, "service": service}).encode() + b"\n")
            with connection.makefile("rb") as answers:
                line = answers.readline()
        except (FileNotFoundError, ConnectionError) as error:
            raise NotRunningError(f"no private services run in {directory}") from error
    if not line:
        raise NotRunningError(f"the private services in {directory} have just ended")
    return json.loads(line)
