"""What tests of settling share."""

import pytest

from tests.support.consumers.consuming_bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()
