"""What a test gets of the private services: things of its own, made in milliseconds and gone after it."""

import asyncio
import fcntl
import os
import random
import subprocess
import sys
import uuid
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import asyncpg
from redis.asyncio import Redis

from deploy.local import redis
from deploy.local.control import NotRunningError, ask
from deploy.local.services import ROOT, UP_DIRECTORY, Handle, PrivateServices

_RANDOM: Final = random.SystemRandom()
"""Not the seeded one: two test runs on the services of `make up` must not meet."""
_SHARED: Final = list["SharedServices"]()
"""Kept to the end of the process: whose guardian this process started outlives it, and nobody waits for it here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """Names of two buckets that nobody else uses. Whoever needs them creates them; they go with the services."""

    sessions: str
    media: str

    @classmethod
    def unique(cls) -> "Buckets":
        """Two that do not exist yet."""
        name = unique_name()
        return cls(sessions=f"{name}-sessions", media=f"{name}-media")


class NotAloneError(Exception):
    """A test harms a service that others use at this moment."""


class Untouchable(Handle):
    """A service that the processes of one test run share. Tests that harm it are marked `alone`."""

    def _report(self, do: str) -> Mapping[str, Any]:
        if do != "report":
            raise NotAloneError(f"mark this test `alone`: others use {self.name} now, and it is to {do}")
        return super()._report(do)


class SharedServices(PrivateServices):
    """The one set of a test run with several processes: the first who asks starts it, it ends with their parent."""

    def __init__(self, parent: int) -> None:
        super().__init__(_folder(parent), owner=parent)
        self.rabbitmq = Untouchable(self.directory, self.rabbitmq.name)
        self.postgresql = Untouchable(self.directory, self.postgresql.name)
        self.redis = Untouchable(self.directory, self.redis.name)
        self.seaweedfs = Untouchable(self.directory, self.seaweedfs.name)

    def start_once(self) -> None:
        """Return when they serve, whoever started them."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with self.locked():
            try:
                ask(self.directory, "report")
            except NotRunningError:
                self.start()

    @contextmanager
    def locked(self) -> Generator[None]:
        """For one process of the run at a time."""
        folder = os.open(self.directory, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


@contextmanager
def services_of_this_run() -> Generator[PrivateServices]:
    """A set of this test run, or the running ones of `make up` when TEST_SERVICES=up (quicker while developing)."""
    if os.environ.get("TEST_SERVICES") == "up":
        yield PrivateServices(UP_DIRECTORY)
    elif is_one_of_several():
        services = SharedServices(os.getppid())
        _SHARED.append(services)
        services.start_once()
        yield services
    else:
        with PrivateServices(_folder(os.getpid())) as services:
            yield services


def is_one_of_several() -> bool:
    """Whether this is one of the processes of `pytest -n`."""
    return "PYTEST_XDIST_WORKER" in os.environ


def end_shared_services() -> None:
    """Called by the parent of such processes when they are gone: end what they shared, if they started anything."""
    PrivateServices(_folder(os.getpid())).end()


def _folder(pid: int) -> Path:
    return ROOT / ".local" / f"tests-{pid}"


def unique_name() -> str:
    """A name for a namespace, a database or a worker that no other test has."""
    return f"t{uuid.uuid4().hex[:12]}"


@asynccontextmanager
async def fresh_database(services: PrivateServices, template: str = "template0") -> AsyncGenerator[str]:
    """URL of a database copied from `template`; dropped afterwards, whoever is still connected to it."""
    name = unique_name()
    await query(services.database_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield services.database(name)
    finally:
        await query(services.database_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def query(database_url: str, statement: str) -> Any:
    """Run one statement; the first value that it gives, if any."""
    connection = cast("Any", await asyncpg.connect(database_url))  # asyncpg's own annotations are partly unknown
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def migrated_database(services: PrivateServices) -> AsyncGenerator[str]:
    """Name of a database with the worker's schema, for others to be copied from; one for all processes of a run."""
    if not isinstance(services, SharedServices):
        async with fresh_database(services) as url:
            await _migrate(services, url)
            yield url.rsplit("/", 1)[1]
        return
    told = services.directory / services.postgresql.name / "migrated-database"  # it goes with the cluster
    with services.locked():
        if not told.exists():
            name = unique_name()
            await query(services.database_url, f'CREATE DATABASE "{name}" TEMPLATE template0')
            await _migrate(services, services.database(name))
            told.write_text(name)
    yield told.read_text()


async def _migrate(services: PrivateServices, database_url: str) -> None:
    environment = {**os.environ, **services.environment(), "GATEWAY_DATABASE_URL": database_url}
    command = [sys.executable, "-m", "gateway_worker", "migrate"]
    await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=environment, check=True)


@asynccontextmanager
async def empty_redis(services: PrivateServices) -> AsyncGenerator[str]:
    """URL of a numbered database with nothing in it."""
    url = services.redis_database(_RANDOM.randrange(1, redis.DATABASES))
    await _flush(url)
    yield url
    await _flush(url)


async def _flush(url: str) -> None:
    async with Redis.from_url(url) as client:
        await client.flushdb()
