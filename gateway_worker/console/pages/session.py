"""One session: how it is linked, what may be done to it, what it tells."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, cast

from aiohttp import web

from gateway_worker.client import ClientError, CommandRejectedError
from gateway_worker.console.lines import line_of, whole
from gateway_worker.console.pages.typed import permitted, typed
from gateway_worker.console.watch.feed import Listener, Received
from gateway_worker.console.watch.fleet import Session
from gateway_worker.console.web.access import RefusedError
from gateway_worker.console.web.context import Console, console_of
from gateway_worker.console.web.streams import message, stream
from schemas.commands.sessions import ConfirmPasskey, UsePasskey
from schemas.events.sessions import SessionState, SessionStatus

EVENTS_SHOWN: Final = 100
EARLIER: Final = 200  # events that are replayed when somebody wants to see what was before
MOST_ASSERTION: Final = 64 * 1024


async def page(request: web.Request) -> web.Response:
    """The whole page."""
    console, session = console_of(request), await _session(request)
    return console.page(request, "session.html", **_values(console, session))


async def now(request: web.Request) -> web.Response:
    """How it stands: the top of the page."""
    console, session = console_of(request), await _session(request)
    return console.page(request, "parts/session.html", **_values(console, session))


async def live(request: web.Request) -> web.StreamResponse:
    """The page's stream: its state as it changes, its events as they come."""
    console, session_id = console_of(request), request.match_info["session"]
    with console.watch.feed.listen(session_id) as listener:
        return await stream(request, _live(request, console, session_id, listener))


async def act(request: web.Request) -> web.Response:
    """Restart, log out or move it."""
    console, session_id = console_of(request), request.match_info["session"]
    permitted(console)
    gateway = console.gateway
    orders = {
        "restart": (gateway.restart_session, "It is closed and opened again."),
        "logout": (gateway.logout_session, "It is unlinked from the phone."),
        "migrate": (gateway.migrate_session, "It moves to another worker, if one has room."),
    }
    order, done = orders[request.match_info["action"]]
    await order(session_id)
    return console.notice(request, done)


async def delete(request: web.Request) -> web.Response:
    """Remove it; asked for twice: by the dialog, and by typing its name there."""
    console, session_id = console_of(request), request.match_info["session"]
    permitted(console)
    form = await typed(request)
    if form.get("confirm", "").strip() != session_id:
        raise RefusedError("Nothing was deleted: what was typed is not the session's id.")
    await console.gateway.delete_session(session_id, purge=form.get("purge") == "yes")
    return console.notice(request, "It is deleted.", **{"HX-Redirect": "/sessions"})


async def link(request: web.Request) -> web.Response:
    """Begin anew: another QR code, or a code to be typed on the phone with this number."""
    console, session_id = console_of(request), request.match_info["session"]
    permitted(console)
    phone = (await typed(request)).get("phone", "").strip() or None
    user = (await console.watch.session(session_id)).user_id
    await console.gateway.create_session(session_id, user=user, pair_by_code=phone)
    return console.notice(request, "A code is on its way.")


async def passkey(request: web.Request) -> web.Response:
    """Hand in what the person's browser has signed."""
    console, session_id = console_of(request), request.match_info["session"]
    permitted(console)
    text = (await typed(request)).get("assertion", "")
    try:
        assertion: object = json.loads(text[:MOST_ASSERTION])
    except ValueError:
        raise RefusedError("That is not what the browser's console copied: it begins with { and ends with }.") from None
    if not isinstance(assertion, dict):
        raise RefusedError("That is not what the browser's console copied: it begins with { and ends with }.")
    signed = UsePasskey.model_construct(session_id=session_id, assertion=cast("dict[str, Any]", assertion))
    await console.gateway.order(session_id, signed)
    return console.notice(request, "Signed. WhatsApp has taken it.")


async def confirm(request: web.Request) -> web.Response:
    """Whether the phone shows the same code."""
    console, session_id = console_of(request), request.match_info["session"]
    permitted(console)
    same = (await typed(request)).get("same") == "yes"
    await console.gateway.order(session_id, ConfirmPasskey.model_construct(session_id=session_id, confirmed=same))
    return console.notice(request, "Confirmed." if same else "Nothing is linked.")


async def earlier(request: web.Request) -> web.Response:
    """Have the session's last events published again, so that they are shown here; other backends leave them out."""
    console, session_id = console_of(request), request.match_info["session"]
    permitted(console)
    newest = (await console.gateway.describe_session(session_id)).sequence
    if newest == 0:
        return console.notice(request, "It has told nothing yet.")
    console.watch.feed.forget(session_id)
    answer = await console.gateway.replay_events(session_id, max(1, newest - EARLIER + 1))
    return console.notice(request, f"{answer.count} events are told again.")


async def _session(request: web.Request) -> Session:
    """The session as it stands; a page that says so where there is none. One that is known need not be asked for."""
    console, session_id = console_of(request), request.match_info["session"]
    try:
        return await console.watch.session(session_id)
    except CommandRejectedError as refused:
        if refused.code == "session.not_found":
            raise web.HTTPFound("/sessions") from None
        raise
    except ClientError:
        if (known := console.watch.fleet.sessions.get(session_id)) is not None:
            return known
        raise


def _values(console: Console, session: Session) -> dict[str, object]:
    kept = list(reversed(console.watch.feed.of(session.session_id, EVENTS_SHOWN)))
    return {
        "session": session,
        "live": session.live,
        "chats": console.watch.chats.of(session.session_id),
        "events": [(each, line_of(each.event), whole(each.event)) for each in kept],
        "options": _options(session),
        "S": SessionState,
    }


def _options(session: Session) -> str:
    """WhatsApp's request, as JSON, where there is one."""
    live = session.live
    return json.dumps(live.passkey.options) if live is not None and live.passkey is not None else ""


async def _live(request: web.Request, console: Console, session_id: str, listener: Listener) -> AsyncIterator[bytes]:
    session = console.watch.fleet.sessions.get(session_id)
    if session is not None:  # what came between the page and its stream
        yield _part(console, request, "live/begin.html", **_values(console, session))
    async for batch in listener.batches():
        yield _part(console, request, "live/events.html", **_events_of(console, session_id, batch))


def _events_of(console: Console, session_id: str, batch: Sequence[Received]) -> dict[str, object]:
    """The lines of events; with a change of state the top of the page, with a message the list of chats."""
    session = console.watch.fleet.sessions.get(session_id)
    has_new_state = session is not None and any(isinstance(each.event.data, SessionStatus) for each in batch)
    has_message = any(each.event.type.startswith("message.") for each in batch)
    return {
        "events": [(each, line_of(each.event), whole(each.event)) for each in batch],
        "has_new_state": has_new_state,
        "session": session,
        "session_id": session_id,
        "live": None if session is None else session.live,
        "options": "" if session is None else _options(session),
        "S": SessionState,
        "chats": console.watch.chats.of(session_id) if has_message else (),
    }


def _part(console: Console, request: web.Request, template: str, **values: object) -> bytes:
    return message(console.page(request, template, **values).text or "")
