"""One chat of a session: its messages as they are stored and as they come, and a box to write in."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web
from aiohttp.web_request import FileField

from gateway_worker.client import ClientError
from gateway_worker.client.commands import valid
from gateway_worker.console.bubbles import Bubble, of_description, of_received
from gateway_worker.console.files import KINDS, TooLargeError, content_at, content_of
from gateway_worker.console.pages.typed import optional, permitted, posted, typed
from gateway_worker.console.watch.chats import Chat
from gateway_worker.console.watch.feed import Listener, Received
from gateway_worker.console.web.access import RefusedError
from gateway_worker.console.web.context import Console, console_of
from gateway_worker.console.web.streams import message, stream
from schemas.commands.messages import SendMessage
from schemas.events.messages import MessageReceived, MessageState, MessageStatus
from schemas.results import LedgerState, MessageDescription

PAGE: Final = 50
MOST_ADDRESS: Final = 100
_ABOUT_MESSAGES: Final = frozenset(
    {
        *("message.edited.v1", "message.revoked.v1", "message.reaction.v1", "message.pinned.v1", "message.kept.v1"),
        *("poll.vote.v1", "media.ready.v1", "media.failed.v1"),
    }
)
"""Events after which a message looks otherwise."""


async def page(request: web.Request) -> web.Response:
    """The chat, or with a cursor what is further back in it."""
    console, session_id, chat = _names(request)
    cursor = request.query.get("cursor")
    history = await console.gateway.list_messages(session_id, chat, cursor=cursor, limit=PAGE)
    console.watch.chats.looked_at(session_id, chat)
    bubbles = [_bubble_of(console, session_id, each) for each in reversed(history.messages)]
    template = "parts/messages.html" if cursor else "chat.html"
    return console.page(
        request,
        template,
        session_id=session_id,
        session=console.watch.fleet.sessions.get(session_id),
        chat=_chat(console, session_id, chat),
        chats=console.watch.chats.of(session_id),
        bubbles=bubbles,
        cursor=history.cursor,
        kinds=KINDS,
    )


async def open_(request: web.Request) -> web.Response:
    """Go to the chat with a number."""
    session_id = request.match_info["session"]
    number = "".join((await typed(request)).get("to", "").split())[:MOST_ADDRESS]
    if not any(map(str.isdigit, number)):
        raise RefusedError("Type a number with its country code, such as +15550001111.")
    return web.Response(headers={"HX-Redirect": f"/sessions/{session_id}/chats/{quote(_chat_of(number))}"})


async def groups(request: web.Request) -> web.Response:
    """Ask WhatsApp for the groups the session is in, and show them among its chats."""
    console, session_id = console_of(request), request.match_info["session"]
    reply = await console.gateway.list_groups(session_id)
    console.watch.chats.named(session_id, [(each.group_id, each.subject) for each in reply.groups], console.clock.now())
    return console.page(
        request, "parts/chats.html", session_id=session_id, chats=console.watch.chats.of(session_id), chat=None
    )


async def send(request: web.Request) -> web.Response:
    """Send a text or a file; the message as it stands comes back."""
    console, session_id, chat = _names(request)
    permitted(console)
    form = await posted(request)
    content = _content(form)
    command = valid(SendMessage, {"to": chat, "content": content})
    accepted = await console.gateway.order(session_id, command)
    if accepted.message_id is None:
        return console.notice(request, "It is on its way.")
    description = await console.gateway.describe_message(session_id, accepted.message_id)
    return console.page(
        request, "live/bubble.html", session_id=session_id, bubble=_bubble_of(console, session_id, description)
    )


async def read(request: web.Request) -> web.Response:
    """Tell the others that their messages were read."""
    console, session_id, chat = _names(request)
    permitted(console)
    history = await console.gateway.list_messages(session_id, chat, limit=PAGE)
    ids = [each.message_id for each in history.messages if each.status is LedgerState.RECEIVED and not each.from_me]
    if not ids:
        return console.notice(request, "There is nothing that came in.")
    await console.gateway.mark_read(session_id, chat, ids)
    return console.notice(request, "Marked as read.")


async def fetch(request: web.Request) -> web.Response:
    """Have a file put into the media bucket (again)."""
    console, session_id, chat = _names(request)
    permitted(console)
    await console.gateway.fetch_media(session_id, (await typed(request)).get("message", ""), chat=chat)
    return console.notice(request, "The file is fetched.")


async def live(request: web.Request) -> web.StreamResponse:
    """What happens in the chat, as it happens."""
    console, session_id, chat = _names(request)
    with console.watch.feed.listen(session_id) as listener:
        return await stream(request, _live(request, console, session_id, chat, listener))


async def _live(
    request: web.Request, console: Console, session_id: str, chat: str, listener: Listener
) -> AsyncIterator[bytes]:
    number = 0
    if request.headers.get("Last-Event-ID"):  # it was away
        for description in await _latest(console, session_id, chat):
            yield _bubble(console, request, session_id, description)
    async for received in listener:
        number += 1
        part = await _part(request, console, session_id, chat, received)
        if part is not None:
            console.watch.chats.looked_at(session_id, chat)
            yield message(part, id_=str(number))


async def _part(request: web.Request, console: Console, session_id: str, chat: str, received: Received) -> str | None:
    """What an event changes in the chat."""
    match received.event.data:
        case MessageReceived() as data if data.chat == chat:
            return _text(console, request, session_id, of_received(data))
        case MessageStatus(status=MessageState.SENT | MessageState.FAILED) as data if chat in (data.chat, data.to):
            return await _described(request, console, session_id, data.message_id)
        case MessageStatus() as data if data.chat == chat:
            values = {"message_id": data.message_id, "status": LedgerState(data.status.value)}
            return console.page(request, "live/ticks.html", **values).text
        case _ if received.event.type in _ABOUT_MESSAGES and received.event.envelope.data.get("chat") == chat:
            return await _described(request, console, session_id, str(received.event.envelope.data.get("messageId")))
        case _:
            return None


async def _described(request: web.Request, console: Console, session_id: str, message_id: str) -> str | None:
    try:
        description = await console.gateway.describe_message(session_id, message_id)
    except ClientError:
        return None  # it has disappeared meanwhile
    return _text(console, request, session_id, _bubble_of(console, session_id, description))


async def _latest(console: Console, session_id: str, chat: str) -> list[Bubble]:
    try:
        history = await console.gateway.list_messages(session_id, chat, limit=PAGE)
    except ClientError:
        return []
    return [_bubble_of(console, session_id, each) for each in reversed(history.messages)]


def _bubble_of(console: Console, session_id: str, description: MessageDescription) -> Bubble:
    return of_description(description, console.watch.chats.name_of(session_id, description.sender))


def _text(console: Console, request: web.Request, session_id: str, bubble: Bubble) -> str:
    return console.page(request, "live/bubble.html", session_id=session_id, bubble=bubble).text or ""


def _bubble(console: Console, request: web.Request, session_id: str, bubble: Bubble) -> bytes:
    return message(_text(console, request, session_id, bubble), id_="0")


def _content(form: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed or chosen. Raises RefusedError with what to do."""
    file, text = form.get("file"), str(form.get("text", ""))
    kind = optional(str(form.get("kind", "")))
    if isinstance(file, FileField) and file.filename:
        try:
            return content_of(file.file.read(), file.content_type, file.filename, kind, text)
        except TooLargeError:
            raise RefusedError("A command carries files up to 1 MiB: give a link to a larger one.") from None
    if url := str(form.get("url", "")).strip():
        return content_at(url, kind, text)
    if not text.strip():
        raise RefusedError("Type something, or choose a file.")
    return {"kind": "text", "text": text.replace("\r\n", "\n")}


def _names(request: web.Request) -> tuple[Console, str, str]:
    return console_of(request), request.match_info["session"], request.match_info["chat"]


def _chat(console: Console, session_id: str, chat: str) -> Chat:
    return console.watch.chats.get(session_id, chat) or Chat(chat=chat, at=console.clock.now())


def _chat_of(number: str) -> str:
    """A number as the JID it is likely to be; the gateway finds the chat either way."""
    return number if "@" in number else f"{''.join(filter(str.isdigit, number))}@s.whatsapp.net"
