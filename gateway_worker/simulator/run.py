"""One run of the simulator as a program: from its state to its state."""

import asyncio
from collections.abc import Callable

from gateway_worker.simulator.shell.server import Simulator
from gateway_worker.simulator.shell.state_file import Keeper


async def run(
    host: str, port: int, ready: Callable[[Simulator], None] | None = None, keeper: Keeper | None = None
) -> None:
    """Serves until it is cancelled. `ready` is called once clients can connect.

    `keeper` brings what an earlier run has left, and keeps what this one leaves. `StateError` if that is not usable.
    """
    simulator = Simulator(host=host, port=port, state=keeper.take() if keeper else None)
    try:
        async with simulator:
            if ready is not None:
                ready(simulator)
            await asyncio.Event().wait()
    finally:
        if keeper:
            keeper.keep(simulator.state())
