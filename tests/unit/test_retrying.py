"""What passes by itself is tried again after pauses that grow; every other error comes out."""

import pytest

from gateway_worker.retrying import until_it_works
from tests.support.connections.virtual_time import virtual


@virtual
async def test_the_pauses_double_up_to_the_longest_and_other_errors_come_out_at_once() -> None:
    pauses = list[float]()

    async def fails_seven_times() -> str:
        if len(pauses) < 7:
            raise ConnectionError
        return "done"

    async def broken() -> None:
        raise KeyError

    persistently = until_it_works(ConnectionError, first=1, longest=30, report=lambda _why, pause: pauses.append(pause))
    assert await persistently(fails_seven_times) == "done"
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    with pytest.raises(KeyError):
        await persistently(broken)
