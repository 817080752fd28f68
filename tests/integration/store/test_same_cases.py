"""What is said of every store holds for PostgreSQL; the fake answers the same: see `test_fake_storage.py`."""

import pytest

from gateway_worker.store.store import Store
from tests.support.store.cases import CASES, Case, tried
from tests.support.store.stores import OutboxListener


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_the_store_answers_as_the_fake_does(store: Store, case: Case) -> None:
    heard = OutboxListener(store)
    await case(await tried(store, store.commands, lambda: [(each.type, each.data) for each in heard.events]))
