"""How large a file may be is said where the simulator is started."""

import ssl

import pytest
from aiohttp import ClientSession

from gateway_worker.simulator.world.turn import Turn
from tests.integration.simulator.conftest import World


@pytest.mark.parametrize(("size", "status"), [(2_000, 401), (2_001, 413)])  # 401: nobody has said who uploads
async def test_what_is_larger_than_the_largest_is_refused(world: World, size: int, status: int) -> None:
    def shrink(turn: Turn) -> None:
        turn.world.media.largest = 2_000

    world.simulator.turn(shrink)
    context = ssl.create_default_context(cadata=world.simulator.media_certificate)
    url = f"{world.simulator.media_url}/mms/image/token"
    async with ClientSession() as http, http.post(url, data=bytes(size), ssl=context) as answer:
        assert answer.status == status
