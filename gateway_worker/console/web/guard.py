"""What happens to every request before a page sees it, and to every answer before it leaves."""

import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import structlog
from aiohttp import web

from gateway_worker.client import ClientError, CommandRejectedError, NoReplyError
from gateway_worker.console.web.access import CSRF_FIELD, CSRF_HEADER, LOGIN_SECONDS, RefusedError, Visitor
from gateway_worker.console.web.context import VISITOR, Console, console_of

_log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self';"
    " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""No inline script or style, nothing from elsewhere, in nobody's frame."""

_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_OPEN: Final = ("/static/", "/login", "/livez", "/readyz", "/metrics")
STREAMS: Final = ("/live", "/changes", "/events")
OWN_RULES: Final = "/api/"
"""Backends' pages ask here with a token of their own: no cookie, no form."""

_UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@web.middleware
async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What went wrong is told: in a line or on a page. A stranger is known by a cookie from the first page on."""
    began, status = time.monotonic(), 500
    try:
        response = await _answered(request, handler)
        status = response.status
    except web.HTTPException as said:
        status = said.status
        raise
    finally:
        seconds = time.monotonic() - began
        console_of(request).metrics.answered(status, seconds, is_stream=_is_stream(request))
    visitor, name = request.get(VISITOR), console_of(request).cookie_name
    if visitor is not None and visitor.is_new and not response.prepared and name not in response.cookies:
        set_cookie(request, response, visitor)
    return response


def _is_stream(request: web.Request) -> bool:
    return request.match_info.route.resource is not None and _route(request).endswith(STREAMS)


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPNotFound:
        if request.get(VISITOR) is None:
            raise
        return _page(console_of(request), request, "There is no such page here.", HTTPStatus.NOT_FOUND)
    except (web.HTTPException, ConnectionResetError):
        raise
    except (ClientError, RefusedError) as trouble:
        return _response_to(request, trouble)
    except Exception as broken:  # noqa: BLE001 (a page must not end the console; it is logged once, here)
        _log.error("console.page_failed", route=_route(request), error=type(broken).__name__, exc_info=broken)
        return _response_to(request, broken)


async def dress(_request: web.Request, response: web.StreamResponse) -> None:
    """The headers of every answer, before it leaves. Cookies are written already."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["Server"] = "gateway-console"


@web.middleware
async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Who asks, from where, and whether they may."""
    console = console_of(request)
    if request.path.startswith(OWN_RULES):
        return await handler(request)
    now = time.monotonic()
    visitor = console.access.visitor(request.cookies.get(console.cookie_name), now)
    request[VISITOR] = visitor
    console.access.check_host(request.host)
    console.access.check_origin(request.method, request.headers, request.host)
    if request.method in _UNSAFE:
        console.access.check_csrf(visitor, await _proof(request))
    if not visitor.is_in and not request.path.startswith(_OPEN):
        return _to_login(request)
    return await handler(request)


def set_cookie(request: web.Request, response: web.StreamResponse, visitor: Visitor) -> None:
    """Known by this from now on."""
    response.set_cookie(
        console_of(request).cookie_name,
        visitor.cookie,
        max_age=int(LOGIN_SECONDS),
        httponly=True,
        samesite="Strict",
        secure=request.secure or request.headers.get("X-Forwarded-Proto") == "https",
        path="/",
    )


async def _proof(request: web.Request) -> str | None:
    """The CSRF token: in a header, as htmx sends it, or in a field of a plain form."""
    given = request.headers.get(CSRF_HEADER)
    if given is not None or request.content_type != "application/x-www-form-urlencoded":
        return given
    try:
        field = (await request.post()).get(CSRF_FIELD)
    except (ValueError, LookupError):  # no form, whatever a header says of it
        return None
    return field if isinstance(field, str) else None


def _to_login(request: web.Request) -> web.Response:
    if request.headers.get("HX-Request"):
        return web.Response(status=401, headers={"HX-Redirect": "/login"})
    return web.Response(status=303, headers={"Location": f"/login?to={quote(request.path_qs, safe='')}"})


def _response_to(request: web.Request, trouble: Exception) -> web.Response:
    """What went wrong: a line for htmx, a page for a browser. A stranger to the console is told no more than that."""
    console = console_of(request)
    text, status = _words(trouble)
    if request.get(VISITOR) is None:
        return web.Response(text=text, status=status)
    if request.headers.get("HX-Request"):
        return console.notice(request, text, tone="bad")
    return _page(console, request, text, status)


def _page(console: Console, request: web.Request, text: str, status: int) -> web.Response:
    answer = console.page(request, "trouble.html", text=text)
    answer.set_status(status)
    return answer


def _words(trouble: Exception) -> tuple[str, int]:
    match trouble:
        case CommandRejectedError():
            return f"{trouble.message} ({trouble.code})", 409
        case NoReplyError():
            return "Nobody answered in time. The command waits in its queue, and will be carried out.", 504
        case RefusedError():
            return str(trouble), 403
        case ClientError():
            return str(trouble), 503
        case _:
            return "That went wrong here; the console's log says more.", 500


def _route(request: web.Request) -> str:
    """The page's pattern: an address itself may hold a number or a name."""
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical
