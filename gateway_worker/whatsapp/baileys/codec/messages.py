"""What the bridge says of a message, in the port's words. Pure."""

from collections.abc import Mapping
from typing import Any, Final, cast

from gateway_worker.whatsapp.baileys.channel import messages
from gateway_worker.whatsapp.baileys.channel.decoding import Reader
from gateway_worker.whatsapp.baileys.channel.messages import (
    ChangeMessage,
    ContentMessage,
    EntryKey,
    MessagePlace,
    TimerMessage,
)
from gateway_worker.whatsapp.baileys.codec.attachments import remote_file_of
from gateway_worker.whatsapp.baileys.codec.changes import change_of
from gateway_worker.whatsapp.baileys.codec.contents import content_of
from gateway_worker.whatsapp.incoming import EntryKey as PortEntryKey
from gateway_worker.whatsapp.incoming import ReceivedChange, ReceivedMessage, Sender, TimerChanged
from gateway_worker.whatsapp.timers import Timer
from schemas.content.flags import UNMARKED, Flags
from schemas.content.references import Ad, Association
from schemas.names import MessageId

MAX_MENTIONS: Final = 1_024  # more than a group has members

_read_content: Final = Reader(ContentMessage)
_read_change: Final = Reader(ChangeMessage)
_read_timer: Final = Reader(TimerMessage)


def entry_key_of(key: EntryKey) -> PortEntryKey:
    """The name of a decrypted part."""
    return PortEntryKey(chat=key["chat"], sender=key["sender"], message_id=key["message_id"], index=key["index"])


def framed_entry_key(key: PortEntryKey) -> EntryKey:
    """The same, as the bridge reads it."""
    return {"chat": key.chat, "sender": key.sender, "message_id": key.message_id, "index": key.index}


def message_of(payload: object) -> ReceivedMessage | ReceivedChange | TimerChanged | None:
    """What a backend sees of a message, if anything.

    Raises:
        Exception: of any kind, when it is not what we expect, or the bridge itself has set it aside.
    """
    if payload is None:
        return None
    if not isinstance(payload, dict):
        raise TypeError("a message is an object")
    said = cast("dict[str, Any]", payload)
    if "set_aside" in said:
        raise ValueError("the bridge has set it aside")
    if said.get("change") is not None:
        return _changed(_read_change.read(said))
    if said.get("sets_timer"):
        message = _read_timer.read(said)
        return TimerChanged(**_place(message), timer=Timer(**message["timer"]))
    return _received(_read_content.read(said))


def _place(message: MessagePlace) -> dict[str, Any]:
    return {
        "message_id": message["message_id"],
        "chat": message["chat"],
        "sender": Sender(**message["sender"]),
        "from_me": message["from_me"],
        "is_group": message["is_group"],
        "timestamp": message["timestamp"],
    }


def _changed(message: ChangeMessage) -> ReceivedChange:
    change = message["change"]
    return ReceivedChange(
        **_place(message),
        about=change["about"],
        change=change_of(change),
        author=change["author"],
        by_admin=change["by_admin"],
    )


def _received(message: ContentMessage) -> ReceivedMessage:
    timer, ad, association = message["timer"], message["ad"], message["association"]
    return ReceivedMessage(
        **_place(message),
        content=content_of(message["content"]),
        quoted_id=message["quoted_id"],
        mentions=message["mentions"][:MAX_MENTIONS],
        flags=_flags(message["flags"]),
        ad=None if ad is None else Ad(**ad),
        association=None if association is None else _association(association),
        wrappers=message["wrappers"],
        file=remote_file_of(message["content"]),
        timer=None if timer is None else Timer(**timer),
    )


def _association(association: messages.Association) -> Association:
    message_id = MessageId(association["message_id"])
    return Association(type=association["type"], message_id=message_id, index=association["index"])


def _flags(flags: Mapping[str, bool]) -> Flags:
    """Most messages have none."""
    if not any(flags.values()):
        return UNMARKED
    return Flags(**{name: flags[name] or None for name in Flags.model_fields})
