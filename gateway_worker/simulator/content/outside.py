"""What the stanza of a message says beside what is encrypted, by the kind of the message. Pure.

As WhatsApp Web says it. Sources: whatsmeow (`send.go`) and whatsapp-rust (`wacore/src/send.rs`), naming its modules.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from gateway_worker.simulator.content.reading import covers_of, unwrap
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import KeepType, Message

_Protocol = Message.ProtocolMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """The words around a message.

    `edit`: 1 edits, 2 pins, 7 deletes an own message, 8 another's as an admin. `hidden`: who cannot read it shows
    nothing (`decrypt-fail="hide"`). `loose`: clients that work differ about it, so nobody is held to it.
    `may_be_plain`: whatsmeow sends it as a text without any such word, which nobody reports to be dropped.
    `meta`: what the child `<meta>` says, if there is one: only some say it of newer polls, or of any in a wrapper.
    """

    type: str = "text"
    mediatype: str = ""
    hidden: bool = False
    edit: str = ""
    meta: tuple[str, str] | None = None
    loose: bool = False
    may_be_plain: bool = False


_PLAIN = Outside()
_UNKNOWN = Outside(loose=True)
_POLL = Outside(type="poll", meta=("polltype", "creation"))
_NEWER_POLL = Outside(type="poll", meta=("polltype", "creation"), may_be_plain=True)


def _media(mediatype: str, *, loose: bool = False) -> Outside:
    return Outside(type="media", mediatype=mediatype, loose=loose)


def _protocol(part: Any) -> Outside:
    if part.type == _Protocol.Type.MESSAGE_EDIT or part.HasField("editedMessage"):
        return Outside(edit="1", hidden=True)
    if part.type == _Protocol.Type.REVOKE and part.HasField("key"):
        return Outside(edit="7" if part.key.fromMe else "8")  # whatsapp-rust hides none, whatsmeow every one
    return _PLAIN


def _kept(part: Any) -> Outside:
    undone = part.key.fromMe and part.keepType == KeepType.UNDO_KEEP_FOR_ALL
    return Outside(edit="7" if undone else "", hidden=True, loose=True)


_KINDS: dict[str, Outside | Callable[[Any], Outside]] = {
    "reactionMessage": Outside(type="reaction", hidden=True),
    "encReactionMessage": Outside(type="reaction", hidden=True),
    "eventMessage": Outside(type="event", meta=("event_type", "creation"), loose=True),
    "encEventResponseMessage": Outside(type="event", hidden=True, meta=("event_type", "response"), loose=True),
    "secretEncryptedMessage": Outside(edit="1", hidden=True, loose=True),
    "pollCreationMessage": _POLL,
    "pollCreationMessageV2": _NEWER_POLL,
    "pollCreationMessageV3": _NEWER_POLL,
    "pollCreationMessageV5": Outside(type="poll", may_be_plain=True),
    "pollUpdateMessage": Outside(type="poll", hidden=True, meta=("polltype", "vote")),
    "protocolMessage": _protocol,
    "pinInChatMessage": Outside(edit="2", hidden=True),
    "keepInChatMessage": _kept,
    "imageMessage": _media("image"),
    "videoMessage": lambda part: _media("gif" if part.gifPlayback else "video"),
    "ptvMessage": Outside(type="media", mediatype="ptv"),
    "audioMessage": lambda part: _media("ptt" if part.ptt else "audio"),
    "documentMessage": _media("document"),
    "stickerMessage": _media("sticker"),
    "stickerPackMessage": _media("sticker_pack", loose=True),
    "locationMessage": lambda part: _media("livelocation" if part.isLive else "location", loose=True),
    "liveLocationMessage": _media("livelocation", loose=True),
    "contactMessage": _media("vcard"),
    "contactsArrayMessage": _media("contact_array"),
    "extendedTextMessage": lambda part: _media("url", loose=True) if part.matchedText.strip() or part.title else _PLAIN,
    "conversation": _PLAIN,
}


_OPENED_BY_ONE = frozenset({"lottieStickerMessage", "groupMentionedMessage", "associatedChildMessage"})
"""Wrappers that whatsmeow or whatsapp-rust does not look into."""
_OPENED_FOR_META = frozenset({"editedMessage"})


def outside_of(message: Message) -> Outside:
    """What goes around a message, whatever it is wrapped in."""
    whole = message.deviceSentMessage.message if message.HasField("deviceSentMessage") else message
    covers, expected = covers_of(whole), _expected(unwrap(whole))
    if not covers.isdisjoint(_OPENED_BY_ONE):
        return replace(expected, loose=True)
    return expected if covers <= _OPENED_FOR_META else replace(expected, meta=None)


def _expected(bare: Message) -> Outside:
    for field, part in bare.ListFields():
        if (kind := _KINDS.get(field.name)) is not None:
            return kind(part) if callable(kind) else kind
    return _UNKNOWN
