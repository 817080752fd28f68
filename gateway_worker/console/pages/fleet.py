"""The first page: who works, how the sessions are, and what waits for a person."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from aiohttp import web

from gateway_worker.console.watch.feed import Listener
from gateway_worker.console.watch.fleet import SILENT
from gateway_worker.console.web.context import Console, console_of
from gateway_worker.console.web.streams import message, stream

ABOUT_SESSIONS: Final = "sessions"
ABOUT_WORKERS: Final = "workers"
_WAIT_SECONDS: Final = 3.0


async def page(request: web.Request) -> web.Response:
    """The whole page."""
    console = console_of(request)
    return console.page(request, "fleet.html", **await _values(console))


async def now(request: web.Request) -> web.Response:
    """What changes on it."""
    console = console_of(request)
    return console.page(request, "parts/fleet.html", **await _values(console))


async def changes(request: web.Request) -> web.StreamResponse:
    """Says when something changed, for pages that then ask for what they show."""
    with console_of(request).watch.feed.listen(None) as listener:
        return await stream(request, _changes(listener))


async def _changes(listener: Listener) -> AsyncIterator[bytes]:
    async for received in listener:
        match received.event.type.partition(".")[0]:
            case "session":
                yield message(received.event.subject or "", event=ABOUT_SESSIONS)
            case "worker":
                yield message(received.event.subject or "", event=ABOUT_WORKERS)
            case _:
                continue


async def _values(console: Console) -> dict[str, object]:
    fleet, moment = console.watch.fleet, console.clock.now()
    with suppress(TimeoutError):  # the page says what is known
        await console.watch.has_looked(_WAIT_SECONDS)
    workers = [(each, not each.is_stopped and moment - each.seen > SILENT) for each in fleet.present(moment)]
    states = fleet.by_state()
    return {
        "workers": workers,
        "states": states,
        "total": sum(states.values()),
        "waiting": fleet.for_a_person()[:20],
        "dead": await console.dead.now(),
    }
