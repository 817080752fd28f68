"""A stage for every test."""

import pytest

from tests.unit.simulator.stage import Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()
