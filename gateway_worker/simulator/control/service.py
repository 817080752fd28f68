"""The service itself: what to trust, figures, faults, restarts, the ledger."""

from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from gateway_worker.simulator.control import fault_actions, views
from gateway_worker.simulator.control.base import body_of
from gateway_worker.simulator.errors import NotFound
from gateway_worker.simulator.strict_body import Body
from gateway_worker.simulator.world.faults import current

if TYPE_CHECKING:
    from gateway_worker.simulator.shell.server import Simulator


class Service:
    """The handlers. Each reads its request, runs one turn in the core, and answers."""

    def __init__(self, simulator: "Simulator") -> None:
        self._simulator = simulator

    def add_to(self, app: web.Application) -> None:
        """Registers the paths."""
        router = app.router
        router.add_get("/root-key", self.root_key)
        router.add_get("/stats", self.stats)
        router.add_get("/faults", self.list_faults)
        router.add_post("/faults", self.add_fault)
        router.add_delete("/faults", self.clear_faults)
        router.add_delete("/faults/{fault}", self.clear_fault)
        router.add_get("/ledger", self.ledger)
        router.add_delete("/ledger", self.clear_ledger)
        router.add_post("/restart", self.restart)
        router.add_post("/strictness", self.strictness)

    async def root_key(self, _request: web.Request) -> web.Response:
        """What to trust: the root key of WhatsApp itself, the certificate of the media host (PEM)."""
        answer = {
            "rootKey": self._simulator.root_key,
            "mediaUrl": self._simulator.media_url,
            "mediaCertificate": self._simulator.media_certificate,
        }
        return web.json_response(answer)

    async def stats(self, _request: web.Request) -> web.Response:
        """All counters."""
        return web.json_response(views.stats(self._simulator.core.world, self._simulator.open_connections))

    # --- faults

    async def list_faults(self, _request: web.Request) -> web.Response:
        """The faults that still strike."""
        faults = self._simulator.turn(lambda turn: current(turn.world, turn.now))
        return web.json_response([fault.to_json() for fault in faults])

    async def add_fault(self, request: web.Request) -> web.Response:
        """Orders a fault."""
        body = await body_of(request)
        asked = fault_actions.parse_fault(body)
        fault: dict[str, Any] = self._simulator.turn(partial(fault_actions.add_fault, request=asked)).to_json()
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
        body = await body_of(request)
        seconds = body.seconds("seconds", fault_actions.MAX_AFTER) or 0.0
        body.done()
        return web.json_response({"cut": self._simulator.restart(seconds), "seconds": seconds})

    async def strictness(self, request: web.Request) -> web.Response:
        """Whether phones drop what WhatsApp is reported to drop."""
        body = await body_of(request)
        strict = body.flag("strict")
        body.done()
        self._simulator.core.world.strict = strict
        return web.json_response({"strict": strict})

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
