"""Fixtures for every test that wants real services. Nothing starts unless a test asks for it."""

import gc
from collections.abc import AsyncGenerator, Generator

import pytest
import structlog

from deploy.local.services import PrivateServices
from tests.support.services.databases import drop_spare_databases, emptied_database
from tests.support.services.private_services import (
    Buckets,
    empty_redis,
    end_shared_services,
    fresh_database,
    migrated_database,
    services_of_this_run,
    unique_name,
)

# structlog's own renderer shows the locals of every frame. That takes seconds of CPU for one exception, in the event
# loop of the test: long enough for a broker to give its connection up.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)


def pytest_collection_finish() -> None:
    """What was imported lives to the end: the garbage collector need not look at it again and again."""
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """What the processes of `pytest -n` shared goes with the last of them."""
    if config.pluginmanager.hasplugin("dsession"):
        end_shared_services()


@pytest.fixture(scope="session")
def services() -> Generator[PrivateServices]:
    """RabbitMQ, PostgreSQL, Redis and S3 of this test run.

    Whoever kills or pauses one is marked `alone`, and starts it again before the test ends.
    """
    with services_of_this_run() as running:
        yield running


@pytest.fixture
def namespace() -> str:
    """A GATEWAY_NAMESPACE of its own: exchanges and queues that no other test sees."""
    return unique_name()


@pytest.fixture
async def database_url(services: PrivateServices) -> AsyncGenerator[str]:
    """URL of an empty PostgreSQL database."""
    async with fresh_database(services) as url:
        yield url


@pytest.fixture(scope="session")
async def migrated_template(services: PrivateServices) -> AsyncGenerator[str]:
    """Name of a database with the worker's schema; migrated once for the whole run."""
    async with migrated_database(services) as name:
        yield name
        await drop_spare_databases(services, name)


@pytest.fixture
async def migrated_database_url(services: PrivateServices, migrated_template: str) -> AsyncGenerator[str]:
    """URL of a PostgreSQL database with the worker's schema and nothing in it; tests before may have had it."""
    async with emptied_database(services, migrated_template) as url:
        yield url


@pytest.fixture
async def new_database_url(services: PrivateServices, migrated_template: str) -> AsyncGenerator[str]:
    """The same, and nobody had it before: no store has made its partitions yet."""
    async with fresh_database(services, migrated_template) as url:
        yield url


@pytest.fixture
async def redis_url(services: PrivateServices) -> AsyncGenerator[str]:
    """URL of an empty Redis database."""
    async with empty_redis(services) as url:
        yield url


@pytest.fixture
def buckets() -> Buckets:
    """Two bucket names of its own."""
    return Buckets.unique()


@pytest.fixture
def gateway_environment(
    services: PrivateServices, namespace: str, migrated_database_url: str, redis_url: str, buckets: Buckets
) -> dict[str, str]:
    """The GATEWAY_* settings of a worker that shares nothing with another test's."""
    return {
        **services.environment(),
        "GATEWAY_NAMESPACE": namespace,
        "GATEWAY_DATABASE_URL": migrated_database_url,
        "GATEWAY_REDIS_URL": redis_url,
        "GATEWAY_SESSIONS_BUCKET": buckets.sessions,
        "GATEWAY_MEDIA_BUCKET": buckets.media,
    }
