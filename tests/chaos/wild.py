"""A stranger's worst: messages that no client writes, a hundred thousand of them, through the real bridge."""

import random
import time
from collections.abc import Callable, Sequence
from typing import Final

from tests.chaos.accounts.outcome import ScenarioOutcome, broken
from tests.support.whatsapp.engine import Lab, lab
from tests.support.whatsapp.wilderness import Wilderness

NAME: Final = "wild messages"
MESSAGES: Final = 100_000
_AT_ONCE: Final = 200
_PER_SESSION: Final = 2_000


async def endure(seed: int, messages: int, say: Callable[[str], None]) -> ScenarioOutcome:
    """Each is stored once, and the connection lives; `seed` repeats them."""
    rng, began = random.Random(f"{seed} {NAME}"), time.monotonic()
    done, longest = 0, 0.0
    async with lab() as own:
        while done < messages:
            seeds = [rng.getrandbits(32) for _ in range(min(_PER_SESSION, messages - done))]
            try:
                wilderness = await _session(own, seeds)
            except Exception as error:  # noqa: BLE001 -- whatever it was, the scenario is red with it
                why = f"{type(error).__name__}: {error}, after {done} messages"
                return broken(NAME, why, time.monotonic() - began, [])
            done += len(seeds)
            longest = max(longest, wilderness.longest)
            say(f"{done} of {messages}, the event loop stood still for {longest * 1000:.0f} ms at most")
    story = [f"the event loop stood still for {longest * 1000:.0f} ms at most"]
    return ScenarioOutcome(
        scenario=NAME, verdict="green", phone_messages=done, took=time.monotonic() - began, story=story
    )


async def _session(own: Lab, seeds: Sequence[int]) -> Wilderness:
    wilderness = await Wilderness.of(own)
    for start in range(0, len(seeds), _AT_ONCE):
        await wilderness.endure(seeds[start : start + _AT_ONCE])
    await wilderness.connection.close()
    return wilderness
