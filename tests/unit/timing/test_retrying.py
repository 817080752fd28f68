"""What passes by itself is tried again after pauses that grow; every other error comes out."""

import asyncio
from random import Random

import pytest

from gateway_worker.timing.pauses import Pauses
from gateway_worker.timing.retrying import pause, until_it_works
from tests.support.connections.virtual_time import virtual

PAUSES = Pauses(first=1, longest=30)


def test_pauses_double_up_to_the_longest_and_jitter_takes_half_of_one_at_most() -> None:
    assert [PAUSES.after(failures) for failures in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]
    assert PAUSES.after(1_000_000) == 30
    jittered = [Pauses(first=1, longest=30, chance=Random(seed)).after(4) for seed in range(100)]
    assert all(4 <= each <= 8 for each in jittered)
    assert max(jittered) - min(jittered) > 2


@virtual
async def test_it_goes_on_until_it_works_and_other_errors_come_out_at_once() -> None:
    seen = list[float]()

    async def fails_seven_times() -> str:
        if len(seen) < 7:
            raise ConnectionError
        return "done"

    async def broken() -> None:
        raise KeyError

    persistently = until_it_works(ConnectionError, PAUSES, lambda _why, seconds: seen.append(seconds))
    assert await persistently(fails_seven_times) == "done"
    assert seen == [1, 2, 4, 8, 16, 30, 30]
    with pytest.raises(KeyError):
        await persistently(broken)


@virtual
async def test_a_signal_ends_a_pause() -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    assert not await pause(5, until=stop)
    loop.call_later(2, stop.set)
    assert await pause(60, until=stop)
    assert loop.time() == pytest.approx(7, abs=0.01)
