"""The list of sessions, and a new one."""

from typing import Final

from aiohttp import web

from gateway_worker.client import CommandRejectedError
from gateway_worker.console.pages.typed import optional, permitted, typed
from gateway_worker.console.web.context import Console, console_of
from schemas.events.sessions import SessionState

SHOWN: Final = 50  # of a list at once; more come when somebody gets there
MOST_SHOWN: Final = 1_000  # that are drawn anew when something changes


async def page(request: web.Request) -> web.Response:
    """The list, or a part of it: from `after` on, or as many as are `shown` already."""
    console = console_of(request)
    text, wanted, after = request.query.get("q", "")[:100], request.query.get("state", ""), request.query.get("after")
    state = SessionState(wanted) if wanted in set(SessionState) else None
    shown = _shown(request.query.get("shown", ""))
    found = console.watch.fleet.search(text, state, after or "", SHOWN if after else max(SHOWN, shown))
    values = {
        "found": found,
        "shown": len(found.sessions) + (shown if after else 0),
        "q": text,
        "state": state,
    }
    if request.headers.get("HX-Request"):
        return console.page(request, "parts/sessions.html", **values)
    states = console.watch.fleet.by_state()
    return console.page(request, "sessions.html", states=states, total=sum(states.values()), **values)


def _shown(given: str) -> int:
    """How many lines the page has; what is no number is none."""
    return min(int(given), MOST_SHOWN) if given.isascii() and given.isdigit() and len(given) <= len("1000") else 0


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
