"""One run of the simulator as a program: from its state to its state."""

from collections.abc import Callable

from aiohttp import web

from gateway_worker.simulator.control.base import MAX_BODY
from gateway_worker.simulator.control.routes import add_routes
from gateway_worker.simulator.shell.garbage import spare
from gateway_worker.simulator.shell.server import Simulator
from gateway_worker.simulator.shell.state_file import Keeper
from gateway_worker.simulator.world.pickled import State


def new_simulator(*, host: str = "127.0.0.1", port: int = 0, state: State | None = None) -> Simulator:
    """A simulator with its control API; it listens from `start` on. `port` 0 takes a free one."""
    application = web.Application(client_max_size=MAX_BODY)
    simulator = Simulator(application, host=host, port=port, state=state)
    add_routes(application, simulator)
    return simulator


async def run(
    host: str, port: int, ready: Callable[[Simulator], None] | None = None, keeper: Keeper | None = None
) -> None:
    """Serves until it is cancelled. `ready` is called once clients can connect.

    `keeper` brings what an earlier run has left, and keeps what this one leaves. `StateError` if that is not usable.
    """
    simulator = new_simulator(host=host, port=port, state=keeper.take() if keeper else None)
    try:
        async with simulator:
            if ready is not None:
                ready(simulator)
            await spare(lambda: simulator.open_connections == 0)
    finally:
        if keeper:
            keeper.keep(simulator.state())
