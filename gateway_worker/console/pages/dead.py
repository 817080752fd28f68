"""Dead letters, of commands and of webhooks: looked at, tried again, or dropped."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aio_pika.exceptions import AMQPConnectionError, ChannelNotFoundEntity
from aiohttp import web
from aiormq.exceptions import ChannelAccessRefused

from gateway_worker import dead_queue
from gateway_worker.broker.errors import BrokerLost
from gateway_worker.console.pages.typed import permitted, typed
from gateway_worker.console.web.access import RefusedError
from gateway_worker.console.web.context import Console, console_of
from gateway_worker.dead_queue import DeadLetter, DeadLetterOutcome, DeadLetterQueue, DeadQueueKind, DeadQueueTakenError

SHOWN: Final = 200
_WHOLE: Final = 64 * 1024  # bytes of a body that are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """One of the dead queues, as pages speak of it."""

    of: str
    title: str
    what: str
    kind: DeadQueueKind


def shelves(console: Console) -> Mapping[str, Shelf]:
    """Both, the first one first."""
    commands, webhooks = DeadQueueKind.of_commands(console.topology), DeadQueueKind.of_webhooks(console.topology)
    return {
        "commands": Shelf(of="commands", title="Commands", what="command", kind=commands),
        "webhooks": Shelf(of="webhooks", title="Webhooks", what="event", kind=webhooks),
    }


async def page(request: web.Request) -> web.Response:
    """The page; the list is asked for by it, since taking the queue in hand needs a moment."""
    console = console_of(request)
    return console.page(request, "dead.html", shelf=_shelf(request), shelves=shelves(console).values())


async def listing(request: web.Request) -> web.Response:
    """What lies there, the oldest first."""
    async with _opened(request) as found:
        return _list(request, found, [_summary(each) for each in found.commands], "")


async def look(request: web.Request) -> web.Response:
    """One of them, with its body."""
    console, name = console_of(request), request.match_info["id"]
    async with _opened(request) as found:
        chosen = _chosen(found, name)
        if not chosen:
            return console.page(request, "parts/dead_letter.html", letter=None)
        return console.page(request, "parts/dead_letter.html", letter=_summary(chosen[0]), body=_body(chosen[0]))


async def redrive(request: web.Request) -> web.Response:
    """Publish what was chosen again where it came from."""
    return await _work(request, "tried again", "redrive")


async def drop(request: web.Request) -> web.Response:
    """Remove what was chosen for good."""
    return await _work(request, "dropped", "drop")


async def _work(request: web.Request, word: str, what: str) -> web.Response:
    permitted(console_of(request))
    name = (await typed(request)).get("id", "")
    async with _opened(request) as found:
        chosen = list(found.commands) if name == "*" else _chosen(found, name)
        outcome = await (found.redrive(chosen) if what == "redrive" else found.drop(chosen))
        gone = {each.position for each in outcome.done}
        letters = [_summary(each) for each in found.commands if each.position not in gone]
        return _list(request, found, letters, _said(word, outcome))


def _shelf(request: web.Request) -> Shelf:
    known = shelves(console_of(request))
    return known.get(request.query.get("of", ""), known["commands"])


def _list(request: web.Request, found: DeadLetterQueue, letters: Sequence[dict[str, Any]], done: str) -> web.Response:
    more = max(0, len(letters) - SHOWN) + found.left
    values = {"letters": letters[:SHOWN], "more": more, "done": done, "shelf": _shelf(request)}
    return console_of(request).page(request, "parts/dead.html", **values)


@asynccontextmanager
async def _opened(request: web.Request) -> AsyncGenerator[DeadLetterQueue]:
    """In hand. Raises RefusedError, with what to do, where that cannot be."""
    try:
        async with dead_queue.open_dead_letter_queue(console_of(request).amqp_url, _shelf(request).kind) as found:
            yield found
    except DeadQueueTakenError:
        raise RefusedError("Somebody else works on the dead queue just now: try again in a moment.") from None
    except ChannelNotFoundEntity:
        raise RefusedError("There is no dead queue yet: start a worker, or webhooks, first.") from None
    except ChannelAccessRefused:
        raise RefusedError("RabbitMQ does not let this user work on the dead queue (deploy/console.md).") from None
    except (BrokerLost, AMQPConnectionError, OSError) as away:
        raise RefusedError(f"RabbitMQ is not reachable ({type(away).__name__}). Nothing is lost.") from None


def _said(word: str, outcome: DeadLetterOutcome) -> str:
    text = f"{len(outcome.done)} {word}."
    return text + "".join(f" Not {each.dead_letter.id}: {each.why}." for each in outcome.failed)


def _chosen(found: DeadLetterQueue, name: str) -> Sequence[DeadLetter]:
    return [each for each in found.commands if name in each.names]


def _summary(letter: DeadLetter) -> dict[str, Any]:
    headers, origin = letter.headers, letter.origin
    return {
        "id": letter.id,
        "time": (headers.time or "")[:19].replace("T", " "),
        "code": headers.code,
        "message": headers.message,
        "type": origin.type or "?",
        "subject": origin.subject or "",
        "source": origin.source or "",
        "queue": headers.queue,
        "key": headers.routing_key,
        "worker": headers.worker or "",
        "size": len(letter.message.body),
    }


def _body(letter: DeadLetter) -> str:
    """JSON where it is; else text, whatever the bytes are. Of a large one the beginning, as it is."""
    body = letter.message.body
    if len(body) > _WHOLE:
        return f"{body[:_WHOLE].decode(errors='backslashreplace')} …"
    try:
        return json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return body.decode(errors="backslashreplace")
