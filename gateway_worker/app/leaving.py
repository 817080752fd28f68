"""By when a worker that was told to leave is gone, whatever is away.

With everything at hand what is under way may settle, and sessions are given back one by one. As soon as something that
the worker needs is found away, refusing or silent, there is nothing to wait for: what was under way is delivered again
elsewhere, and what is owned is free the moment that this process has ended. So every phase has two bounds, and a thread
that needs no event loop ends the process if all else fails. In seconds, at most::

                       settle   give back   shut   cancel what still runs, close   end
    all is well          12        15         5                0.8                 0.6
    something is away    1.0       1.5       0.4               0.8                 0.6
"""

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any, Final, NoReturn

import structlog

from gateway_worker.operations.health import answer

_log = structlog.get_logger()

SETTLE_SECONDS: Final = 12.0
BACK_SECONDS: Final = 15.0
SHUT_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.6  # for every dependency to answer: one that takes longer is as good as away
_LOOK_AGAIN_SECONDS: Final = 0.5
_HURRIED_SETTLE_SECONDS: Final = 0.4  # once it is known that something is away
_HURRIED_BACK_SECONDS: Final = 1.5
_HURRIED_SHUT_SECONDS: Final = 0.4
_CANCEL_SECONDS: Final = 0.4
_LAST_SECONDS: Final = 0.6  # for the interpreter: threads that ask a silent name server would hold it up for longer


class Leaving:
    """The end of a worker, phase by phase.

    Args:
        asks: one question to each dependency; each raises when it is away or refuses.
        hurry: called once, when one of them is: what is under way is to be let go.
    """

    def __init__(self, asks: Iterable[Callable[[], Awaitable[object]]], hurry: Callable[[], None]) -> None:
        self._asks = tuple(asks)
        self._hurry = hurry
        self._hurried = asyncio.Event()

    async def look(self) -> None:
        """Ask again and again, and hurry as soon as there is a reason to; to run beside the phases."""
        while not self._hurried.is_set():
            outcomes = await asyncio.gather(*(_answers(ask) for ask in self._asks))
            if not all(outcomes):
                _log.warning("worker.hurries", why="something that it needs is away")
                self._hurried.set()
                self._hurry()
            else:
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def settle(self, work: Coroutine[Any, Any, None]) -> None:
        """What lets deliveries settle."""
        await self._phase("settling", work, SETTLE_SECONDS, _HURRIED_SETTLE_SECONDS)

    async def give_back(self, work: Coroutine[Any, Any, None]) -> None:
        """What gives sessions back, and tells what is left to tell."""
        await self._phase("giving back", work, BACK_SECONDS, _HURRIED_BACK_SECONDS)

    async def shut(self, work: Coroutine[Any, Any, None]) -> None:
        """What closes connections: after this nobody answers."""
        await self._phase("shutting", work, SHUT_SECONDS, _HURRIED_SHUT_SECONDS)

    async def _phase(self, name: str, work: Coroutine[Any, Any, None], seconds: float, hurried: float) -> None:
        task = asyncio.create_task(work, name=name)
        hurrying = asyncio.create_task(self._hurried.wait())
        try:
            await asyncio.wait({task, hurrying}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if hurrying.done() and not task.done():
                await asyncio.wait({task}, timeout=hurried)
        finally:
            hurrying.cancel()
        if task.done():
            task.result()
            return
        _log.warning("worker.phase_cut", phase=name)
        await end([task])


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and wait a moment for them to end: not longer, whatever holds them."""
    running = {task for task in tasks if not task.done()}
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running, timeout=_CANCEL_SECONDS)


async def close(*closings: Coroutine[Any, Any, None]) -> None:
    """Close what was opened, side by side, and wait no longer than a moment for it."""
    tasks = [asyncio.create_task(closing) for closing in closings]
    await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)
    await end(tasks)


def end_process_soon(last: Callable[[], None]) -> None:
    """However it ends, this process is over in a moment, by `last` if by nothing else: nothing of it is needed."""
    timer = threading.Timer(_LAST_SECONDS, last)
    timer.daemon = True
    timer.start()


def end_process(code: int) -> NoReturn:
    """This process is over now, without the interpreter's own end.

    That takes apart all that was ever imported, which is seconds where others need the CPU too, and from its beginning
    no thread of ours runs any more: `end_process_soon` would come too late.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # whoever read it is gone: nobody is left to tell that to
            stream.flush()
    os._exit(code)


def begin_anew() -> NoReturn:
    """This very program from its beginning, in this very process: its id, arguments and environment stay."""
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 (no shell)


async def _answers(ask: Callable[[], Awaitable[object]]) -> bool:
    try:
        await answer(ask, _LOOK_SECONDS)
    except Exception:  # noqa: BLE001 (whatever it is: it cannot be counted on just now)
        return False
    return True
