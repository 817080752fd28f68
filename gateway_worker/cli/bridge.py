"""``gateway-worker bridge``: the part of a worker that speaks WhatsApp's protocol, and runs in Node.js."""

import typer

from gateway_worker.cli.terminal import complain

app = typer.Typer(name="bridge", help="The bridge to WhatsApp, which runs in Node.js.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """What every command shares."""


@app.command()
def install() -> None:
    """Fetch the bridge's npm packages, exactly those of the lock; once after an installation or an upgrade."""
    from gateway_worker.whatsapp.baileys.process import installation  # noqa: PLC0415 (--help need not wait)

    try:
        typer.echo(f"The bridge is installed: {installation.install()}")
    except (installation.InstallError, installation.BridgeMissing) as problem:
        complain(str(problem))
        raise typer.Exit(1) from None
