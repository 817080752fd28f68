"""The simulator's phones beside the pages: people to try things with."""

import random
from typing import Any

from aiohttp import web

from gateway_worker.console.pages.typed import typed
from gateway_worker.console.phones import Phones, PhonesError
from gateway_worker.console.web.access import RefusedError
from gateway_worker.console.web.context import Console, console_of
from schemas.commands.sessions import UsePasskey

Document = dict[str, Any]


async def show(request: web.Request) -> web.Response:
    """The phones, one of them opened."""
    console, phones = _phones(request)
    wanted = request.query.get("phone", "")
    try:
        people = await phones.people()
        opened = next((each for each in people if each["phone"] == wanted), people[0] if people else None)
        talk = [] if opened is None else await phones.conversation(str(opened["phone"]))
    except PhonesError as trouble:
        return console.page(request, "parts/phones.html", people=(), opened=None, talk=(), trouble_text=str(trouble))
    numbers = {each["jid"]: each for each in people}
    return console.page(
        request,
        "parts/phones.html",
        people=people,
        opened=opened,
        talk=[{**each, "with": _who(each, numbers)} for each in talk[-30:]],
        trouble_text="",
    )


async def give(request: web.Request) -> web.Response:
    """Somebody new gets a phone."""
    _, phones = _phones(request)
    form = await typed(request)
    number = f"+1555{random.randrange(10**7):07}"  # noqa: S311 (a number for a simulated phone)
    await _try(phones.give(number, form.get("name", "").strip() or "Somebody", passkey=form.get("passkey") == "yes"))
    return _again(number)


async def scan(request: web.Request) -> web.Response:
    """The phone scans the code that its session shows, or types it."""
    console, phones = _phones(request)
    phone, form = request.match_info["phone"], await typed(request)
    session = console.watch.fleet.sessions.get(form.get("session", ""))
    live = None if session is None else session.live
    if live is not None and live.qr_string is not None:
        await _try(phones.scan(phone, live.qr_string))
    elif live is not None and live.pairing_code is not None:
        await _try(phones.link(phone, live.pairing_code))
    else:
        raise RefusedError("There is no code to scan: open the page of a session that shows one.")
    return _again(phone)


async def unlock(request: web.Request) -> web.Response:
    """The person unlocks the passkey that the session's page asks for, and it is handed in."""
    console, phones = _phones(request)
    phone, form = request.match_info["phone"], await typed(request)
    session = console.watch.fleet.sessions.get(form.get("session", ""))
    if session is None or session.live is None or session.live.passkey is None:
        raise RefusedError("No passkey is asked for on this page.")
    try:
        assertion = await phones.sign(phone, session.live.passkey.options)
    except PhonesError as no:
        raise RefusedError(str(no)) from None
    used = UsePasskey.model_construct(session_id=session.session_id, assertion=assertion)
    await console.gateway.order(session.session_id, used)
    return _again(phone)


async def send(request: web.Request) -> web.Response:
    """The phone writes."""
    _, phones = _phones(request)
    phone, form = request.match_info["phone"], await typed(request)
    text, to = form.get("text", "").strip(), form.get("to", "").strip()
    if not text or not to:
        raise RefusedError("To whom, and what?")
    await _try(phones.send(phone, to, text))
    return _again(phone)


async def read(request: web.Request) -> web.Response:
    """The person reads what came."""
    _, phones = _phones(request)
    phone = request.match_info["phone"]
    for each in await phones.conversation(phone):
        if not each["mine"]:
            await _try(phones.read(phone, str(each["messageId"])))
    return _again(phone)


async def _try(call: Any) -> None:
    """Raises RefusedError with what the simulator says."""
    try:
        await call
    except PhonesError as no:
        raise RefusedError(str(no)) from None


def _again(phone: str) -> web.Response:
    """The panel asks for itself anew."""
    return web.Response(status=303, headers={"Location": f"/phones?phone=%2B{phone.lstrip('+')}"})


def _phones(request: web.Request) -> tuple[Console, Phones]:
    console = console_of(request)
    if console.phones is None:
        raise web.HTTPNotFound
    return console, console.phones


def _who(message: Document, people: dict[str, Document]) -> str:
    other = str(message.get("chat", ""))
    person = people.get(other)
    return str(person["name"]) if person else f"+{other.partition('@')[0]}"
