"""What people do with their chats, and how each phone has them."""

from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web
from google.protobuf.json_format import MessageToDict

from gateway_worker.simulator.control.base import account_of, body_of
from gateway_worker.simulator.errors import Invalid
from gateway_worker.simulator.phone import address_book, app_state
from gateway_worker.simulator.phone.sending import send_peer
from gateway_worker.simulator.phone.welcome import key_share
from gateway_worker.simulator.strict_body import Body
from gateway_worker.simulator.whatsapp.appstate import COLLECTIONS
from gateway_worker.simulator.world.model import Account
from gateway_worker.simulator.world.turn import Turn

if TYPE_CHECKING:
    from gateway_worker.simulator.shell.server import Simulator

_FAULTS = ("damage", "forget_patches", "new_key", "withheld_key")


class Chats:
    """The handlers. Each reads its request, runs one turn in the core, and answers."""

    def __init__(self, simulator: "Simulator") -> None:
        self._simulator = simulator

    def add_to(self, app: web.Application) -> None:
        """Registers the paths."""
        router = app.router
        for action, handler in (
            ("chat", self.update),
            ("star", self.star),
            ("label", self.set_label),
            ("label-chat", self.label_chat),
            ("label-message", self.label_message),
            ("delete-for-me", self.delete_message),
            ("clear-chat", self.clear),
            ("delete-chat", self.delete),
            ("forget", self.forget_contact),
            ("app-state", self.break_state),
        ):
            router.add_post(f"/phones/{{phone}}/{action}", handler)
        router.add_get("/phones/{phone}/app-state", self.describe)

    async def update(self, request: web.Request) -> web.Response:
        """The person archives, pins or mutes a chat, or marks it as read or unread."""
        account, body = account_of(self._simulator, request), await body_of(request)
        chat = body.chat("chat")
        wanted: dict[str, Any] = {name: _switch(body, name) for name in ("archived", "pinned", "muted", "read")}
        wanted["until"] = body.whole("mutedUntil", 1, 1 << 53)
        body.done()
        self._simulator.turn(partial(app_state.update_chat, account=account, chat=chat, wanted=wanted))
        return web.json_response({"chat": chat})

    async def star(self, request: web.Request) -> web.Response:
        """The person stars a message, or no longer."""
        account, body = account_of(self._simulator, request), await body_of(request)
        message_id, starred = body.text("messageId"), _switch(body, "starred") is not False
        body.done()
        self._simulator.turn(partial(app_state.star, account=account, message_id=message_id, starred=starred))
        return web.json_response({"messageId": message_id, "starred": starred})

    async def set_label(self, request: web.Request) -> web.Response:
        """The person makes a label, changes it, or has it no more."""
        account, body = account_of(self._simulator, request), await body_of(request)
        label_id, name = body.text("labelId"), body.text("name", "")
        color, deleted = body.whole("color", 0, 1 << 10) or 0, body.flag("deleted")
        body.done()
        change = partial(app_state.set_label, label_id=label_id, name=name, color=color, deleted=deleted)
        self._simulator.turn(partial(change, account=account))
        return web.json_response({"labelId": label_id})

    async def label_chat(self, request: web.Request) -> web.Response:
        """The person puts a label on a chat, or takes it off."""
        account, body = account_of(self._simulator, request), await body_of(request)
        label_id, chat, labelled = body.text("labelId"), body.chat("chat"), _switch(body, "labelled") is not False
        body.done()
        change = partial(app_state.label_chat, label_id=label_id, chat=chat, labelled=labelled)
        self._simulator.turn(partial(change, account=account))
        return web.json_response({"labelId": label_id, "chat": chat})

    async def label_message(self, request: web.Request) -> web.Response:
        """The person puts a label on a message, or takes it off."""
        account, body = account_of(self._simulator, request), await body_of(request)
        label_id, message_id = body.text("labelId"), body.text("messageId")
        labelled = _switch(body, "labelled") is not False
        body.done()
        change = partial(app_state.label_message, label_id=label_id, message_id=message_id, labelled=labelled)
        self._simulator.turn(partial(change, account=account))
        return web.json_response({"labelId": label_id, "messageId": message_id})

    async def delete_message(self, request: web.Request) -> web.Response:
        """The person deletes a message, for itself alone."""
        account, body = account_of(self._simulator, request), await body_of(request)
        message_id = body.text("messageId")
        body.done()
        self._simulator.turn(partial(app_state.delete_message, account=account, message_id=message_id))
        return web.json_response({"messageId": message_id})

    async def clear(self, request: web.Request) -> web.Response:
        """The person deletes the messages of a chat."""
        account, body = account_of(self._simulator, request), await body_of(request)
        chat, keeps = body.chat("chat"), body.flag("keepStarred")
        body.done()
        self._simulator.turn(partial(app_state.clear_chat, account=account, chat=chat, keeps_starred=keeps))
        return web.json_response({"chat": chat})

    async def delete(self, request: web.Request) -> web.Response:
        """The person deletes a chat."""
        account, body = account_of(self._simulator, request), await body_of(request)
        chat = body.chat("chat")
        body.done()
        self._simulator.turn(partial(app_state.delete_chat, account=account, chat=chat))
        return web.json_response({"chat": chat})

    async def forget_contact(self, request: web.Request) -> web.Response:
        """The person has somebody in the address book no longer."""
        account, body = account_of(self._simulator, request), await body_of(request)
        contact = body.address("contact")
        body.done()
        self._simulator.turn(partial(address_book.remove_contact, account=account, jid=contact))
        return web.json_response({"contact": contact})

    async def break_state(self, request: web.Request) -> web.Response:
        """Something goes wrong with the app state: see the README."""
        account, body = account_of(self._simulator, request), await body_of(request)
        kind, collection = body.text("kind"), body.text("collection", "regular_low")
        body.done()
        if kind not in _FAULTS or collection not in COLLECTIONS:
            raise Invalid("request.invalid", f"kind must be one of: {', '.join(_FAULTS)}; of a collection")
        self._simulator.turn(partial(_break, account=account, kind=kind, collection=collection))
        return web.json_response({"kind": kind, "collection": collection})

    async def describe(self, request: web.Request) -> web.Response:
        """All that is set, as the phone reads it."""
        account = account_of(self._simulator, request)
        return web.json_response(
            [
                {
                    "collection": entry.collection,
                    "index": list(entry.index),
                    "action": MessageToDict(entry.action),
                    "device": entry.device,
                }
                for entry in account.primary.app_state.values()
            ]
        )


def _break(turn: Turn, account: Account, kind: str, collection: str) -> None:
    phone = account.primary
    match kind:
        case "damage":
            app_state.damage(account, collection)
        case "forget_patches":
            app_state.forget_patches(account, collection)
        case "withheld_key":
            app_state.new_key(turn, phone, withheld=True)
        case _:
            app_state.new_key(turn, phone)
            for device in account.companions:
                send_peer(turn, phone, device, key_share(turn, phone))


def _switch(body: Body, name: str) -> bool | None:
    """A flag that may be missing."""
    value = body.raw(name)
    if value is not None and not isinstance(value, bool):
        raise Invalid("request.invalid", f"{name} must be true or false")
    return value
