"""Ending tasks, although a cancellation may get lost in a library below us.

`asyncio.wait_for` of Python 3.11 answers a cancellation with its result when what it waits for comes in the same turn
of the loop (cpython issue 86296, mended in 3.12). aiormq and redis-py use it for every call with a timeout: whoever was
cancelled in that moment went on as if nothing had been asked, and whoever waited for its end waited for ever.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

import structlog

_log = structlog.get_logger()

AGAIN_SECONDS: Final = 1.0


@contextmanager
def cancellable() -> Generator[None]:
    """A cancellation of this task that arrives inside takes effect at the latest at its end, whatever ends it."""
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    error: Exception | None = None
    try:
        yield
    except Exception as raised:  # noqa: BLE001 (raised again below, unless the cancellation outweighs it)
        error = raised
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError from error
    if error is not None:
        raise error


async def end(*tasks: asyncio.Task[Any], every: float = AGAIN_SECONDS) -> None:
    """Cancel them; returns when they have ended. One that goes on is cancelled again after `every` seconds.

    What they raised is not looked at: they belong to a group, or to whoever made them.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=every)
        if pending:
            _log.warning("tasks.not_ended", count=len(pending))
