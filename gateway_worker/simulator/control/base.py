"""What all control handlers share: bodies, whose phone it is, and errors as JSON."""

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import web

from gateway_worker.simulator.errors import ControlError, Invalid, NotFound
from gateway_worker.simulator.strict_body import Body
from gateway_worker.simulator.world.jids import parse_phone
from gateway_worker.simulator.world.model import Account

if TYPE_CHECKING:
    from gateway_worker.simulator.shell.server import Simulator

MAX_BODY = 4 << 20
"""Bytes of a control request."""
MAX_FILE_BODY = 140 << 20
"""Bytes of one that may hold a large file as base64."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as `{"code", "message"}`, aiohttp's own included."""
    try:
        return await handler(request)
    except ControlError as error:
        return _error(error.status, error.code, error.message)
    except web.HTTPNotFound:
        return _error(404, "path.not_found", "no such path")
    except web.HTTPMethodNotAllowed as error:
        return _error(405, "method.not_allowed", f"allowed: {', '.join(sorted(error.allowed_methods))}")
    except web.HTTPRequestEntityTooLarge:
        return _error(413, "request.too_large", "the body is too large")


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"code": code, "message": message}, status=status)


async def body_of(request: web.Request, limit: int = MAX_BODY) -> Body:
    """The request's body of at most `limit` bytes; an empty one is an empty object."""
    raw = await request.clone(client_max_size=limit).read()
    try:
        return Body(json.loads(raw) if raw.strip() else {})
    except ValueError as error:
        raise Invalid("request.invalid", "the body is not JSON") from error


def account_of(simulator: "Simulator", request: web.Request) -> Account:
    """Whose phone the path names; `NotFound` if nobody has that number."""
    phone = parse_phone(request.match_info["phone"])
    account = simulator.core.world.accounts.get(phone) if phone else None
    if account is None:
        raise NotFound("phone.not_found", "no phone has this number")
    return account
