"""What has happened is kept for good: Python need not look through it again and again.

Everybody's messages and keys are objects that the cyclic collector knows. After some 5,000 messages each of its full
collections stopped the simulator for 430 ms (CPython 3.11), and whoever measures a client took that for the client's.
"""

import asyncio
import gc
from collections.abc import Callable
from typing import Final

_SECONDS: Final = 1.0
_MIDDLE: Final = 1


async def spare(is_idle: Callable[[], bool], seconds: float = _SECONDS) -> None:
    """Until cancelled: leave alone what is alive, anew every so many `seconds`; look through all of it while idle.

    Cyclic garbage may stay as long as somebody is connected (`gc.freeze`).
    """
    try:
        while True:
            await asyncio.sleep(seconds)
            if not is_idle():
                gc.collect(_MIDDLE)
                gc.freeze()
            elif gc.get_freeze_count() > 0:
                gc.unfreeze()
                gc.collect()
    finally:
        gc.unfreeze()
