"""An event in one line, and whole. Pure."""

import json
from collections.abc import Mapping
from typing import Any, Final, cast

from gateway_worker.client.events import Event
from schemas.events.events import MessageReceived, MessageStatus, SessionStatus

MOST: Final = 200  # characters
MOST_WHOLE: Final = 4_000
_SECRET: Final = frozenset({"qrString", "qrCode", "pairingCode", "passkey"})
_KEYS: Final = ("emoji", "options", "action", "subject", "state", "chat", "messageId")


def line_of(event: Event) -> str:
    """What it says, for people."""
    match event.data:
        case SessionStatus() as status:
            text = status.state.value.replace("_", " ")
            text += f": {status.reason.message}" if status.reason is not None else ""
        case MessageStatus() as status:
            text = f"{status.status.value} · to {status.to}" + (f" · {status.error.code}" if status.error else "")
        case MessageReceived() as message:
            said = getattr(message.content, "text", None) or getattr(message.content, "caption", None) or ""
            who = (
                "this account" if message.from_me else message.sender.push_name or message.sender.phone or message.chat
            )
            text = f"{who}: {said or message.content.kind}"
        case _:
            text = _of_anything(event.envelope.data)
    return text[:MOST].replace("\n", " ")


def whole(event: Event) -> str:
    """The event as JSON, without codes that link a device; cut where it is long."""
    document = {**event.document, "data": {k: v for k, v in event.envelope.data.items() if k not in _SECRET}}
    text = json.dumps(document, ensure_ascii=False, indent=2)
    return text if len(text) <= MOST_WHOLE else f"{text[:MOST_WHOLE]} …"


def _of_anything(data: Mapping[str, Any]) -> str:
    return " · ".join(_shown(data[key]) for key in _KEYS if data.get(key))


def _shown(value: object) -> str:
    return ", ".join(map(str, cast("list[object]", value))) if isinstance(value, list) else str(value)
