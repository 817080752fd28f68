"""What people set about their own account, on the phone."""

from base64 import b64encode
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from gateway_worker.simulator.control.base import account_of, body_of
from gateway_worker.simulator.errors import Invalid, NotFound
from gateway_worker.simulator.whatsapp.blocking import set_blocked
from gateway_worker.simulator.whatsapp.privacy import SETTINGS, set_privacy, settings_of
from gateway_worker.simulator.world.media import fetch
from gateway_worker.simulator.world.model import Account
from gateway_worker.simulator.world.turn import Turn

if TYPE_CHECKING:
    from gateway_worker.simulator.shell.server import Simulator


class OwnAccounts:
    """The handlers. Each reads its request, runs one turn in the core, and answers."""

    def __init__(self, simulator: "Simulator") -> None:
        self._simulator = simulator

    def add_to(self, app: web.Application) -> None:
        """Registers the paths."""
        app.router.add_post("/phones/{phone}/block", partial(self.block, blocked=True))
        app.router.add_post("/phones/{phone}/unblock", partial(self.block, blocked=False))
        app.router.add_get("/phones/{phone}/blocked", self.list_blocked)
        app.router.add_get("/phones/{phone}/profile", self.describe)
        app.router.add_post("/phones/{phone}/privacy", self.set_privacy)

    async def describe(self, request: web.Request) -> web.Response:
        """How the person shows itself, and to whom."""
        account, world = account_of(self._simulator, request), self._simulator.core.world
        picture = None if account.picture is None else fetch(world, account.picture[1])
        return web.json_response(
            {
                "name": account.name,
                "about": account.about,
                "picture": None if picture is None else b64encode(picture).decode(),
                "privacy": {each["name"]: each["value"] for each in settings_of(account)},
            }
        )

    async def set_privacy(self, request: web.Request) -> web.Response:
        """The person changes who sees something."""
        account, body = account_of(self._simulator, request), await body_of(request)
        name, value = body.text("name"), body.text("value")
        body.done()
        if value not in SETTINGS.get(name, ()):
            raise Invalid("request.invalid", "a setting, and a value that it knows, as WhatsApp writes them")
        device = account.primary.device
        self._simulator.turn(partial(set_privacy, account=account, name=name, value=value, by=device))
        return web.json_response({"name": name, "value": value})

    async def block(self, request: web.Request, *, blocked: bool) -> web.Response:
        """The person blocks somebody, or no longer."""
        account, body = account_of(self._simulator, request), await body_of(request)
        contact = body.address("contact")
        body.done()
        self._simulator.turn(partial(_block, account=account, contact=contact, blocked=blocked))
        return web.json_response({"contact": contact, "blocked": blocked})

    async def list_blocked(self, request: web.Request) -> web.Response:
        """Whom the person has blocked."""
        account = account_of(self._simulator, request)
        people = [self._simulator.core.world.accounts[phone] for phone in account.blocked]
        return web.json_response([{"jid": each.pn_jid, "lid": each.lid_jid} for each in people])


def _block(turn: Turn, account: Account, contact: str, *, blocked: bool) -> None:
    person, _ = turn.world.dial(contact)
    if person is None or person is account:
        raise NotFound("recipient.unknown", "nobody else has that number or JID")
    set_blocked(turn, account, person, blocked=blocked, by=account.primary.device)
