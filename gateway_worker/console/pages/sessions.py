"""The list of sessions, and a new one."""

from typing import Final

from aiohttp import web

from gateway_worker.client import CommandRejectedError
from gateway_worker.console.pages.typed import optional, permitted, typed
from gateway_worker.console.web.context import Console, console_of
from schemas.events.sessions import SessionState

SHOWN: Final = 200  # of a list at once


async def page(request: web.Request) -> web.Response:
    """The list, or a part of it."""
    console = console_of(request)
    text, wanted = request.query.get("q", "")[:100], request.query.get("state", "")
    state = SessionState(wanted) if wanted in set(SessionState) else None
    found = console.watch.fleet.search(text, state, request.query.get("after", ""), SHOWN)
    template = "parts/sessions.html" if request.headers.get("HX-Request") else "sessions.html"
    states = console.watch.fleet.by_state()
    return console.page(request, template, found=found, q=text, state=state, states=states, total=sum(states.values()))


async def create(request: web.Request) -> web.Response:
    """Make a session, and go to its page."""
    console = console_of(request)
    permitted(console)
    form = await typed(request)
    session = form.get("session", "").strip()
    try:
        await console.gateway.create_session(
            session,
            user=form.get("user", "").strip() or "console",
            pair_by_code=optional(form.get("phone")),
        )
    except CommandRejectedError as refused:
        return _refused(console, request, refused)
    return web.Response(headers={"HX-Redirect": f"/sessions/{session}"})


def _refused(console: Console, request: web.Request, refused: CommandRejectedError) -> web.Response:
    problems = [str(each.get("path", "")) + " " + str(each.get("problem", "")) for each in _problems(refused)]
    return console.page(request, "parts/problems.html", text=refused.message, problems=problems)


def _problems(refused: CommandRejectedError) -> list[dict[str, object]]:
    found = refused.detail.get("problems", ())
    return [each for each in found if isinstance(each, dict)]
