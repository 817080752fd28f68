"""``gateway-worker session``: what is done to a session beside its commands."""

import asyncio
import re
from typing import Annotated

import typer

from gateway_worker.cli.configuration import settings
from gateway_worker.cli.terminal import errors
from schemas.names import SESSION_ID_PATTERN, SessionId

app = typer.Typer(name="session", help="Sessions, beside what commands do to them.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """What every command shares."""


@app.command()
def restore(
    session: Annotated[str | None, typer.Argument(metavar="ID", help="The session's id.")] = None,
    *,
    list_: Annotated[bool, typer.Option("--list", help="Only show what the bucket holds, as without an id.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="All that the bucket holds; may be repeated.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also replace an identity that the database has: it is destroyed.")
    ] = False,
) -> None:
    """Bring sessions back from their snapshots in the sessions bucket, e.g. into an empty, migrated database."""
    from gateway_worker.cli import restore as bucket  # noqa: PLC0415 (drivers; --help need not wait)

    if everything and session is not None:
        errors.print("[red]Either an id or --all[/]")
        raise typer.Exit(2)
    if everything and not list_:
        raise typer.Exit(asyncio.run(bucket.restore_all(settings(), force=force)))
    if session is None or list_:
        raise typer.Exit(asyncio.run(bucket.show(settings())))
    if not re.fullmatch(SESSION_ID_PATTERN, session):
        errors.print(f"[red]{session!r} is not a session id[/]: 1-64 of A-Z a-z 0-9 _ -")
        raise typer.Exit(2)
    raise typer.Exit(asyncio.run(bucket.restore(settings(), SessionId(session), force=force)))
