"""``gateway-worker keys``: the commands."""

import asyncio

import typer

from gateway_worker.cli.configuration import settings

app = typer.Typer(name="keys", help="Encryption keys (GATEWAY_ENCRYPTION_KEYS).", no_args_is_help=True)


@app.callback()
def main() -> None:
    """What every command shares."""


@app.command()
def rotate() -> None:
    """Seal with the first key whatever another one has sealed, beside running workers; may be broken off and repeated.

    1. Put the new key behind the old one (OLD,NEW), and start each worker again: now all can read it.

    2. Put it in front (NEW,OLD), and start each worker again: now all seal with it.

    3. Run this, with NEW,OLD. It says when OLD may go.
    """
    from gateway_worker.cli.keys.rotate import rotate as seal_anew  # noqa: PLC0415 (drivers; --help need not wait)

    raise typer.Exit(asyncio.run(seal_anew(settings())))
