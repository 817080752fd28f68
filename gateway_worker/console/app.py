"""The console as a web application: which address leads to which page."""

from typing import Final

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from gateway_worker.console.pages import chat, dead, events_api, fleet, login, media, phone, session, sessions, tries
from gateway_worker.console.web.assets import Asset
from gateway_worker.console.web.context import CONSOLE, Console, console_of
from gateway_worker.console.web.guard import admit, answer, dress

MOST_BYTES: Final = 3 * 1024 * 1024  # of a request: a file of 1 MiB, or a command with one as base64
ASSETS: Final = web.AppKey("assets", dict[str, Asset])

_SESSION: Final = r"/sessions/{session:[A-Za-z0-9_-]{1,64}}"
_CHAT: Final = _SESSION + r"/chats/{chat:[^/]{1,128}}"
_PHONE: Final = r"/phones/{phone:\+?[0-9]{5,20}}"
_YEAR: Final = 365 * 24 * 3600


def application(console: Console, assets: dict[str, Asset]) -> web.Application:
    """The routes, with the guards before them."""
    app = web.Application(middlewares=[answer, admit], client_max_size=MOST_BYTES)
    app[CONSOLE] = console
    app[ASSETS] = assets
    app.on_response_prepare.append(dress)
    app.add_routes([*_everybodys(), *_fleet(), *_sessions(), *_chats(), *_tools()])
    if console.phones is not None:
        app.add_routes(_phones())
    return app


def _everybodys() -> list[web.RouteDef]:
    return [
        web.get("/static/{version}/{name}", _static),
        web.get("/livez", _livez),
        web.get("/readyz", _readyz),
        web.get("/metrics", _metrics),
        web.get("/login", login.page),
        web.post("/login", login.enter),
        web.post("/logout", login.leave),
        web.get("/api/sessions/{session}/events", events_api.follow),
        web.options("/api/sessions/{session}/events", events_api.allow),
    ]


def _fleet() -> list[web.RouteDef]:
    return [web.get("/", fleet.page), web.get("/fleet", fleet.now), web.get("/changes", fleet.changes)]


def _sessions() -> list[web.RouteDef]:
    return [
        web.get("/sessions", sessions.page),
        web.post("/sessions", sessions.create),
        web.get(_SESSION, session.page),
        web.get(f"{_SESSION}/now", session.now),
        web.get(f"{_SESSION}/live", session.live),
        web.post(_SESSION + "/{action:restart|logout|migrate}", session.act),
        web.post(f"{_SESSION}/delete", session.delete),
        web.post(f"{_SESSION}/link", session.link),
        web.post(f"{_SESSION}/passkey", session.passkey),
        web.post(f"{_SESSION}/passkey/confirm", session.confirm),
        web.post(f"{_SESSION}/earlier", session.earlier),
        web.get(f"{_SESSION}/media", media.show),
    ]


def _chats() -> list[web.RouteDef]:
    return [
        web.post(f"{_SESSION}/chats", chat.open_),
        web.post(f"{_SESSION}/groups", chat.groups),
        web.get(_CHAT, chat.page),
        web.get(f"{_CHAT}/live", chat.live),
        web.post(f"{_CHAT}/messages", chat.send),
        web.post(f"{_CHAT}/read", chat.read),
        web.post(f"{_CHAT}/fetch", chat.fetch),
    ]


def _tools() -> list[web.RouteDef]:
    return [
        web.get("/dead", dead.page),
        web.get("/dead/list", dead.listing),
        web.get("/dead/letters/{id:.{1,512}}", dead.look),
        web.post("/dead/redrive", dead.redrive),
        web.post("/dead/drop", dead.drop),
        web.get("/try", tries.page),
        web.post("/try/form", tries.form),
        web.post("/try/preview", tries.preview),
        web.post("/try/publish", tries.publish),
    ]


def _phones() -> list[web.RouteDef]:
    return [
        web.get("/phones", phone.show),
        web.post("/phones", phone.give),
        web.post(f"{_PHONE}/scan", phone.scan),
        web.post(f"{_PHONE}/unlock", phone.unlock),
        web.post(f"{_PHONE}/send", phone.send),
        web.post(f"{_PHONE}/read", phone.read),
    ]


async def _static(request: web.Request) -> web.Response:
    asset = request.app[ASSETS].get(request.match_info["name"])
    if asset is None or request.match_info["version"] != console_of(request).pages.assets:
        raise web.HTTPNotFound
    headers = {"Cache-Control": f"public, max-age={_YEAR}, immutable"}
    return web.Response(body=asset.body, content_type=asset.mimetype, charset="utf-8", headers=headers)


async def _livez(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _readyz(request: web.Request) -> web.Response:
    """Whether the gateway can be seen; why not is for those who have logged in."""
    is_away = console_of(request).watch.trouble is not None
    return web.json_response({"status": "down" if is_away else "ok"}, status=503 if is_away else 200)


async def _metrics(request: web.Request) -> web.Response:
    body = generate_latest(console_of(request).metrics.registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
