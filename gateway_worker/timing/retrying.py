"""Trying again after pauses that grow, by tenacity, and pauses that a signal ends."""

import asyncio
from collections.abc import Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from gateway_worker.timing.pauses import Pauses

Report = Callable[[BaseException, float], None]
"""Told before each pause why there is one, and of how many seconds."""


async def pause(seconds: float, *, until: asyncio.Event) -> bool:
    """Sleep, but no longer than until that happens; answers whether it did."""
    try:
        async with asyncio.timeout(seconds):
            return await until.wait()
    except TimeoutError:
        return False


def until_it_works(on: type[Exception] | tuple[type[Exception], ...], pauses: Pauses, report: Report) -> AsyncRetrying:
    """Call it with a coroutine function and its arguments; it goes on for as long as it takes, or until cancelled.

    A call costs about 0.1 ms of CPU: not for what is called several times for each message.

    Args:
        on: the errors that pass by themselves; every other one comes out at once.
        pauses: before each try but the first.
        report: told before each pause.
    """
    return AsyncRetrying(
        retry=retry_if_exception_type(on),
        wait=lambda state: pauses.after(state.attempt_number),
        before_sleep=lambda state: _report(state, report),
        sleep=asyncio.sleep,
    )


def _report(state: RetryCallState, report: Report) -> None:
    assert state.outcome is not None, "there is a pause because something was tried"
    assert state.next_action is not None, "it is the pause"
    why = state.outcome.exception()
    assert why is not None, "only errors are tried again"
    report(why, state.next_action.sleep)
