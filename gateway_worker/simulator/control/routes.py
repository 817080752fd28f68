"""Every path of the control API."""

from typing import TYPE_CHECKING

from aiohttp import web

from gateway_worker.simulator.control.base import answer_errors
from gateway_worker.simulator.control.chats import Chats
from gateway_worker.simulator.control.messages import Messages
from gateway_worker.simulator.control.own_account import OwnAccounts
from gateway_worker.simulator.control.people import People
from gateway_worker.simulator.control.service import Service

if TYPE_CHECKING:
    from gateway_worker.simulator.shell.server import Simulator


def add_routes(app: web.Application, simulator: "Simulator") -> None:
    """Puts the control API under `app`."""
    app.middlewares.append(answer_errors)
    for handlers in (
        Service(simulator),
        People(simulator),
        Messages(simulator),
        Chats(simulator),
        OwnAccounts(simulator),
    ):
        handlers.add_to(app)
