"""Services, simulator, worker and console on this machine alone, until Ctrl-C; nothing is left but the logs."""

import asyncio
import secrets
import signal
from contextlib import AsyncExitStack
from typing import Final

import aiohttp

from deploy.local.program import ProgramFailedError
from deploy.local.services import ROOT, PrivateServices
from deploy.local.stage import Stage
from gateway_worker.cli.terminal import console

_DIRECTORY: Final = ROOT / ".local" / "play"
_PEOPLE: Final = (("+15550100001", "Ana", False), ("+15550100002", "Ben", False), ("+15550100003", "Pia", True))
"""Number, name, and whether the account has a passkey."""


async def set_up(stack: AsyncExitStack) -> str:
    """Start everything; the console's address."""
    services = PrivateServices(_DIRECTORY / "services")
    with console.status("starting private RabbitMQ, PostgreSQL, Redis and S3 …"):
        await asyncio.to_thread(services.__enter__)
        stack.callback(services.end)
    settings = services.environment() | {
        "GATEWAY_NAMESPACE": "play",
        "GATEWAY_MAX_SESSIONS": "20",
        "GATEWAY_CONSOLE_EVENTS_KEY": secrets.token_hex(32),
    }
    stage = await stack.enter_async_context(Stage(_DIRECTORY / "logs", settings))
    with console.status("migrating the database, starting the simulated WhatsApp and a worker …"):
        await stage.create_database("play")
        simulator = await stage.start_simulator()
        stage.settings |= simulator.settings()
        await stage.start_worker("worker-001")
        await _give_phones(simulator.url)
        running = await stage.start_console({"GATEWAY_CONSOLE_SIMULATOR": simulator.url})
    return running.url


async def _give_phones(simulator: str) -> None:
    async with aiohttp.ClientSession(simulator, raise_for_status=True) as http:
        for phone, name, passkey in _PEOPLE:
            await http.post("/phones", json={"phone": phone, "name": name, "passkey": passkey})


async def _play() -> None:
    async with AsyncExitStack() as stack:
        address = await set_up(stack)
        console.print(f"\n  Open [bold green]{address}[/] in a browser on this machine.\n", soft_wrap=True)
        console.print(
            "  Make a session (Sessions → New session); its page shows a QR code. Beside it stand the phones of"
        )
        console.print("  Ana, Ben and Pia: “Scan the code” links one. Link two, and let them write to each other.")
        console.print("  Pia's account has a passkey: scan, then “Use passkey”.")
        console.print("\n  Ctrl-C ends it, and leaves nothing running.\n")
        await asyncio.get_running_loop().create_future()


async def _until_signalled() -> int:
    task = asyncio.ensure_future(_play())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        console.print("play: over; everything it started has ended")
        return 0
    except ProgramFailedError as failure:
        console.print(f"[red]play: failed[/]: {failure}")
        return 1
    return 0


def main() -> int:
    """Run it; the exit code."""
    return asyncio.run(_until_signalled())
