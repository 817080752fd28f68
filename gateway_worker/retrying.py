"""Trying again after pauses that grow: how long they are, and tenacity for what is called until it works."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Final

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, stop_never

Report = Callable[[BaseException, float], None]
"""Told before each pause why there is one, and of how many seconds."""

_DOUBLINGS: Final = 30  # beyond this the longest pause has long been reached; keeps the power small


@dataclass(frozen=True, slots=True, kw_only=True)
class Pauses:
    """Pauses that double.

    Attributes:
        first: seconds of the first.
        longest: seconds of the longest.
        chance: jitter: each is between half and all of that; None: there is none.
    """

    first: float
    longest: float
    chance: Random | None = None

    def after(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row, 1 or more."""
        pause = min(self.longest, self.first * 2.0 ** min(failures - 1, _DOUBLINGS))
        return pause if self.chance is None else self.chance.uniform(pause / 2, pause)


async def pause(seconds: float, *, until: asyncio.Event) -> None:
    """Sleep, but no longer than until that happens."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await until.wait()


def until_it_works(
    on: type[Exception] | tuple[type[Exception], ...],
    pauses: Pauses,
    report: Report,
    *,
    tries: int | None = None,
    stop: asyncio.Event | None = None,
) -> AsyncRetrying:
    """Call it with a coroutine function and its arguments; it goes on for as long as it takes, or until cancelled.

    Args:
        on: the errors that pass by themselves; every other one comes out at once.
        pauses: before each try but the first.
        report: told before each pause.
        tries: after so many the last error comes out; None: never.
        stop: ends a pause, and lets the last error out.
    """
    never = stop or asyncio.Event()
    enough = stop_never if tries is None else stop_after_attempt(tries)

    async def wait(seconds: float) -> None:
        await pause(seconds, until=never)

    return AsyncRetrying(
        retry=retry_if_exception_type(on),
        wait=lambda state: pauses.after(state.attempt_number),
        stop=lambda state: never.is_set() or enough(state),
        before_sleep=lambda state: _tell(state, report),
        sleep=wait,
        reraise=True,
    )


def _tell(state: RetryCallState, report: Report) -> None:
    assert state.outcome is not None, "there is a pause because something was tried"
    assert state.next_action is not None, "it is the pause"
    why = state.outcome.exception()
    assert why is not None, "only errors are tried again"
    report(why, state.next_action.sleep)
