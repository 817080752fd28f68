"""What tests of settling share."""

import pytest

from tests.support.consuming_bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()
