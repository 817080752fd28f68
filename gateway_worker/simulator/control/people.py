"""People and their phones: made, paired, online and offline, in groups."""

import asyncio
import os
from base64 import b64encode
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from gateway_worker.simulator.control import group_actions, person_actions, views
from gateway_worker.simulator.control.base import MAX_BODY, account_of, body_of
from gateway_worker.simulator.errors import Invalid, NotFound
from gateway_worker.simulator.phone import address_book, calls
from gateway_worker.simulator.phone.disappearing import set_for_new_chats, set_timer
from gateway_worker.simulator.phone.phone import go_offline, go_online
from gateway_worker.simulator.strict_body import decode_base64
from gateway_worker.simulator.whatsapp import profiles
from gateway_worker.simulator.whatsapp.groups import groups
from gateway_worker.simulator.whatsapp.login import remove_device
from gateway_worker.simulator.whatsapp.registration import awaited_code, scan, type_code
from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.wire.linking.link_code import unwrap_ephemeral, wrap_ephemeral
from gateway_worker.simulator.wire.linking.webauthn import ORIGIN
from gateway_worker.simulator.world.jids import parse_jid
from gateway_worker.simulator.world.media import fetch

if TYPE_CHECKING:
    from gateway_worker.simulator.shell.server import Simulator


