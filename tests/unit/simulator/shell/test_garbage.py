"""What the simulator's collector looks through."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from contextlib import suppress

from gateway_worker.simulator.shell.garbage import spare


class _Knot:
    """Only the cyclic collector frees it."""

    def __init__(self) -> None:
        self.own = self


async def _until(met: Callable[[], bool]) -> None:
    while not met():  # noqa: ASYNC110 (a collector tells nobody)
        await asyncio.sleep(0.001)


async def test_what_is_alive_is_left_alone_until_nobody_is_connected() -> None:
    is_idle, before = False, gc.get_freeze_count()
    sparing = asyncio.create_task(spare(lambda: is_idle, seconds=0.001))
    knot = _Knot()
    await _until(lambda: gc.get_freeze_count() > before)
    gone = weakref.ref(knot)
    del knot
    gc.collect()
    assert gone() is not None, "it was frozen"

    is_idle = True
    await _until(lambda: gone() is None)
    assert gc.get_freeze_count() == 0

    is_idle = False
    await _until(lambda: gc.get_freeze_count() > 0)
    sparing.cancel()
    with suppress(asyncio.CancelledError):
        await sparing
    assert gc.get_freeze_count() == 0
