"""What tests of settling share."""

import pytest

from tests.support.consumers.consuming_harness import Harness


@pytest.fixture
def harness() -> Harness:
    return Harness()
