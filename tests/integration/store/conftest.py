"""A store of its own for each test, on a migrated database of its own."""

from collections.abc import AsyncGenerator

import pytest

from deploy.local.services import PrivateServices
from gateway_worker.store.records import Fence, NewSession
from gateway_worker.store.store import Store
from schemas.names import SessionId, UserId, WorkerId
from tests.support.services.private_services import fresh_database
from tests.support.store.stores import KEY, TestClock, opened

SESSION = SessionId("user1-personal")


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
async def store(migrated_database_url: str, clock: TestClock) -> AsyncGenerator[Store]:
    async with opened(migrated_database_url, clock, KEY) as started:
        yield started


@pytest.fixture
async def fence(store: Store) -> Fence:
    """A session that worker-1 owns."""
    await store.sessions.create_or_get(
        NewSession(session_id=SESSION, user_id=UserId("user1"), pairing={"method": "qr"})
    )
    record = await store.ownership.claim(SESSION, WorkerId("worker-1"), "run-1")
    assert record is not None
    return record.fence


@pytest.fixture
async def empty_store(services: PrivateServices, migrated_template: str, clock: TestClock) -> AsyncGenerator[Store]:
    """Another store, on an empty database: what is left after the first one is lost."""
    async with fresh_database(services, migrated_template) as url, opened(url, clock, KEY) as started:
        yield started
