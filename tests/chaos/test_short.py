"""The short form of `make chaos`: six cells of the matrix, with a hundred messages each way."""

import os
import random
from collections.abc import AsyncGenerator

import pytest

from deploy.local.services import PrivateServices
from tests.chaos.cell import Load, Performance
from tests.chaos.matrix import SHORT, named
from tests.chaos.workshop import Workshop

SEED = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(1 << 32))


@pytest.fixture(scope="module")
async def workshop(services: PrivateServices, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Workshop]:
    """Four sessions on two workers, built once."""
    made = Workshop(directory=tmp_path_factory.mktemp("chaos"), say=print, sessions=4)
    made.use(services)
    yield made
    await made.close()


@pytest.mark.alone
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SHORT)
async def test_nothing_is_lost_or_doubled(workshop: Workshop, name: str) -> None:
    cell, load = named(name), Load(messages=100, rate=50, timed=False)
    rig = await workshop.rig(cell.fault.stand)
    outcome = await Performance(rig, cell, load, cell.chance(SEED), print).run()
    if outcome.verdict == "red":
        await workshop.discard()
    assert outcome.verdict == "green", f"CHAOS_SEED={SEED}: {outcome}"
