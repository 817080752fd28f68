"""What people set about their own account, on the phone."""

from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from gateway_worker.simulator.control.base import account_of, body_of
from gateway_worker.simulator.errors import NotFound
from gateway_worker.simulator.whatsapp.blocking import set_blocked
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
