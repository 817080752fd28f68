"""The fake store answers as PostgreSQL does: see `test_same_cases.py` of the store."""

import pytest

from tests.support.connections.fake_storage import FakeStorage
from tests.support.connections.virtual_time import virtual
from tests.support.consumers.fakes import MemoryLedger
from tests.support.store.cases import CASES, Case, tried


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_fake_answers_as_the_store_does(case: Case) -> None:
    @virtual
    async def run() -> None:
        storage = FakeStorage()
        await case(await tried(storage, MemoryLedger(), lambda: storage.events))

    run()
