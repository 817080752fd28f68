"""A stage for every test, and the people on it."""

import pytest

from gateway_worker.simulator.world.model import Account
from tests.unit.simulator.stage import Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def ann(stage: Stage) -> Account:
    return stage.person()


@pytest.fixture
def bob(stage: Stage) -> Account:
    return stage.person("15550000002")


@pytest.fixture
def eve(stage: Stage) -> Account:
    return stage.person("15550000003")
