"""Dead letters: commands that could not be carried out, looked at, tried again, or dropped."""

import json
from collections.abc import AsyncGenerator, Sequence
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
from gateway_worker.dead_queue import DeadLetter, DeadLetterOutcome, DeadLetterQueue, DeadQueueKind, DeskTakenError

SHOWN: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetters:
    """The dead queue, whose troubles are said in a sentence."""

    amqp_url: str
    console: Console

    @classmethod
    def of(cls, console: Console) -> "DeadLetters":
        """That of this console's gateway."""
        return cls(amqp_url=console.amqp_url, console=console)

    async def count(self) -> int | None:
        """How many lie there; None where that cannot be known."""
        try:
            return await dead_queue.count(self.amqp_url, self.console.topology)
        except (BrokerLost, AMQPConnectionError, ChannelNotFoundEntity, ChannelAccessRefused, OSError):
            return None

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[DeadLetterQueue]:
        """In hand. Raises RefusedError, with what to do, where that cannot be."""
        try:
            async with dead_queue.open_dead_letter_queue(
                self.amqp_url, DeadQueueKind.of_commands(self.console.topology)
            ) as found:
                yield found
        except DeskTakenError:
            raise RefusedError("Somebody else works on the dead queue just now: try again in a moment.") from None
        except ChannelNotFoundEntity:
            raise RefusedError("There is no dead queue yet: start a worker first.") from None
        except ChannelAccessRefused:
            raise RefusedError("RabbitMQ does not let this user work on the dead queue (deploy/console.md).") from None
        except (BrokerLost, AMQPConnectionError, OSError) as away:
            raise RefusedError(f"RabbitMQ is not reachable ({type(away).__name__}). Nothing is lost.") from None


async def page(request: web.Request) -> web.Response:
    """The page; the list is asked for by it, since taking the queue in hand needs a moment."""
    return console_of(request).page(request, "dead.html")


async def listing(request: web.Request) -> web.Response:
    """What lies there, the oldest first."""
    console = console_of(request)
    async with DeadLetters.of(console).opened() as found:
        letters = [_summary(each) for each in found.commands[:SHOWN]]
        return console.page(
            request, "parts/dead.html", letters=letters, more=len(found.commands) - len(letters) + found.left, done=""
        )


async def look(request: web.Request) -> web.Response:
    """One of them, with its body."""
    console, name = console_of(request), request.match_info["id"]
    async with DeadLetters.of(console).opened() as found:
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
    console = console_of(request)
    permitted(console)
    name = (await typed(request)).get("id", "")
    async with DeadLetters.of(console).opened() as found:
        chosen = list(found.commands) if name == "*" else _chosen(found, name)
        outcome = await (found.redrive(chosen) if what == "redrive" else found.drop(chosen))
        gone = {each.position for each in outcome.done}
        letters = [_summary(each) for each in found.commands if each.position not in gone]
    more = max(0, len(letters) - SHOWN) + found.left
    done = _said(word, outcome)
    return console.page(request, "parts/dead.html", letters=letters[:SHOWN], more=more, done=done)


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
    """JSON where it is; else text, whatever the bytes are."""
    try:
        return json.dumps(json.loads(letter.message.body), ensure_ascii=False, indent=2)
    except ValueError:
        return letter.message.body.decode(errors="backslashreplace")
