"""The short form of `make chaos`: six scenarios of the matrix, with a hundred messages each way."""

import os
import random
from collections.abc import AsyncGenerator

import pytest

from deploy.local.services import PrivateServices
from tests.chaos.environment.environments import Environments
from tests.chaos.matrix import SHORT, named
from tests.chaos.scenario import Load, ScenarioRun
from tests.support.services.forked import forked

SEED = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(1 << 32))


@pytest.fixture(scope="module")
async def environments(
    services: PrivateServices, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Environments]:
    """Four sessions on two workers, built once."""
    made = Environments(directory=tmp_path_factory.mktemp("chaos"), say=print, sessions=4, start=forked)
    made.use(services)
    yield made
    await made.close()


@pytest.mark.alone
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SHORT)
async def test_nothing_is_lost_or_doubled(environments: Environments, name: str) -> None:
    scenario, load = named(name), Load(messages=100, rate=50, timed=False)
    environment = await environments.environment(scenario.fault.stand)
    outcome = await ScenarioRun(environment, scenario, load, scenario.chance(SEED), print).run()
    if outcome.verdict == "red":
        await environments.discard()
    assert outcome.verdict == "green", f"CHAOS_SEED={SEED}: {outcome}"
