"""An event in one line, and whole. Pure."""

import json
from collections.abc import Mapping
from typing import Any, Final, cast

from gateway_worker.client.events import Event
from schemas.events.messages import MessageReceived, MessageStatus
from schemas.events.sessions import SessionStatus

MOST: Final = 200  # characters
MOST_WHOLE: Final = 4_000
_LONG: Final = 32 * 1024  # characters of a value above which it is cut before it is written out
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
    data = {key: _cut(value) for key, value in event.envelope.data.items() if key not in _SECRET}
    document = {**event.document, "data": data}
    text = json.dumps(document, ensure_ascii=False, indent=2)
    return text if len(text) <= MOST_WHOLE else f"{text[:MOST_WHOLE]} …"


def _cut(value: object) -> object:
    """An event may hold a megabyte: nobody reads that here, and writing it out would hold up the others."""
    if isinstance(value, str):
        return value[:_LONG]
    if isinstance(value, list):
        return [_cut(each) for each in cast("list[object]", value)[:200]]
    if isinstance(value, dict):
        return {key: _cut(each) for key, each in cast("dict[str, object]", value).items()}
    return value


def _of_anything(data: Mapping[str, Any]) -> str:
    return " · ".join(_shown(data[key]) for key in _KEYS if data.get(key))


def _shown(value: object) -> str:
    return ", ".join(map(str, cast("list[object]", value))) if isinstance(value, list) else str(value)
