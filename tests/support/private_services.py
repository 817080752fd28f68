"""What a test gets of the private services: things of its own, made in milliseconds and gone after it."""

import asyncio
import os
import random
import subprocess
import sys
import uuid
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

import asyncpg
from redis.asyncio import Redis

from deploy.local import redis
from deploy.local.services import ROOT, UP_DIRECTORY, PrivateServices

_RANDOM: Final = random.SystemRandom()
"""Not the seeded one: two test runs on the services of `make up` must not meet."""


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


@contextmanager
def services_of_this_run() -> Generator[PrivateServices]:
    """A set of our own, or the running ones of `make up` when TEST_SERVICES=up (quicker while developing)."""
    if os.environ.get("TEST_SERVICES") == "up":
        yield PrivateServices(UP_DIRECTORY)
        return
    with PrivateServices(ROOT / ".local" / f"tests-{os.getpid()}") as services:
        yield services


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
    """Name of a database with the worker's schema, for others to be copied from."""
    async with fresh_database(services) as url:
        environment = {**os.environ, **services.environment(), "GATEWAY_DATABASE_URL": url}
        command = [sys.executable, "-m", "gateway_worker", "migrate"]
        await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=environment, check=True)
        yield url.rsplit("/", 1)[1]


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
