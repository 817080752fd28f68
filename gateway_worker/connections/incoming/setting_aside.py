"""From what cannot be told as it should be to the writes that keep it as it came, and tell that it is there. Pure."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from gateway_worker.connections.base.names import NamesOf
from gateway_worker.connections.incoming.messages import arrival
from gateway_worker.store.errors import EventTooLarge
from gateway_worker.store.operations.messages import ReceiveMessage
from gateway_worker.store.operations.set_aside import SetAside
from gateway_worker.whatsapp.incoming import Entry, ReceivedMessage, Sender, Unreadable
from schemas.content.content import SetAsideReason, Unsupported
from schemas.names import SessionId

MESSAGE: Final = "message"
PAST: Final = "history"
MAX_KEPT: Final = 262_144  # bytes of what is kept of one thing
_MAX_NAME: Final = 200  # bytes of an id or a JID that goes into a row: three of them share an index's entry
_UNKNOWN: Final = "unknown"


def reason_of(error: BaseException) -> SetAsideReason:
    """Why, by what the store said."""
    return SetAsideReason.TOO_LARGE if isinstance(error, EventTooLarge) else SetAsideReason.REFUSED


def as_unreadable(entry: Entry, reason: SetAsideReason, detail: str) -> Unreadable:
    """A message that turned out to be one."""
    message = entry.message
    assert message is not None, "what no backend sees is not told"
    if isinstance(message, Unreadable):
        return message
    return Unreadable(
        message_id=message.message_id,
        chat=message.chat,
        sender=message.sender,
        from_me=message.from_me,
        is_group=message.is_group,
        timestamp=message.timestamp,
        reason=reason,
        detail=detail,
    )


def message_aside(
    session_id: SessionId, entry: Entry, unreadable: Unreadable, now: datetime, names_of: NamesOf
) -> tuple[SetAside, ReceiveMessage]:
    """Keep a message, and tell that it came: nothing of it but who, where and when, in bounded and clean texts."""
    return _kept_message(session_id, entry, unreadable, MESSAGE), _arrival(session_id, unreadable, now, names_of)


def past_aside(session_id: SessionId, entry: Entry, unreadable: Unreadable) -> SetAside:
    """Keep a message of the history; it is not told, as none of them is."""
    return _kept_message(session_id, entry, unreadable, PAST)


def fact_aside(session_id: SessionId, fact: str, reason: SetAsideReason, detail: str, payload: object) -> SetAside:
    """Keep something else that WhatsApp told."""
    text = json.dumps(payload, default=repr, sort_keys=True)
    return SetAside(
        id=_id_of(session_id, fact, text),
        fact=clean(fact, 32),
        reason=reason.value,
        detail=clean(detail, 64),
        message_id="",
        size=len(text),
        value={"payload": text[:MAX_KEPT]},
    )


def _kept_message(session_id: SessionId, entry: Entry, unreadable: Unreadable, fact: str) -> SetAside:
    key = entry.key
    described = {} if unreadable.payload is None else {"payload": _json_of(unreadable.payload)}
    return SetAside(
        id=_id_of(session_id, fact, key.chat, key.sender, key.message_id, str(key.index)),
        fact=fact,
        reason=unreadable.reason.value,
        detail=clean(unreadable.detail, 64),
        message_id=clean(unreadable.message_id),
        size=len(entry.plaintext),
        value={
            "chat": clean(unreadable.chat),
            "sender": clean(key.sender),
            "index": key.index,
            "encrypted": unreadable.is_encrypted,
            "bytes": base64.b64encode(entry.plaintext[:MAX_KEPT]).decode(),
            **described,
        },
    )


def _arrival(session_id: SessionId, unreadable: Unreadable, now: datetime, names_of: NamesOf) -> ReceiveMessage:
    sender = unreadable.sender
    message = ReceivedMessage(
        message_id=clean(unreadable.message_id) or _UNKNOWN,
        chat=clean(unreadable.chat),
        sender=Sender(
            jid=clean(sender.jid),
            lid=None if sender.lid is None else clean(sender.lid),
            phone=None if sender.phone is None else clean(sender.phone, 32),
        ),
        from_me=unreadable.from_me,
        is_group=unreadable.is_group,
        timestamp=unreadable.timestamp,
        content=Unsupported(whatsapp_type=_UNKNOWN, reason=unreadable.reason),
    )
    return arrival(session_id, message, now, names_of=names_of)


def _json_of(payload: Mapping[str, Any]) -> str:
    return json.dumps(payload, default=repr)[:MAX_KEPT]


def _id_of(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def clean(text: str, limit: int = _MAX_NAME) -> str:
    """A text that every column holds: without NUL and half characters, at most so many bytes."""
    if text.isascii() and len(text) <= limit and "\0" not in text:
        return text
    raw = text[:limit].replace("\0", "\ufffd").encode(errors="replace")[:limit]
    return raw.decode(errors="ignore")


def is_storable(*names: str) -> bool:
    """Whether names, together, fit into a row and its index as they are."""
    try:
        return sum(len(name.encode()) for name in names) <= 3 * _MAX_NAME and not any("\0" in name for name in names)
    except UnicodeEncodeError:
        return False


def storable(entries: Sequence[Entry]) -> list[Entry]:
    """Those whose names can be stored."""
    return [each for each in entries if is_storable(each.key.chat, each.key.sender, each.key.message_id)]
