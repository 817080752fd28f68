"""What ``gateway-worker dead`` does and prints: tables for people, JSON for programs; the exit code of each."""

import json
import re
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

import typer
from aio_pika.exceptions import AMQPConnectionError, ChannelNotFoundEntity
from aiormq.exceptions import ChannelAccessRefused
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway_worker.broker.errors import BrokerLost
from gateway_worker.cli import aside_talk
from gateway_worker.cli.terminal import complain, console, errors
from gateway_worker.dead_queue import (
    MOST,
    DeadLetter,
    DeadLetterOutcome,
    DeadLetterQueue,
    DeadQueueKind,
    DeadQueueTakenError,
    open_dead_letter_queue,
)
from gateway_worker.settings.settings import Settings
from gateway_worker.store.reading.set_aside import Kept
from schemas.topology.channels import Topology

_WIDTH: Final = 160  # where there is no terminal to ask
_ASIDE_COLUMNS: Final = ("when", "reason", "detail", "what", "session", "message", "bytes", "id")
_ASIDE_ID: Final = re.compile(r"[0-9a-f]{32}")
_COLUMNS: Final = ("#", "when", "code", "type", "subject", "queue", "id")
Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which commands: those that `id` names, or all, or all with a `code`."""

    id: str | None = None
    code: str | None = None

    def of(self, dead_letters: DeadLetterQueue) -> list[DeadLetter]:
        """Those of them that are there, in order."""
        return [each for each in dead_letters.commands if self._takes(each)]

    def _takes(self, dead_letter: DeadLetter) -> bool:
        if self.id is not None:
            return self.id in dead_letter.names
        return self.code is None or dead_letter.headers.code == self.code


async def listing(settings: Settings, *, limit: int, code: str | None, as_json: bool, webhooks: bool = False) -> int:
    """Print what lies there, without bodies."""
    async with _opened(settings, webhooks=webhooks) as dead_letters:
        found = Choice(code=code).of(dead_letters)
        aside = () if webhooks else await aside_talk.kept(settings, reason=code)
        if as_json:
            summaries = [_summary(each) for each in found[:limit]]
            _print_json([*summaries, *(aside_talk.summary(each) for each in aside[: limit - len(summaries)])])
            return 0
        _table(found[:limit])
        _aside_table(aside[:limit])
        hidden = len(found) - min(len(found), limit)
        if hidden or dead_letters.left:
            behind = f", {dead_letters.left} behind those" if dead_letters.left else ""
            errors.print(f"{hidden} more{behind}: list --limit {MOST} shows up to {MOST}")
        elif not found and not aside:
            errors.print("The dead queue is empty." if code is None else f"Nothing in the dead queue has {code}.")
    return 0


async def showing(settings: Settings, id_: str, *, as_json: bool, webhooks: bool = False) -> int:
    """Print whatever has this id, with headers and body."""
    if not webhooks and (aside := await _aside_of(settings, Choice(id=id_))):
        _print_json(await aside_talk.contents(settings, aside))
        return 0
    async with _opened(settings, webhooks=webhooks) as dead_letters:
        found = Choice(id=id_).of(dead_letters)
        if not found:
            return _not_there(id_)
        if as_json:
            _print_json([{**_summary(each), "headers": _headers(each), "body": _body(each)} for each in found])
            return 0
        for each in found:
            _show(each)
    return 0


async def redriving(settings: Settings, choice: Choice, *, as_json: bool, webhooks: bool = False) -> int:
    """Have them tried again; 1 if some were not."""
    if not webhooks and choice.id is not None and await _aside_of(settings, choice):
        errors.print("[red]not[/]", Text(choice.id), Text(aside_talk.NOT_REDRIVEN))
        return 1
    async with _opened(settings, webhooks=webhooks) as dead_letters:
        if not (found := choice.of(dead_letters)) and choice.id is not None:
            return _not_there(choice.id)
        return _report("redriven", await dead_letters.redrive(found), dead_letters, as_json=as_json)


async def dropping(settings: Settings, choice: Choice, *, as_json: bool, webhooks: bool = False) -> int:
    """Remove them for good."""
    aside = () if webhooks else await aside_talk.drop(settings, await _aside_of(settings, choice))
    if aside and choice.id is not None:
        _print_json({"dropped": [choice.id], "failed": [], "left": 0}) if as_json else console.print("1 dropped")
        return 0
    async with _opened(settings, webhooks=webhooks) as dead_letters:
        if not (found := choice.of(dead_letters)) and choice.id is not None:
            return _not_there(choice.id)
        names = [each.id for each in aside]
        return _report("dropped", await dead_letters.drop(found), dead_letters, as_json=as_json, besides=names)


@asynccontextmanager
async def _opened(settings: Settings, *, webhooks: bool) -> AsyncGenerator[DeadLetterQueue]:
    """The dead queue, or a word on what to do and exit code 1."""
    topology = Topology(settings.namespace)
    kind = DeadQueueKind.of_webhooks(topology) if webhooks else DeadQueueKind.of_commands(topology)
    starter = "gateway-worker webhooks" if webhooks else "a worker first (gateway-worker run)"
    try:
        async with open_dead_letter_queue(settings.amqp_url, kind) as dead_letters:
            yield dead_letters
    except DeadQueueTakenError:
        errors.print("[red]somebody else works on the dead queue just now[/]: try again in a moment")
    except ChannelNotFoundEntity:
        errors.print(f"[red]there is no queue {kind.name}[/]: start {starter}, or set GATEWAY_NAMESPACE")
    except BrokerLost as away:
        complain(f"{away}: see gateway-worker doctor. Nothing was done: what is in the dead queue stays there.")
    except ChannelAccessRefused as refused:
        complain(f"RabbitMQ does not let this user work on the dead queue: {refused}")
    except (AMQPConnectionError, OSError) as unreachable:
        errors.print(
            f"[red]RabbitMQ is not reachable[/] ({type(unreachable).__name__}): gateway-worker doctor. "
            "What was not done yet is still in the dead queue."
        )
    else:
        return
    raise typer.Exit(1)


def _not_there(id_: str) -> int:
    errors.print("[red]nothing in the dead queue has the id[/]", Text(id_), ": see gateway-worker dead list")
    return 1


def _report(
    what: str, outcome: DeadLetterOutcome, dead_letters: DeadLetterQueue, *, as_json: bool, besides: Sequence[str] = ()
) -> int:
    if as_json:
        failed = [{**_summary(each.dead_letter), "why": each.why} for each in outcome.failed]
        _print_json(
            {what: [*(each.id for each in outcome.done), *besides], "failed": failed, "left": dead_letters.left}
        )
    else:
        console.print(f"{len(outcome.done) + len(besides)} {what}")
        for each in outcome.failed:
            errors.print("[red]not[/]", Text(each.dead_letter.id), Text(each.why))
        if dead_letters.left:
            errors.print(f"{dead_letters.left} more were behind the first {MOST}: the same again")
    return 1 if outcome.failed else 0


async def _aside_of(settings: Settings, choice: Choice) -> Sequence[Kept]:
    """What was set aside and is chosen. An id is asked for only where it can be one of these."""
    if choice.id is not None and not _ASIDE_ID.fullmatch(choice.id):
        return ()
    return await aside_talk.kept(settings, id_=choice.id, reason=choice.code)


def _aside_table(aside: Sequence[Kept]) -> None:
    if not aside:
        return
    table = Table(box=None, pad_edge=False, title="set aside: what came from WhatsApp and could not be told as it is")
    for column in _ASIDE_COLUMNS:
        table.add_column(column, overflow="fold")
    for each in aside:
        when = each.created_at.isoformat()[:19].replace("T", " ")
        cells = (when, each.reason, each.detail, each.fact, each.session_id, each.message_id, str(each.size), each.id)
        table.add_row(*(Text(printable(cell or "-")) for cell in cells))
    paper = console if console.is_terminal else Console(highlight=False, width=_WIDTH)
    paper.print(table)


def _summary(dead_letter: DeadLetter) -> Document:
    headers = asdict(dead_letter.headers)
    known = {
        "position": dead_letter.position,
        "id": dead_letter.id,
        "time": headers["time"],
        "code": headers["code"],
        "message": headers["message"],
        "type": dead_letter.origin.type,
        "subject": dead_letter.origin.subject,
        "source": dead_letter.origin.source,
        "queue": headers["queue"],
        "exchange": headers["exchange"],
        "routingKey": headers["routing_key"],
        "worker": headers["worker"],
        "truncatedFrom": headers["truncated_from"],
        "bytes": len(dead_letter.message.body),
    }
    return {name: value for name, value in known.items() if value is not None}


def _table(found: list[DeadLetter]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in _COLUMNS:
        table.add_column(column, justify="right" if column == "#" else "left", overflow="fold")
    for each in found:
        headers, origin = each.headers, each.origin
        when = (headers.time or "?")[:19].replace("T", " ")
        cells = (str(each.position), when, headers.code, origin.type, origin.subject, headers.queue, each.id)
        table.add_row(*(Text(printable(cell or "-")) for cell in cells))
    if found:
        paper = console if console.is_terminal else Console(highlight=False, width=_WIDTH)
        paper.print(table)


def _show(dead_letter: DeadLetter) -> None:
    table = Table.grid(padding=(0, 2))
    for name, value in {**_summary(dead_letter), **_headers(dead_letter)}.items():
        table.add_row(Text(printable(name), style="bold"), Text(printable(str(value))))
    console.print(table)
    body = _body(dead_letter)
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, indent=2)
    console.print("\n[bold]body[/] [dim](may hold personal data)[/]")
    console.print(Text(printable(text)), soft_wrap=True)


def _headers(dead_letter: DeadLetter) -> Mapping[str, Any]:
    message = dead_letter.message
    properties = {
        "content_type": message.content_type,
        "message_id": message.message_id,
        "correlation_id": message.correlation_id,
        "reply_to": message.reply_to,
    }
    return {**{name: value for name, value in properties.items() if value}, **message.headers}


def _body(dead_letter: DeadLetter) -> Any:
    """JSON, where it is; else text, whatever the bytes are."""
    try:
        return json.loads(dead_letter.message.body)
    except ValueError:
        return dead_letter.message.body.decode(errors="backslashreplace")


def printable(text: str) -> str:
    """Pure: a stranger's text, without what would steer the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else "�" for char in text)


def _print_json(value: object) -> None:
    json.dump(value, sys.stdout, ensure_ascii=True, indent=2, default=str)
    sys.stdout.write("\n")
