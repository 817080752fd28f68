"""Logging in with the token, and out."""

import asyncio
import time
from typing import Final

import structlog
from aiohttp import web

from gateway_worker.console.pages.typed import typed
from gateway_worker.console.web.context import VISITOR, console_of
from gateway_worker.console.web.guard import set_cookie

_log = structlog.get_logger()

_WRONG_SECONDS: Final = 1.0
_one_at_a_time: Final = asyncio.Lock()
"""Wrong tokens are refused one a second, whoever tries."""


async def page(request: web.Request) -> web.Response:
    """The form."""
    console = console_of(request)
    if request[VISITOR].is_in:
        return web.Response(status=303, headers={"Location": "/"})
    return console.page(request, "login.html", wrong=False, to=_local(request.query.get("to", "/")))


async def enter(request: web.Request) -> web.Response:
    """Somebody has typed a token."""
    console, form = console_of(request), await typed(request)
    to = _local(form.get("to", "/"))
    visitor = console.access.log_in(form.get("token", ""), time.monotonic())
    if visitor is None:
        async with _one_at_a_time:
            await asyncio.sleep(_WRONG_SECONDS)
        _log.warning("console.wrong_token", peer=request.remote)
        again = console.page(request, "login.html", wrong=True, to=to)
        again.set_status(403)
        return again
    response = web.Response(status=303, headers={"Location": to})
    set_cookie(request, response, visitor)
    return response


async def leave(request: web.Request) -> web.Response:
    """Log out."""
    console_of(request).access.log_out(request[VISITOR])
    return web.Response(headers={"HX-Redirect": "/login"})


def _local(to: str) -> str:
    """A page of ours: never another host, however it is spelt."""
    return to if to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable() else "/"
