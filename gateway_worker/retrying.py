"""Trying again after pauses that grow: tenacity's strategies, as this program uses them."""

import asyncio
from collections.abc import Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential

Report = Callable[[BaseException, float], None]
"""Told before each pause why there is one, and of how many seconds."""


def until_it_works(
    on: type[Exception] | tuple[type[Exception], ...], *, first: float, longest: float, report: Report
) -> AsyncRetrying:
    """Call it with a coroutine function and its arguments; it goes on for as long as it takes, or until cancelled.

    Args:
        on: the errors that pass by themselves; every other one comes out at once.
        first: seconds of the first pause; each is twice as long as the one before.
        longest: seconds of the longest pause.
        report: told before each pause.
    """
    return AsyncRetrying(
        retry=retry_if_exception_type(on),
        wait=wait_exponential(multiplier=first, max=longest),
        before_sleep=lambda state: _tell(state, report),
        sleep=asyncio.sleep,
    )


def _tell(state: RetryCallState, report: Report) -> None:
    assert state.outcome is not None, "there is a pause because something was tried"
    assert state.next_action is not None, "it is the pause"
    why = state.outcome.exception()
    assert why is not None, "only errors are tried again"
    report(why, state.next_action.sleep)
