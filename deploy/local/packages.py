"""The Debian packages whose programs the private services are.

They are installed when they are missing and we may (root on a machine with apt-get). Their own services are not
started: our private ones need only the programs.

Standard library only: `make setup` imports this with the system's Python.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Final

from deploy.local import servers

_SERVERS: Final = servers.root()
RABBITMQ_FOLDER: Final = _SERVERS / "usr/lib/rabbitmq/bin"
"""Holds the broker's own start script; the one in sbin switches to the rabbitmq user and is of no use to us."""

POSTGRESQL_FOLDER: Final = _SERVERS / "usr/lib/postgresql"
"""One folder per major version, each with a `bin`."""

PGBOUNCER: Final = _SERVERS / "usr/sbin/pgbouncer"

_POLICY: Final = Path("/usr/sbin/policy-rc.d")
"""Asked by every Debian package before it starts its service; exit code 101 means no (invoke-rc.d(8))."""


class MissingPackagesError(Exception):
    """Debian packages are missing and only a person can install them; the message says how."""


def postgresql_programs() -> Path | None:
    """The `bin` folder of the newest PostgreSQL server on this machine, or None if there is none."""
    found = [path.parent for path in POSTGRESQL_FOLDER.glob("*/bin/postgres")]
    return max(found, key=lambda folder: int(folder.parent.name), default=None)


def redis_program() -> str | None:
    """The Redis server, or Valkey's where the chosen set has that; None if there is none."""
    if servers.chosen() is None:
        return shutil.which("redis-server")
    found = [_SERVERS / "usr/bin" / name for name in ("redis-server", "valkey-server")]
    return next((str(path) for path in found if path.exists()), None)


def erlang_port_mapper() -> str:
    """The mapper of the Erlang that the broker will run in; Debian links it into /usr/bin."""
    for path in (_SERVERS / "usr/bin/epmd", *sorted((_SERVERS / "usr/lib/erlang").glob("erts-*/bin/epmd"))):
        if path.exists():
            return str(path)
    return "epmd"


def environment_of_servers() -> Mapping[str, str]:
    """What the programs of a chosen set must be told to find each other."""
    if servers.chosen() is None:
        return {}
    path = os.pathsep.join([str(_SERVERS / "usr/bin"), str(_SERVERS / "usr/sbin"), os.environ.get("PATH", os.defpath)])
    return {"PATH": path}


def missing_packages() -> list[str]:
    """Names of the Debian packages to install, empty when every program is there."""
    present: Mapping[str, bool] = {
        "rabbitmq-server": (RABBITMQ_FOLDER / "rabbitmq-server").exists(),
        "redis-server": redis_program() is not None,
        "postgresql": postgresql_programs() is not None,
    }
    return [name for name, there in present.items() if not there]


def missing_for_tests() -> list[str]:
    """Names of packages that only some tests need, which are left out where they are missing."""
    present = {"pgbouncer": PGBOUNCER.exists(), "chromium": shutil.which("chromium") is not None}
    return [name for name, there in present.items() if not there]


def ensure_packages() -> None:
    """Install what is missing, or raise MissingPackagesError with the command a person has to type."""
    if (name := servers.chosen()) is not None:
        try:
            servers.prepare(name)
        except servers.ServersError as error:
            raise MissingPackagesError(str(error)) from error
        return
    may_install = shutil.which("apt-get") is not None and os.geteuid() == 0
    names = missing_packages() + (missing_for_tests() if may_install else [])
    if not names:
        return
    command = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(names)}"
    if shutil.which("apt-get") is None:
        raise MissingPackagesError(
            f"These programs are missing, and this is not a Debian machine: {', '.join(names)}. "
            "Install RabbitMQ 3.10 or newer, PostgreSQL 15 or newer and Redis 7 with the means of your system."
        )
    if os.geteuid() != 0:
        raise MissingPackagesError(
            f"Some Debian packages are missing. Type this once, then try again:\n\n  sudo sh -c '{command}'\n"
        )
    install(names)


def install(names: list[str]) -> None:
    """Run apt-get as root, without starting the packages' own services. Raises MissingPackagesError if it fails."""
    print(f"Installing from Debian: {', '.join(names)} ...", flush=True)
    with _no_service_starts():
        # An old list of packages answers 404, an absent one "unable to locate": refresh it first. A failing mirror is
        # not fatal here, the list may still be good enough; the installation below has the last word.
        _apt_get("update")
        done = _apt_get("install", "-y", "--no-install-recommends", *names)
    if done.returncode != 0:
        raise MissingPackagesError(
            f"apt-get could not install {', '.join(names)}:\n{done.stderr.strip() or done.stdout.strip()}"
        )


def _apt_get(*arguments: str) -> subprocess.CompletedProcess[str]:
    options = ["-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3", "-o", "Dpkg::Use-Pty=0"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        ["apt-get", *options, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@contextlib.contextmanager
def _no_service_starts() -> Generator[None]:
    """Say no to packages that want to start a service; a policy that exists already is left as it is."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)
