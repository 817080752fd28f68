"""What people write and do to messages, and what their phones have read."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web
from google.protobuf.json_format import MessageToDict

from gateway_worker.simulator.control import change_actions, message_views, person_actions
from gateway_worker.simulator.control.base import MAX_FILE_BODY, account_of, body_of
from gateway_worker.simulator.errors import NotFound
from gateway_worker.simulator.phone.files import read_file
from gateway_worker.simulator.phone.phone import find_message, read_message
from gateway_worker.simulator.strict_body import Body
from gateway_worker.simulator.wire.errors import MediaError
from gateway_worker.simulator.world.model import MAX_MESSAGES
from gateway_worker.simulator.world.turn import Turn

if TYPE_CHECKING:
    from gateway_worker.simulator.shell.server import Simulator

MAX_WAIT = 60.0
"""Seconds that a long poll lasts at most."""


class Messages:
    """The handlers. Each reads its request, runs one turn in the core, and answers."""

    def __init__(self, simulator: "Simulator") -> None:
        self._simulator = simulator

    def add_to(self, app: web.Application) -> None:
        """Registers the paths."""
        router = app.router
        for name, query in (
            ("inbox", self.inbox),
            ("outbox", self.outbox),
            ("changes", self.changes),
            ("dropped", self.dropped),
        ):
            router.add_get(f"/phones/{{phone}}/{name}", query)
        router.add_get("/phones/{phone}/media/{message}", self.media)
        router.add_get("/phones/{phone}/raw/{message}", self.raw)
        for action, handler in (
            ("send", self.send),
            ("read", self.read),
            ("react", self.react),
            ("edit", self.edit),
            ("revoke", self.revoke),
            ("vote", self.vote),
            ("comment", self.comment),
            ("respond", self.respond),
            ("pin", self.pin),
            ("keep", self.keep),
        ):
            router.add_post(f"/phones/{{phone}}/{action}", handler)

    async def send(self, request: web.Request) -> web.Response:
        """The phone sends a message."""
        account, body = account_of(self._simulator, request), await body_of(request, MAX_FILE_BODY)
        to = body.chat("to")
        draft = person_actions.Draft(
            content=body.mapping("content"),
            quote=body.mapping_or_none("quote"),
            mentions=body.addresses("mentions"),
            mentions_all=body.flag("mentionsAll"),
            forwarded=body.flag("forwarded"),
            view_once=body.flag("viewOnce"),
            message_id=body.text("messageId", ""),
        )
        body.done()
        return self._act(partial(person_actions.send, account=account, to=to, draft=draft))

    async def read(self, request: web.Request) -> web.Response:
        """The phone reads a message."""
        account, body = account_of(self._simulator, request), await body_of(request)
        message_id = body.text("messageId")
        body.done()
        self._simulator.turn(partial(read_message, phone=account.primary, message_id=message_id))
        return web.json_response({"messageId": message_id})

    async def react(self, request: web.Request) -> web.Response:
        """The person reacts to a message."""
        account, body = account_of(self._simulator, request), await body_of(request)
        message_id, emoji, sealed = body.text("messageId"), body.text("emoji", empty=True), body.flag("sealed")
        body.done()
        return self._act(
            partial(change_actions.react, account=account, message_id=message_id, emoji=emoji, sealed=sealed)
        )

    async def edit(self, request: web.Request) -> web.Response:
        """The person edits an own message."""
        return await self._written(request, change_actions.edit)

    async def comment(self, request: web.Request) -> web.Response:
        """The person writes a comment below a message."""
        return await self._written(request, change_actions.comment)

    async def _written(self, request: web.Request, action: Callable[..., str]) -> web.Response:
        account, body = account_of(self._simulator, request), await body_of(request, MAX_FILE_BODY)
        message_id, content, sealed = body.text("messageId"), body.mapping("content"), body.flag("sealed")
        body.done()
        return self._act(partial(action, account=account, message_id=message_id, content=content, sealed=sealed))

    async def revoke(self, request: web.Request) -> web.Response:
        """The person deletes an own message for everybody."""
        account, body = account_of(self._simulator, request), await body_of(request)
        message_id = body.text("messageId")
        body.done()
        return self._act(partial(change_actions.revoke, account=account, message_id=message_id))

    async def vote(self, request: web.Request) -> web.Response:
        """The person votes on a poll; `addedOptions` are some that others were not told of."""
        account, body = account_of(self._simulator, request), await body_of(request)
        message_id, options = body.text("messageId"), body.texts("options")
        added = body.texts("addedOptions")
        body.done()
        return self._act(
            partial(change_actions.vote, account=account, message_id=message_id, options=options, added=added)
        )

    async def respond(self, request: web.Request) -> web.Response:
        """The person answers an invitation."""
        account, body = account_of(self._simulator, request), await body_of(request)
        message_id, response = body.text("messageId"), body.text("response")
        guests = body.whole("extraGuests", 0, 100) or 0
        body.done()
        return self._act(
            partial(change_actions.respond, account=account, message_id=message_id, response=response, guests=guests)
        )

    async def pin(self, request: web.Request) -> web.Response:
        """The person pins a message for everybody, or takes it from there."""
        account, body = account_of(self._simulator, request), await body_of(request)
        message_id, unpin = body.text("messageId"), body.flag("undo")
        seconds = body.whole("seconds", 1, 2**31) or change_actions.PIN_SECONDS[0]
        body.done()
        return self._act(
            partial(change_actions.pin, account=account, message_id=message_id, pinned=not unpin, seconds=seconds)
        )

    async def keep(self, request: web.Request) -> web.Response:
        """The person keeps a message in a chat whose messages disappear, or lets it go."""
        account, body = account_of(self._simulator, request), await body_of(request)
        message_id, undo = body.text("messageId"), body.flag("undo")
        body.done()
        return self._act(partial(change_actions.keep, account=account, message_id=message_id, kept=not undo))

    def _act(self, action: Callable[[Turn], str]) -> web.Response:
        """Something leaves the phone; its message id."""
        return web.json_response({"messageId": self._simulator.turn(action)})

    # --- what the phone has

    async def inbox(self, request: web.Request) -> web.Response:
        """What the phone received and decrypted; `wait` and `atLeast` make it a long poll."""
        account = account_of(self._simulator, request)
        await self._wait(request, lambda: len(account.primary.messages) - account.primary.sent)
        return web.json_response(message_views.inbox(account))

    async def outbox(self, request: web.Request) -> web.Response:
        """What the person sent, from the phone or a companion, with the receipts seen."""
        account = account_of(self._simulator, request)
        await self._wait(request, lambda: account.primary.sent)
        return web.json_response(message_views.outbox(account))

    async def changes(self, request: web.Request) -> web.Response:
        """What was done to earlier messages; `wait` and `atLeast` make it a long poll."""
        account = account_of(self._simulator, request)
        await self._wait(request, lambda: len(account.primary.changes))
        return web.json_response(message_views.changes(account))

    async def dropped(self, request: web.Request) -> web.Response:
        """What the phone dropped, because its stanza says something else; a long poll likewise."""
        account = account_of(self._simulator, request)
        await self._wait(request, lambda: len(account.primary.dropped))
        return web.json_response(message_views.dropped(account))

    async def media(self, request: web.Request) -> web.Response:
        """The file of a message on the phone, decrypted."""
        account = account_of(self._simulator, request)
        kept = find_message(account.primary, request.match_info["message"])
        try:
            file = read_file(self._simulator.core.world, kept.message)
        except MediaError as error:
            raise NotFound("media.not_found", str(error)) from error
        if file is None:
            raise NotFound("media.not_found", "the message has no file")
        return web.Response(body=file, content_type="application/octet-stream")

    async def raw(self, request: web.Request) -> web.Response:
        """A message on the phone as it was encrypted, in protobuf's JSON."""
        account = account_of(self._simulator, request)
        kept = find_message(account.primary, request.match_info["message"])
        return web.json_response(MessageToDict(kept.message))

    async def _wait(self, request: web.Request, count: Callable[[], int]) -> None:
        query = Body(dict(request.query))
        wait, at_least = query.seconds("wait", MAX_WAIT), query.whole("atLeast", 0, MAX_MESSAGES)
        query.done()
        if wait:
            enough = 1 if at_least is None else at_least
            await self._simulator.wait_until(lambda: count() >= enough, wait)
