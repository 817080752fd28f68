"""``GET /api/sessions/{sessionId}/events``: a session's events for a backend's own pages, as Server-Sent Events.

The backend makes a token for one session (`web.tokens`); the page follows with `EventSource`. `id` is an event's
sequence, ephemeral events have none. A browser that comes again says what it saw last: what it missed follows from what
is kept here, or else is replayed. When that cannot be known to be whole the stream ends, and the browser comes again.
"""

import json
import re
import time
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from gateway_worker.client import EventQueue
from gateway_worker.console.watch.feed import Listener
from gateway_worker.console.web.context import Console, console_of
from gateway_worker.console.web.streams import message, stream
from gateway_worker.console.web.tokens import TokenRefusedError
from schemas.names import SESSION_ID_PATTERN

MOST_SEQUENCE: Final = 10**19


async def follow(request: web.Request) -> web.StreamResponse:
    """The stream, until the token is over."""
    console, session_id = console_of(request), request.match_info["session"]
    allowed = _cors(console, request)
    if console.event_tokens is None or not re.fullmatch(SESSION_ID_PATTERN, session_id):
        return web.json_response({"code": "events.off", "message": "There is no such address here."}, status=404)
    try:
        ends_at = console.event_tokens.ends_at(_token(request), session_id)
        after = _after(request)
    except TokenRefusedError as refused:
        return web.json_response({"code": "token.refused", "message": str(refused)}, status=401, headers=allowed)
    except ValueError:
        answer = {"code": "events.position", "message": "Last-Event-ID must be a sequence."}
        return web.json_response(answer, status=400, headers=allowed)
    with console.watch.feed.listen(session_id) as listener:
        events = _events(console, session_id, after, listener)
        return await stream(request, events, allowed, max(0.0, ends_at - time.time()))


async def allow(request: web.Request) -> web.Response:
    """A browser asks first when the token is in a header."""
    headers = {"Access-Control-Allow-Headers": "Authorization, Last-Event-ID", "Access-Control-Max-Age": "600"}
    return web.Response(status=204, headers={**_cors(console_of(request), request), **headers})


async def _events(console: Console, session_id: str, after: int | None, listener: Listener) -> AsyncIterator[bytes]:
    kept = () if after is None else console.watch.feed.since(session_id, after)
    if kept is None:
        async for text in _replayed(console, session_id, after or 0):
            yield text
        return
    seen = after or 0
    for received in kept:
        seen = received.sequence or seen
        yield message(received.text, id_=_id(received.sequence))
    async for received in listener:
        if received.sequence is None or received.sequence > seen:
            seen = received.sequence or seen
            yield message(received.text, id_=_id(received.sequence))


async def _replayed(console: Console, session_id: str, after: int) -> AsyncIterator[bytes]:
    """With a subscription of its own, which has what is missing replayed and puts it in order."""
    queue = EventQueue(sessions=[session_id])
    async with console.gateway.events(queue, after={session_id: after}) as events:
        async for event in events:
            yield message(json.dumps(event.document, ensure_ascii=False), id_=_id(event.sequence))


def _id(sequence: int | None) -> str | None:
    return None if sequence is None else str(sequence)


def _token(request: web.Request) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.query.get("token")


def _after(request: web.Request) -> int | None:
    """What was seen last. Raises ValueError."""
    given = request.headers.get("Last-Event-ID") or request.query.get("after")
    if given is None:
        return None
    if not given.isascii() or not given.isdigit() or int(given) >= MOST_SEQUENCE:
        raise ValueError
    return int(given)


def _cors(console: Console, request: web.Request) -> dict[str, str]:
    """For pages of the origins that are set; no cookie is needed, so none is allowed."""
    origin = request.headers.get("Origin")
    if origin is None or origin not in console.origins:
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": origin,
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Vary": "Origin",
    }
