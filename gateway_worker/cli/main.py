"""``gateway-worker``: run the worker, look after its services, and talk to it as a backend would."""

import asyncio
import json
import logging
import re
import sys
from pathlib import Path
from typing import Annotated, Any, cast

import structlog
import typer

from gateway_worker import __version__
from gateway_worker.cli import bridge, dead
from gateway_worker.cli import session as session_commands
from gateway_worker.cli.configuration import settings
from gateway_worker.cli.keys import keys
from gateway_worker.cli.terminal import complain, errors
from gateway_worker.timing.garbage import imports
from schemas.names import SESSION_ID_PATTERN

app = typer.Typer(
    name="gateway-worker",
    help="A WhatsApp gateway worker: commands from RabbitMQ, events back, nothing lost.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

app.add_typer(bridge.app)
app.add_typer(dead.app)
app.add_typer(keys.app)
app.add_typer(session_commands.app)

SessionOption = Annotated[str | None, typer.Option("--session", help="The session's id.")]


def _version(wanted: bool) -> None:  # noqa: FBT001 (typer's callback)
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def main(
    _version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say it.")] = False,  # noqa: FBT002 (typer's flag)
) -> None:
    """What every command shares."""
    for driver in ("aio_pika", "aiormq"):  # what they would say here is said once, by us
        logging.getLogger(driver).addHandler(logging.NullHandler())
    # What a person typed answers on the terminal, not with log lines; services configure a log of their own
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@app.command()
def run() -> None:
    """Run a worker until SIGTERM or SIGINT; a second signal ends it at once."""
    with imports():
        from gateway_worker.app.leaving import end_process  # noqa: PLC0415 (the drivers take a second to import; --help need not wait)
        from gateway_worker.app.serving import serve  # noqa: PLC0415 (as above)

    end_process(serve(settings()))


@app.command()
def webhooks(
    file: Annotated[
        Path | None, typer.Option(help="A TOML file that names targets; else GATEWAY_WEBHOOKS_FILE.")
    ] = None,
    *,
    check: Annotated[bool, typer.Option("--check", help="Read the configuration, and end.")] = False,
) -> None:
    """Tell backends that speak HTTP of the gateway's events, until SIGTERM or SIGINT."""
    with imports():
        from gateway_worker.webhooks.configuration import ConfigurationError  # noqa: PLC0415 (as above)
        from gateway_worker.webhooks.run import configured, serve  # noqa: PLC0415 (as above)

    current = settings() if file is None else settings(webhooks_file=file)
    try:
        wanted = configured(current)
    except ConfigurationError as error:
        for line in str(error).splitlines():
            complain(line)
        raise typer.Exit(2) from None
    raise typer.Exit(0 if check else serve(current, wanted))


@app.command()
def migrate() -> None:
    """Bring the database schema to this version."""
    from gateway_worker.cli.migration import bring_up_to_date  # noqa: PLC0415 (as above)

    raise typer.Exit(asyncio.run(bring_up_to_date(settings())))


@app.command()
def topology(
    *,
    definitions: Annotated[
        bool, typer.Option("--definitions", help="Print a RabbitMQ definitions file with least-privilege users.")
    ] = False,
    tenant: Annotated[
        str | None,
        typer.Option(
            metavar="PREFIX",
            help="With --definitions: a user who may do no more than use the sessions whose ids begin so.",
        ),
    ] = None,
) -> None:
    """Print the exchanges, queues and bindings a worker declares."""
    from gateway_worker.cli.topology import definitions_text, tenant_text, topology_text  # noqa: PLC0415 (as above)

    current = settings()
    if tenant is not None:
        if not definitions or not re.fullmatch(SESSION_ID_PATTERN, tenant):
            errors.print("[red]--tenant goes with --definitions[/], and is 1 to 64 of A-Z a-z 0-9 _ -")
            raise typer.Exit(2)
        typer.echo(tenant_text(current.namespace, tenant))
        return
    render = definitions_text if definitions else topology_text
    typer.echo(render(current.namespace, current.backend_queue_name))


@app.command()
def doctor() -> None:
    """Check whatever `run` needs, with its rights and in its place, and say what to do about what is missing."""
    from gateway_worker.cli.doctor.doctor import examine  # noqa: PLC0415 (as above)

    raise typer.Exit(asyncio.run(examine(settings())))


@app.command()
def console() -> None:
    """Serve pages for people who run sessions: fleet, sessions, chats, dead letters (deploy/console.md)."""
    with imports():
        from gateway_worker.console.serve import serve  # noqa: PLC0415 (as above)

    raise typer.Exit(serve(settings()))


@app.command()
def asyncapi() -> None:
    """Print the AsyncAPI document of commands and events."""
    from schemas.asyncapi.asyncapi import render  # noqa: PLC0415 (as above)

    typer.echo(render(), nl=False)


@app.command()
def simulator(
    port: Annotated[int, typer.Option(help="Port for WhatsApp and the control API; 0 takes a free one.")] = 9680,
    host: Annotated[str, typer.Option(help="Loopback is what it is for.")] = "127.0.0.1",
    ready_file: Annotated[Path | None, typer.Option(help="Written with the address once it listens.")] = None,
    state: Annotated[Path | None, typer.Option(help="Everything is kept in this file for the next run.")] = None,
    *,
    lenient: Annotated[bool, typer.Option("--lenient", help="Phones show what WhatsApp is reported to drop.")] = False,
    largest_mb: Annotated[int, typer.Option(min=1, max=2048, help="MB of a file; they lie in memory.")] = 128,
) -> None:
    """Run the local WhatsApp and its phones."""
    with imports():
        import uvloop  # noqa: PLC0415 (as above)

        from gateway_worker.cli.simulator import serve_simulator  # noqa: PLC0415 (as above)

    uvloop.run(serve_simulator(host, port, ready_file, state, lenient=lenient, largest_mb=largest_mb))


@app.command()
def command(
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="session.create, message.send, …")],
    session: SessionOption = None,
    data: Annotated[str, typer.Option(help="The command's data as JSON; - reads it from standard input.")] = "{}",
    worker: Annotated[str | None, typer.Option(help="The worker's id, for worker commands.")] = None,
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the events until the outcome is known.")] = False,
    timeout: Annotated[
        float, typer.Option(help="Seconds to wait for the reply and, with --wait, for the outcome.")
    ] = 180.0,
) -> None:
    """Publish a command and print its reply, and with --wait the events that follow; a QR code is drawn."""
    from gateway_worker.cli.talk import publish_and_follow  # noqa: PLC0415 (as above)

    text = sys.stdin.read() if data == "-" else data
    try:
        document: Any = json.loads(text)
    except json.JSONDecodeError as broken:
        errors.print(f"[red]--data is not JSON[/]: {broken}")
        raise typer.Exit(2) from None
    if not isinstance(document, dict):
        errors.print("[red]--data must be a JSON object[/]")
        raise typer.Exit(2)
    outcome = publish_and_follow(
        settings(), type_, session or worker, cast("dict[str, Any]", document), wait=wait, patience=timeout
    )
    raise typer.Exit(asyncio.run(outcome))


@app.command()
def events(session: SessionOption = None) -> None:
    """Follow the event stream until Ctrl-C."""
    from gateway_worker.cli.talk import follow  # noqa: PLC0415 (as above)

    try:
        raise typer.Exit(asyncio.run(follow(settings(), session)))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
