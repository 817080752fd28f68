"""``gateway-worker command`` and ``gateway-worker events``: a backend for one person."""

import asyncio
import json
import time
from typing import Any, Final

from gateway_worker.cli.terminal import complain, console, errors, qr_text
from gateway_worker.client import (
    ClientError,
    ConnectionLostError,
    Event,
    EventQueue,
    Gateway,
    NoReplyError,
    NotPermittedError,
    Subscription,
    TopologyMissingError,
)
from gateway_worker.settings.settings import Settings

Document = dict[str, Any]

_SOURCE: Final = "/cli"
_REPLY_SECONDS: Final = 30.0
_OVER: Final = frozenset({"connected", "logged_out", "failed", "restricted", "passkey_required", "deleted"})
_MESSAGE_OVER: Final = frozenset({"delivered", "read", "played", "failed"})
_FOLLOWED: Final = {
    "session.create.v1": ("session.status.v1", _OVER),
    "session.restart.v1": ("session.status.v1", _OVER),
    "session.passkey.v1": ("session.status.v1", _OVER | {"passkey_confirm"}),
    "session.passkey.confirm.v1": ("session.status.v1", _OVER),
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


async def publish_and_follow(
    settings: Settings, name: str, subject: str | None, data: Document, *, wait: bool, patience: float
) -> int:
    """Publish, print the reply and, with `wait`, the events until the outcome. 0 well, 1 not, 3 out of time."""
    kind = name if name.endswith(".v1") else f"{name}.v1"
    try:
        async with asyncio.timeout(patience), _gateway(settings, patience) as gateway:
            return await _converse(gateway, kind, subject, complete(kind, subject, data), wait=wait)
    except (TimeoutError, NoReplyError):
        errors.print(
            f"[yellow]no outcome within {patience:.0f} s[/]; the command is in the queue and will be carried out"
        )
        return 3
    except ClientError as trouble:
        complain(_explanation(trouble))
        return 1


def _gateway(settings: Settings, patience: float) -> Gateway:
    return Gateway(
        settings.amqp_url, namespace=settings.namespace, source=_SOURCE, timeout=patience, name="gateway-worker command"
    )


async def _converse(gateway: Gateway, kind: str, subject: str | None, data: Document, *, wait: bool) -> int:
    async with gateway.events(_of(subject)) as events:
        command = gateway.compose(kind, subject, data)
        reply = Event(await gateway.ask(command))
        show(reply.document)
        if reply.type == "command.rejected.v1":
            return 1
        followed = _FOLLOWED.get(kind)
        return await _outcome(events, command.command_id, *followed) if wait and followed else 0


def _of(subject: str | None) -> EventQueue:
    return EventQueue(sessions=None if subject is None else [subject])


async def _outcome(events: Subscription, command_id: str, event_type: str, over: frozenset[str]) -> int:
    """Print events until the one that tells the outcome."""
    async for received in events:
        event = received.document
        show(event)
        data = event["data"]
        is_ours = event_type == "session.status.v1" or data.get("commandId") == command_id
        if event["type"] == event_type and is_ours:
            status = data["status"]
            if status in over or (status == "disconnected" and "retryAt" not in data):
                return 1 if status in {"failed", "restricted", "passkey_required", "disconnected"} else 0
    return 1


async def follow(settings: Settings, subject: str | None) -> int:
    """Print events until somebody ends it; 1 when it cannot be begun. A lost connection is waited for."""
    try:
        async with _gateway(settings, _REPLY_SECONDS) as gateway, gateway.events(_of(subject)) as events:
            async for event in events:
                show(event.document)
    except ClientError as trouble:
        complain(_explanation(trouble))
    return 1


def _explanation(trouble: ClientError) -> str:
    """One line: what it is, and what to do."""
    match trouble:
        case ConnectionLostError():
            return f"{trouble}: see gateway-worker doctor"
        case NotPermittedError():
            return f"RabbitMQ does not let this user do it: {trouble}: see gateway-worker topology --definitions"
        case TopologyMissingError():
            return "the gateway's exchanges are missing: start a worker first (gateway-worker run)"
        case _:
            return str(trouble)


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