class People:
    """The handlers. Each reads its request, runs one turn in the core, and answers."""

    def __init__(self, simulator: "Simulator") -> None:
        self._simulator = simulator

    def add_to(self, app: web.Application) -> None:
        """Registers the paths."""
        router = app.router
        router.add_get("/phones", self.list_phones)
        router.add_post("/phones", self.add_phone)
        router.add_get("/phones/{phone}", self.describe)
        router.add_get("/phones/{phone}/passkey", self.passkey)
        for action, handler in (
            ("scan", self.scan),
            ("link", self.link),
            ("assert", self.sign_in),
            ("presence", self.presence),
            ("picture", self.picture),
            ("about", self.about),
            ("save", self.save),
            ("disappearing", self.disappearing),
            ("new-chats", self.new_chats),
            ("call", self.call),
            ("hang-up", self.hang_up),
            ("unlink", self.unlink),
            ("online", self.online),
            ("offline", self.offline),
        ):
            router.add_post(f"/phones/{{phone}}/{action}", handler)
        router.add_get("/phones/{phone}/calls", self.list_calls)
        router.add_get("/groups", self.list_groups)
        router.add_post("/groups", self.add_group)
        router.add_get("/groups/{group}/picture", self.group_picture)
        router.add_post("/groups/{group}/{action}", self.change_group)

    async def list_phones(self, _request: web.Request) -> web.Response:
        """Everybody."""
        world = self._simulator.core.world
        return web.json_response([views.phone(account) for account in world.accounts.values()])

    async def add_phone(self, request: web.Request) -> web.Response:
        """A person with a phone; for one who exists, name, passkey and business are set anew."""
        body = await body_of(request)
        phone, name, passkey = body.phone("phone"), body.text("name", ""), body.flag("passkey")
        business, spellings = body.flag("business"), body.addresses("spellings")
        body.done()
        add = partial(person_actions.add_phone, phone=phone, name=name, passkey=passkey, business=business)
        account = self._simulator.turn(partial(add, spellings=spellings))
        return web.json_response(views.phone(account))

    async def describe(self, request: web.Request) -> web.Response:
        """One person: companions, who types."""
        return web.json_response(views.phone(account_of(self._simulator, request)))

    async def passkey(self, request: web.Request) -> web.Response:
        """The person's passkey, for another authenticator."""
        held = person_actions.passkey_of(account_of(self._simulator, request))
        return web.json_response(views.passkey(held))

    async def sign_in(self, request: web.Request) -> web.Response:
        """The person unlocks the passkey: the assertion, as a browser hands it to a page of `origin`."""
        account, body = account_of(self._simulator, request), await body_of(request)
        options, origin = body.mapping("options"), body.text("origin", ORIGIN)
        body.done()
        return web.json_response(person_actions.assert_passkey(account, options, origin))

    async def scan(self, request: web.Request) -> web.Response:
        """The person scans a QR code."""
        account, body = account_of(self._simulator, request), await body_of(request)
        qr = body.text("qr")
        body.done()
        self._simulator.turn(partial(scan, account=account, qr=qr))
        return web.json_response(views.phone(account))

    async def link(self, request: web.Request) -> web.Response:
        """The person types a pairing code."""
        account, body = account_of(self._simulator, request), await body_of(request)
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

    async def presence(self, request: web.Request) -> web.Response:
        """The person types, records or stops."""
        account, body = account_of(self._simulator, request), await body_of(request)
        to, state = body.address("to"), body.text("state")
        body.done()
        self._simulator.turn(partial(person_actions.set_chat_state, account=account, to=to, state=state))
        return web.json_response({"to": to, "state": state})

    async def unlink(self, request: web.Request) -> web.Response:
        """The person removes companions: all, or the one named."""
        account, body = account_of(self._simulator, request), await body_of(request)
        number = body.whole("device", 1, 1 << 16)
        body.done()
        devices = [device for device in account.companions if number in (None, device.number)]
        for device in devices:
            self._simulator.turn(partial(remove_device, device=device, notify=True))
        return web.json_response({"removed": len(devices)})

    async def online(self, request: web.Request) -> web.Response:
        """The phone is reachable again."""
        account = account_of(self._simulator, request)
        self._simulator.turn(partial(go_online, phone=account.primary))
        return web.json_response({"online": True})

    async def offline(self, request: web.Request) -> web.Response:
        """The phone is away."""
        account = account_of(self._simulator, request)
        self._simulator.turn(partial(go_offline, phone=account.primary))
        return web.json_response({"online": False})

    async def picture(self, request: web.Request) -> web.Response:
        """The person has another profile picture, or none."""
        account, body = account_of(self._simulator, request), await body_of(request)
        picture = decode_base64(body.text("base64", limit=MAX_BODY, empty=True), "base64")
        body.done()
        self._simulator.turn(partial(profiles.set_picture, account=account, picture=picture))
        return web.json_response(views.phone(account))

    async def about(self, request: web.Request) -> web.Response:
        """The person has another status text, or none."""
        account, body = account_of(self._simulator, request), await body_of(request)
        text = body.text("text", empty=True)
        body.done()
        self._simulator.turn(partial(profiles.set_about, account=account, text=text))
        return web.json_response(views.phone(account))

    async def save(self, request: web.Request) -> web.Response:
        """The person saves somebody under a name."""
        account, body = account_of(self._simulator, request), await body_of(request)
        contact, name = body.address("contact"), body.text("name")
        body.done()
        self._simulator.turn(partial(address_book.save_contact, account=account, jid=contact, name=name))
        return web.json_response({"contact": contact, "name": name})

    async def disappearing(self, request: web.Request) -> web.Response:
        """The person sets after how many seconds the messages of a chat go; 0: they stay."""
        account, body = account_of(self._simulator, request), await body_of(request)
        to, seconds = body.chat("to"), body.whole("seconds", 0, 1 << 31)
        body.done()
        if seconds is None:
            raise Invalid("request.invalid", "seconds is missing")
        self._simulator.turn(partial(set_timer, account=account, to=to, seconds=seconds))
        return web.json_response({"to": to, "seconds": seconds})

    async def new_chats(self, request: web.Request) -> web.Response:
        """The person sets after how many seconds the messages of new chats go; 0: they stay."""
        account, body = account_of(self._simulator, request), await body_of(request)
        seconds = body.whole("seconds", 0, 1 << 31)
        body.done()
        if seconds is None:
            raise Invalid("request.invalid", "seconds is missing")
        self._simulator.turn(partial(set_for_new_chats, account=account, seconds=seconds))
        return web.json_response({"seconds": seconds})

    # --- calls

    async def call(self, request: web.Request) -> web.Response:
        """The person calls somebody."""
        account, body = account_of(self._simulator, request), await body_of(request)
        to, video = body.address("to"), body.flag("video")
        body.done()
        return web.json_response(
            views.call(self._simulator.turn(partial(calls.ring, phone=account.primary, to=to, video=video)))
        )

    async def hang_up(self, request: web.Request) -> web.Response:
        """The person ends a call."""
        account, body = account_of(self._simulator, request), await body_of(request)
        call_id = body.text("callId")
        body.done()
        return web.json_response(
            views.call(self._simulator.turn(partial(calls.hang_up, phone=account.primary, call_id=call_id)))
        )

    async def list_calls(self, request: web.Request) -> web.Response:
        """The calls that the person made."""
        account = account_of(self._simulator, request)
        return web.json_response([views.call(call) for call in account.primary.calls.values()])

    # --- groups

    async def list_groups(self, _request: web.Request) -> web.Response:
        """All groups."""
        return web.json_response([views.group(group) for group in self._simulator.core.world.groups.values()])

    async def group_picture(self, request: web.Request) -> web.Response:
        """The picture of a group; "" for none."""
        world = self._simulator.core.world
        group = world.groups.get(parse_jid(request.match_info["group"]).user)
        if group is None:
            raise NotFound("recipient.unknown", "there is no such group")
        picture = None if group.picture is None else fetch(world, group.picture[1])
        return web.json_response({"base64": b64encode(picture or b"").decode()})

    async def add_group(self, request: web.Request) -> web.Response:
        """A person makes a group with others."""
        body = await body_of(request)
        owner, subject, members = body.phone("owner"), body.text("subject"), body.addresses("participants")
        body.done()
        group = self._simulator.turn(partial(groups.make, owner=owner, subject=subject, members=members))
        return web.json_response(views.group(group))

    async def change_group(self, request: web.Request) -> web.Response:
        """Somebody in a group does something to it; an `invite` is answered with its code."""
        body = await body_of(request)
        action = group_actions.parse(request.match_info["group"], request.match_info["action"], body)
        group = self._simulator.turn(partial(group_actions.perform, action=action))
        return web.json_response(views.group(group))
