"""``gateway-worker dead``: what could not be carried out, or told as it came, looked at and worked on by a person."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import typer

from gateway_worker.cli.configuration import settings

app = typer.Typer(
    name="dead",
    help="Look at commands that could not be carried out (the dead queue) and at what came from WhatsApp and was set"
    " aside (the database); have commands tried again, or drop them.",
    no_args_is_help=True,
)

_SHOWN: Final = 100
_Id = Annotated[str | None, typer.Argument(metavar="ID", help="Its id, as `list` shows it.")]
_All = Annotated[bool, typer.Option("--all", help="All of them.")]
_Code = Annotated[str | None, typer.Option("--code", help="With --all: only those with this code.")]
_Webhooks = Annotated[
    bool, typer.Option("--webhooks", help="Of events that no webhook took in time, instead of commands.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = _SHOWN,
    code: Annotated[str | None, typer.Option("--code", help="Only those with this code.")] = None,
    *,
    json: _Json = False,
    webhooks: _Webhooks = False,
) -> None:
    """List them, the oldest first, without their bodies. Nothing is removed, and the order stays.

    What was set aside follows the commands: its reason stands where theirs have a code.
    """
    from gateway_worker.cli.dead_talk import listing  # noqa: PLC0415 (the drivers take a second to import)

    _run(lambda: listing(settings(), limit=limit, code=code, as_json=json, webhooks=webhooks))


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID")], *, json: _Json = False, webhooks: _Webhooks = False
) -> None:
    """Show one with its headers and its body, which may hold personal data: it is for your eyes, not for a ticket."""
    from gateway_worker.cli.dead_talk import showing  # noqa: PLC0415 (as above)

    _run(lambda: showing(settings(), id_, as_json=json, webhooks=webhooks))


@app.command()
def redrive(
    id_: _Id = None, code: _Code = None, *, all_: _All = False, json: _Json = False, webhooks: _Webhooks = False
) -> None:
    """Publish commands again where they came from, and remove from here. What failed is tried again.

    What was set aside stays: it was told as that, and WhatsApp does not send it again.

    The reply queue of old is left out: what comes of it is told by events. A command whose `expiresat` has passed is
    rejected as expired.
    """
    from gateway_worker.cli.dead_talk import Choice, redriving  # noqa: PLC0415 (as above)

    _check_choice(id_, code, all_=all_)
    _run(lambda: redriving(settings(), Choice(id=id_, code=code), as_json=json, webhooks=webhooks))


@app.command()
def drop(
    id_: _Id = None, code: _Code = None, *, all_: _All = False, json: _Json = False, webhooks: _Webhooks = False
) -> None:
    """Remove for good. Their senders were told when they came here."""
    from gateway_worker.cli.dead_talk import Choice, dropping  # noqa: PLC0415 (as above)

    _check_choice(id_, code, all_=all_)
    _run(lambda: dropping(settings(), Choice(id=id_, code=code), as_json=json, webhooks=webhooks))


def _check_choice(id_: str | None, code: str | None, *, all_: bool) -> None:
    if (id_ is None) != all_:
        raise typer.BadParameter("give an ID, or --all")
    if code is not None and not all_:
        raise typer.BadParameter("--code goes with --all")


def _run(work: Callable[[], Awaitable[int]]) -> None:
    async def working() -> int:
        return await work()

    raise typer.Exit(asyncio.run(working()))
