"""The control API (contract, section 9): people and their phones, faults, figures. See the README for every call."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from gateway_worker.simulator import orders, phones, views
from gateway_worker.simulator.errors import ControlError, Invalid, NotFound
from gateway_worker.simulator.faults import current
from gateway_worker.simulator.jids import parse_phone
from gateway_worker.simulator.login import remove_device
from gateway_worker.simulator.model import Account
from gateway_worker.simulator.registration import awaited_code, scan, type_code
from gateway_worker.simulator.requests import Body
from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.wire.link_code import unwrap_ephemeral, wrap_ephemeral

if TYPE_CHECKING:
    from gateway_worker.simulator.server import Simulator

MAX_WAIT = 60.0
"""Seconds that a long poll lasts at most."""

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


def add_routes(app: web.Application, simulator: "Simulator") -> None:
    """Puts the control API under `app`."""
    app.middlewares.append(answer_errors)
    Control(simulator).add_to(app)


async def _body(request: web.Request) -> Body:
    """The request's body; an empty one is an empty object."""
    raw = await request.read()
    try:
        return Body(json.loads(raw) if raw.strip() else {})
    except ValueError as error:
        raise Invalid("request.invalid", "the body is not JSON") from error


class Control:
    """The handlers. Each reads its request, runs one turn in the core, and answers."""

    def __init__(self, simulator: "Simulator") -> None:
        self._simulator = simulator

    def add_to(self, app: web.Application) -> None:
        """Registers the paths."""
        router = app.router
        router.add_get("/root-key", self.root_key)
        router.add_get("/stats", self.stats)
        router.add_get("/phones", self.list_phones)
        router.add_post("/phones", self.add_phone)
        router.add_get("/phones/{phone}", self.describe)
        router.add_get("/phones/{phone}/inbox", self.inbox)
        router.add_get("/phones/{phone}/outbox", self.outbox)
        for action, handler in (
            ("scan", self.scan),
            ("link", self.link),
            ("send", self.send),
            ("read", self.read),
            ("presence", self.presence),
            ("unlink", self.unlink),
            ("online", self.online),
            ("offline", self.offline),
        ):
            router.add_post(f"/phones/{{phone}}/{action}", handler)
        router.add_get("/faults", self.list_faults)
        router.add_post("/faults", self.add_fault)
        router.add_delete("/faults", self.clear_faults)
        router.add_delete("/faults/{fault}", self.clear_fault)
        router.add_get("/ledger", self.ledger)
        router.add_delete("/ledger", self.clear_ledger)
        router.add_post("/restart", self.restart)

    def _account(self, request: web.Request) -> Account:
        phone = parse_phone(request.match_info["phone"])
        account = self._simulator.core.world.accounts.get(phone) if phone else None
        if account is None:
            raise NotFound("phone.not_found", "no phone has this number")
        return account

    async def root_key(self, _request: web.Request) -> web.Response:
        """The key to trust."""
        return web.json_response({"rootKey": self._simulator.root_key})

    async def stats(self, _request: web.Request) -> web.Response:
        """All counters."""
        return web.json_response(views.stats(self._simulator.core.world, self._simulator.open_connections))

    # --- people

    async def list_phones(self, _request: web.Request) -> web.Response:
        """Everybody."""
        world = self._simulator.core.world
        return web.json_response([views.phone(account) for account in world.accounts.values()])

    async def add_phone(self, request: web.Request) -> web.Response:
        """A person with a phone; for one who exists, name and passkey are set anew."""
        body = await _body(request)
        phone, name, passkey = body.phone("phone"), body.text("name", ""), body.flag("passkey")
        body.done()
        account = self._simulator.turn(partial(orders.add_phone, phone=phone, name=name, passkey=passkey))
        return web.json_response(views.phone(account))

    async def describe(self, request: web.Request) -> web.Response:
        """One person: companions, who types."""
        return web.json_response(views.phone(self._account(request)))

    async def scan(self, request: web.Request) -> web.Response:
        """The person scans a QR code."""
        account, body = self._account(request), await _body(request)
        qr = body.text("qr")
        body.done()
        self._simulator.turn(partial(scan, account=account, qr=qr))
        return web.json_response(views.phone(account))

    async def link(self, request: web.Request) -> web.Response:
        """The person types a pairing code."""
        account, body = self._account(request), await _body(request)
        code = body.text("code").replace("-", "").replace(" ", "").upper()
        body.done()
        waiting = self._simulator.turn(partial(awaited_code, account=account))
        ephemeral, salt, iv = KeyPair.generate(), os.urandom(32), os.urandom(16)
        # The derivations of the code's key take a tenth of a second: not in the loop.
        companion = await asyncio.to_thread(unwrap_ephemeral, waiting.wrapped_ephemeral, code=code)
        wrapped = await asyncio.to_thread(wrap_ephemeral, ephemeral.public, code=code, salt=salt, iv=iv)
        typed = partial(type_code, companion_ephemeral=companion, ephemeral=ephemeral, wrapped=wrapped)
        self._simulator.turn(partial(typed, account=account, link=waiting))
        return web.json_response(views.phone(account))

    async def send(self, request: web.Request) -> web.Response:
        """The phone sends a message."""
        account, body = self._account(request), await _body(request)
        to, content = body.address("to"), body.mapping("content") or {}
        quote, mentions = body.mapping("quote", required=False), body.addresses("mentions")
        body.done()
        message_id = self._simulator.turn(
            partial(orders.send, account=account, to=to, content=content, quote=quote, mentions=mentions)
        )
        return web.json_response({"messageId": message_id})

    async def read(self, request: web.Request) -> web.Response:
        """The phone reads a message."""
        account, body = self._account(request), await _body(request)
        message_id = body.text("messageId")
        body.done()
        self._simulator.turn(partial(phones.read, phone=account.primary, message_id=message_id))
        return web.json_response({"messageId": message_id})

    async def presence(self, request: web.Request) -> web.Response:
        """The person types, records or stops."""
        account, body = self._account(request), await _body(request)
        to, state = body.address("to"), body.text("state")
        body.done()
        self._simulator.turn(partial(orders.set_chat_state, account=account, to=to, state=state))
        return web.json_response({"to": to, "state": state})

    async def unlink(self, request: web.Request) -> web.Response:
        """The person removes companions: all, or the one named."""
        account, body = self._account(request), await _body(request)
        number = body.whole("device", 1, 1 << 16)
        body.done()
        devices = [device for device in account.companions if number in (None, device.number)]
        for device in devices:
            self._simulator.turn(partial(remove_device, device=device, tell_it=True))
        return web.json_response({"removed": len(devices)})

    async def online(self, request: web.Request) -> web.Response:
        """The phone is reachable again."""
        account = self._account(request)
        self._simulator.turn(partial(phones.go_online, phone=account.primary))
        return web.json_response({"online": True})

    async def offline(self, request: web.Request) -> web.Response:
        """The phone is away."""
        account = self._account(request)
        self._simulator.turn(partial(phones.go_offline, phone=account.primary))
        return web.json_response({"online": False})

    # --- messages

    async def inbox(self, request: web.Request) -> web.Response:
        """What the phone received and decrypted; `wait` and `atLeast` make it a long poll."""
        account = self._account(request)
        await self._wait(request, lambda: len(account.primary.messages) - account.primary.sent)
        return web.json_response(views.inbox(account))

    async def outbox(self, request: web.Request) -> web.Response:
        """What the person sent, from the phone or a companion, with the receipts seen."""
        account = self._account(request)
        await self._wait(request, lambda: account.primary.sent)
        return web.json_response(views.outbox(account))

    async def _wait(self, request: web.Request, count: Callable[[], int]) -> None:
        query = Body(dict(request.query))
        wait, at_least = query.seconds("wait", MAX_WAIT), query.whole("atLeast", 0, phones.MAX_MESSAGES)
        query.done()
        if wait:
            enough = 1 if at_least is None else at_least
            await self._simulator.wait_until(lambda: count() >= enough, wait)

    # --- faults

    async def list_faults(self, _request: web.Request) -> web.Response:
        """The faults that still strike."""
        faults = self._simulator.turn(lambda turn: current(turn.world, turn.now))
        return web.json_response([fault.to_json() for fault in faults])

    async def add_fault(self, request: web.Request) -> web.Response:
        """Orders a fault."""
        body = await _body(request)
        order = orders.parse_fault(body)
        fault: dict[str, Any] = self._simulator.turn(partial(orders.add_fault, order=order)).to_json()
        return web.json_response(fault)

    async def clear_faults(self, _request: web.Request) -> web.Response:
        """No faults any more."""
        faults = self._simulator.core.world.faults
        removed = len(faults)
        faults.clear()
        return web.json_response({"removed": removed})

    async def clear_fault(self, request: web.Request) -> web.Response:
        """One fault less."""
        faults = self._simulator.core.world.faults
        found = [fault for fault in faults if fault.id == request.match_info["fault"]]
        if not found:
            raise NotFound("fault.not_found", "no such fault, or it has struck for the last time")
        faults.remove(found[0])
        return web.json_response({"removed": 1})

    async def restart(self, request: web.Request) -> web.Response:
        """WhatsApp restarts: every connection is cut, and each new one until the time is over."""
        body = await _body(request)
        seconds = body.seconds("seconds", orders.MAX_AFTER) or 0.0
        body.done()
        return web.json_response({"cut": self._simulator.restart(seconds), "seconds": seconds})

    # --- ledger

    async def ledger(self, request: web.Request) -> web.Response:
        """What became of every message; `since` is an order number, `phone` a sender or recipient."""
        query = Body(dict(request.query))
        since, phone = query.whole("since", 0, 1 << 53) or 0, query.phone("phone", None)
        query.done()
        return web.json_response(views.ledger(self._simulator.core.world, since, phone))

    async def clear_ledger(self, _request: web.Request) -> web.Response:
        """An empty ledger; order numbers go on."""
        return web.json_response({"removed": self._simulator.core.world.ledger.clear()})
