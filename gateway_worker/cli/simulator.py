"""Serve the simulator from the command line."""

import asyncio
import json
import signal
from pathlib import Path

import typer

from gateway_worker.cli.terminal import complain, console
from gateway_worker.simulator.run import run
from gateway_worker.simulator.shell.server import Simulator
from gateway_worker.simulator.shell.state_file import Keeper
from gateway_worker.simulator.world.pickled import StateError


async def serve_simulator(
    host: str,
    port: int,
    ready_file: Path | None,
    state_file: Path | None,
    *,
    lenient: bool = False,
    largest_mb: int = 128,
) -> None:
    """Serve until SIGINT or SIGTERM.

    `ready_file` gets ``{"url", "whatsappUrl", "mediaCertificate"}`` once it listens; the last is the path of a file
    beside it, for NODE_EXTRA_CA_CERTS. With `state_file` everything that happened is kept there for the next run.
    `lenient`: phones show what WhatsApp is reported to drop. `largest_mb`: of a file; they lie in memory.
    """

    def ready(simulator: Simulator) -> None:
        simulator.core.world.strict = not lenient
        simulator.core.world.media.largest = largest_mb << 20
        url, whatsapp = simulator.url, simulator.ws_url
        console.print(f"WhatsApp is simulated at [bold]{whatsapp}[/], its phones are controlled at [bold]{url}[/]")
        if ready_file is not None:
            certificate = ready_file.with_suffix(".pem")
            certificate.write_text(simulator.media_certificate)
            addresses = {"url": url, "whatsappUrl": whatsapp, "mediaCertificate": str(certificate.absolute())}
            partial = ready_file.with_suffix(".partial")
            partial.write_text(json.dumps(addresses))
            partial.rename(ready_file)

    keeper = Keeper(state_file) if state_file else None
    serving = asyncio.ensure_future(run(host, port, ready=ready, keeper=keeper))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, serving.cancel)
    try:
        await serving
    except StateError as error:
        console.print(f"The state in {state_file} cannot be used: {error}.")
        raise typer.Exit(1) from error
    except OSError as error:
        complain(f"The simulator cannot listen at {host}:{port} or write its files: {error.strerror or error} (--port)")
        raise typer.Exit(2) from error
    except asyncio.CancelledError:
        console.print("The simulator has ended.")
