"""``gateway-worker command`` and ``gateway-worker events``: a backend for one person."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any, Final

from aio_pika.exceptions import AMQPConnectionError, ChannelClosed, DeliveryError
from aiormq.exceptions import ChannelAccessRefused

from gateway_worker.broker.errors import BrokerLost
from gateway_worker.cli.backend import Document, TerminalBackend, connect
from gateway_worker.cli.terminal import complain, console, errors, qr_text
from gateway_worker.settings import Settings
from schemas.commands import COMMANDS, Door, Subject

_TROUBLE: Final = (BrokerLost, AMQPConnectionError, ChannelClosed, DeliveryError, OSError)
_OVER: Final = frozenset({"connected", "logged_out", "failed", "restricted", "passkey_required", "deleted"})
_MESSAGE_OVER: Final = frozenset({"delivered", "read", "played", "failed"})
_FOLLOWED: Final = {
    "session.create.v1": ("session.status.v1", _OVER),
    "session.restart.v1": ("session.status.v1", _OVER),
    "session.migrate.v1": ("session.status.v1", _OVER),
    "session.logout.v1": ("session.status.v1", frozenset({"logged_out"})),
    "session.delete.v1": ("session.status.v1", frozenset({"deleted"})),
    "message.send.v1": ("message.status.v1", _MESSAGE_OVER),
}
"""Which event tells the outcome of a command, and with which statuses it is over."""


def complete(command_type: str, subject: str | None, data: Document) -> Document:
    """Pure: what a person need not type. ``session.create`` pairs by QR for the user ``cli`` unless told otherwise."""
    if command_type == "session.create.v1":
        return {"sessionId": subject, "userId": "cli", "pairing": {"method": "qr"}, **data}
    return data


def routing_key_of(command_type: str, subject: str | None) -> str:
    """The door of a command, and whom it is for; an unknown one goes to ``control``, to be answered there.

    A session is made with its own key rather than with the bare one, so that a tenant may do it too.
    """
    kind = COMMANDS.get(command_type)
    if kind is None or subject is None or kind.subject is Subject.FLEET:
        return "control"
    return f"sessions.create.{subject}" if kind.door is Door.SESSIONS else f"{kind.door.value}.{subject}"


async def publish_and_follow(
    settings: Settings, name: str, subject: str | None, data: Document, *, wait: bool, patience: float
) -> int:
    """Publish, print the reply and, with `wait`, the events until the outcome. 0 well, 1 not, 3 out of time."""
    command_type = name if name.endswith(".v1") else f"{name}.v1"
    try:
        async with asyncio.timeout(patience), connect(settings.amqp_url, settings.namespace) as backend:
            return await _converse(backend, command_type, subject, complete(command_type, subject, data), wait=wait)
    except TimeoutError:
        errors.print(
            f"[yellow]no outcome within {patience:.0f} s[/]; the command is in the queue and will be carried out"
        )
        return 3
    except _TROUBLE as trouble:
        complain(_told(trouble))
        return 1


async def _converse(
    backend: TerminalBackend, command_type: str, subject: str | None, data: Document, *, wait: bool
) -> int:
    async with backend.events(subject) as events, backend.replies() as (reply_to, replies):
        routing_key = routing_key_of(command_type, subject)
        command_id = await backend.publish(command_type, routing_key, subject, data, reply_to)
        async for reply in replies:
            show(reply)
            if reply["type"] == "command.rejected.v1":
                return 1
            break
        followed = _FOLLOWED.get(command_type)
        return await _outcome(events, command_id, *followed) if wait and followed else 0
    return 1


async def _outcome(events: AsyncIterator[Document], command_id: str, event_type: str, over: frozenset[str]) -> int:
    """Print events until the one that tells the outcome."""
    async for event in events:
        show(event)
        data = event["data"]
        is_ours = event_type == "session.status.v1" or data.get("commandId") == command_id
        if event["type"] == event_type and is_ours:
            status = data["status"]
            if status in over or (status == "disconnected" and "retryAt" not in data):
                return 1 if status in {"failed", "restricted", "passkey_required", "disconnected"} else 0
    return 1


async def follow(settings: Settings, subject: str | None) -> int:
    """Print events until the connection is lost; 1 then, and when there never was one."""
    try:
        async with connect(settings.amqp_url, settings.namespace) as backend, backend.events(subject) as events:
            async for event in events:
                show(event)
    except _TROUBLE as trouble:
        complain(_told(trouble))
    return 1


def _told(trouble: Exception) -> str:
    """One line: what it is, and what to do."""
    match trouble:
        case BrokerLost():
            return f"{trouble}: see gateway-worker doctor"
        case ChannelAccessRefused():
            return f"RabbitMQ does not let this user do it: {trouble}: see gateway-worker topology --definitions"
        case ChannelClosed() | DeliveryError():
            return "the gateway's exchanges are missing: start a worker first (gateway-worker run)"
        case _:
            return f"RabbitMQ went away ({type(trouble).__name__}): see gateway-worker doctor"


def show(document: Document) -> None:
    """One line for people, and a QR code where there is one."""
    data: dict[str, Any] = document["data"]
    clock = time.strftime("%H:%M:%S")
    shown = {key: value for key, value in data.items() if key not in {"qrString", "qrCode"}}
    sequence = document.get("sequence", "·").lstrip("0")  # for people
    line = f"{clock} {sequence:>5} {document['type']:<22} {document.get('subject', '')} "
    console.print(line, end="", markup=False)
    console.print(json.dumps(shown, ensure_ascii=False), style="dim", markup=False, soft_wrap=True)
    if "qrString" in data:
        console.print(qr_text(data["qrString"]))
    if "pairingCode" in data:
        console.print(f"Type this code on the phone: [bold]{data['pairingCode']}[/]")
