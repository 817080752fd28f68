"""From the bridge's JSON to the port's words and back. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from gateway_worker.whatsapp.baileys.channel.errors import CallFailed
from gateway_worker.whatsapp.baileys.codec.attachments import remote_file_of
from gateway_worker.whatsapp.baileys.codec.changes import change_of
from gateway_worker.whatsapp.baileys.codec.contents import content_of, references_of
from gateway_worker.whatsapp.baileys.codec.files import file_args
from gateway_worker.whatsapp.card_lines import Budget
from gateway_worker.whatsapp.errors import (
    EngineError,
    KeysInvalid,
    NotAdmin,
    NotConnected,
    NotForwardable,
    NotOnPhone,
    NotPairing,
    OutcomeUnknown,
    PasskeyUnanswered,
    RecipientUnknown,
    Refused,
    StoreRefused,
    UploadFailed,
)
from gateway_worker.whatsapp.facts import (
    CallArrived,
    Cause,
    Connected,
    Disconnected,
    Fact,
    Named,
    Paired,
    PairingCode,
    PasskeyCode,
    PasskeyRequired,
    PresenceChanged,
    QrCode,
    ReceiptArrived,
    ReceiptKind,
    SendFailed,
)
from gateway_worker.whatsapp.files import FileMessage, Repetition
from gateway_worker.whatsapp.incoming import EntryKey, ReceivedChange, ReceivedMessage, Sender, TimerChanged
from gateway_worker.whatsapp.outgoing import (
    Change,
    Edit,
    Forwarding,
    OutgoingMessage,
    Pin,
    PlainContent,
    Reaction,
    Revocation,
    TimerSetting,
    Vote,
)
from gateway_worker.whatsapp.people import ContactReport, ContactsReported, PresenceState
from gateway_worker.whatsapp.timers import ReportedChatTimer, Timer, TimersReported
from gateway_worker.whatsapp.vcards import card_text, display_name
from schemas.content.content import (
    MEDIA_KINDS,
    Contacts,
)
from schemas.content.flags import Flags

MAX_MENTIONS: Final = 1_024  # more than a group has members


def fact_of(payload: Mapping[str, Any]) -> Fact:  # noqa: C901, PLR0911, PLR0912 (one line per fact reads best)
    """A fact as the bridge tells it.

    Raises:
        ValueError: the bridge speaks of something we do not know.
    """
    match payload["fact"]:
        case "qr":
            return QrCode(text=payload["text"], expires_in=payload["expires_in"])
        case "pairing_code":
            return PairingCode(code=payload["code"], expires_in=payload["expires_in"])
        case "passkey_required":
            return PasskeyRequired(options=json.loads(payload["options"]), expires_in=payload["expires_in"])
        case "passkey_confirm":
            return PasskeyCode(code=payload["code"], expires_in=payload["expires_in"])
        case "paired":
            return Paired(jid=payload["jid"], lid=payload["lid"])
        case "connected":
            return Connected(
                phone=payload["phone"] or "", jid=payload["jid"], lid=payload["lid"], push_name=payload["push_name"]
            )
        case "named":
            return Named(push_name=payload["push_name"])
        case "disconnected":
            return Disconnected(cause=Cause(payload["cause"]), code=payload["code"], detail=payload["detail"])
        case "receipt":
            return ReceiptArrived(
                message_ids=payload["message_ids"],
                chat=payload["chat"],
                kind=ReceiptKind(payload["kind"]),
                timestamp=payload["timestamp"],
                participant=payload["participant"],
            )
        case "contacts":
            return ContactsReported(
                contacts=[ContactReport(**each) for each in payload["contacts"]], from_before=payload["from_before"]
            )
        case "timers":
            return TimersReported(timers=chat_timers_of(payload["timers"]))
        case "send_failed":
            return SendFailed(message_id=payload["message_id"], code=payload["code"])
        case "call":
            return CallArrived(
                call_id=payload["call_id"],
                **payload["caller"],
                video=payload["is_video"],
                group=payload["group"],
                rejected=payload["is_rejected"],
                timestamp=payload["timestamp"],
            )
        case "presence":
            return PresenceChanged(
                chat=payload["chat"],
                participant=payload["participant"],
                state=PresenceState(payload["state"]),
                last_seen=payload["last_seen"],
            )
        case other:
            raise ValueError(f"the bridge told an unknown fact {other!r}")


def merged(first: ReceiptArrived, second: ReceiptArrived) -> ReceiptArrived | None:
    """Two receipts that differ in nothing but their messages, as one; None when they are not that."""
    same = (first.chat, first.kind, first.timestamp, first.participant)
    if same != (second.chat, second.kind, second.timestamp, second.participant):
        return None
    return ReceiptArrived(
        message_ids=[*first.message_ids, *second.message_ids],
        chat=first.chat,
        kind=first.kind,
        timestamp=first.timestamp,
        participant=first.participant,
    )


def entry_key_of(payload: Mapping[str, Any]) -> EntryKey:
    """The name of a decrypted part."""
    return EntryKey(
        chat=payload["chat"], sender=payload["sender"], message_id=payload["message_id"], index=payload["index"]
    )


def framed_entry_key(key: EntryKey) -> dict[str, str | int]:
    """The same, as the bridge reads it."""
    return {"chat": key.chat, "sender": key.sender, "message_id": key.message_id, "index": key.index}


def message_of(payload: Mapping[str, Any] | None) -> ReceivedMessage | ReceivedChange | TimerChanged | None:
    """What a backend sees of a message, if anything.

    Raises:
        Exception: of any kind, when it is not what we expect, or the bridge itself has set it aside.
    """
    if payload is None:
        return None
    if "set_aside" in payload:
        raise ValueError("the bridge has set it aside")
    sender = payload["sender"]
    common: dict[str, Any] = {
        "message_id": payload["message_id"],
        "chat": payload["chat"],
        "sender": Sender(**sender),
        "from_me": payload["from_me"],
        "is_group": payload["is_group"],
        "timestamp": payload["timestamp"],
    }
    if (change := payload.get("change")) is not None:
        return ReceivedChange(
            **common,
            about=change["about"],
            change=change_of(change, content_of),
            author=change["author"],
            by_admin=change["by_admin"],
        )
    timer = payload.get("timer")
    if payload.get("sets_timer"):
        return TimerChanged(**common, timer=Timer(**payload["timer"]))
    content = content_of(payload["content"])
    return ReceivedMessage(
        **common,
        content=content,
        quoted_id=payload["quoted_id"],
        mentions=payload["mentions"][:MAX_MENTIONS],
        flags=Flags(**{name: payload["flags"][name] or None for name in Flags.model_fields}),
        **references_of(payload),
        file=remote_file_of(payload["content"]) if content.kind in MEDIA_KINDS else None,
        timer=None if timer is None else Timer(**timer),
    )


def chat_timers_of(payload: Sequence[Mapping[str, Any]]) -> Sequence[ReportedChatTimer]:
    """Timers of chats."""
    return [ReportedChatTimer(chat=each["chat"], timer=Timer(**each["timer"])) for each in payload]


def outgoing_args(message: OutgoingMessage) -> tuple[dict[str, Any], list[bytes]]:
    """The arguments and blobs of `send`."""
    original = message.original
    blobs = [] if original is None or original.plaintext is None else [original.plaintext]
    if isinstance(message.content, Repetition):
        blobs = [message.content.plaintext]
    args = {
        "message_id": message.message_id,
        "to": message.to,
        "content": _content_args(message.content),
        "mentions": list(message.mentions),
        "flags": dict(message.flags),
        "timer": None if message.timer is None else asdict(message.timer),
        "original": None
        if original is None
        else {
            "message_id": original.message_id,
            "sender": original.sender,
            "from_me": original.from_me,
            "edited": original.edited,
        },
    }
    return args, blobs


def _content_args(
    content: PlainContent | FileMessage | Change | Forwarding | TimerSetting | Repetition,
) -> dict[str, Any]:
    """Contacts go as vCards; everything else as it stands, by `kind`."""
    match content:
        case Contacts():
            budget = Budget()
            cards = [{"name": display_name(card, budget), "vcard": card_text(card)} for card in content.contacts]
            return {"kind": "contacts", "cards": cards}
        case Forwarding():
            return {"kind": "forwarding"}
        case TimerSetting():
            return {"kind": "timer", "timer": asdict(content.timer)}
        case Repetition():
            return {"kind": "repetition"}
        case FileMessage():
            return file_args(content)
        case _:
            return _change_args(content)


def _change_args(content: PlainContent | Change) -> dict[str, Any]:
    match content:
        case Edit():
            return {"kind": "edit", "content": _change_args(content.content)}
        case Revocation():
            return {"kind": "revocation"}
        case Reaction():
            return {"kind": "reaction", "emoji": content.emoji}
        case Pin():
            return {"kind": "pin", "seconds": content.seconds}
        case Vote():
            return {"kind": "vote", "options": list(content.options)}
        case _:
            return content.model_dump(mode="json", by_alias=False)


def error_of(failure: CallFailed) -> EngineError:  # noqa: C901, PLR0911, PLR0912 (one line an error)
    """A failed call, as the port's error."""
    match failure.kind:
        case "not_connected":
            return NotConnected("the connection is over")
        case "outcome_unknown":
            return OutcomeUnknown("no acknowledgement came")
        case "store_refused":
            return StoreRefused("a key write was refused")
        case "upload_failed":
            return UploadFailed(f"the media host did not take the file: {failure.details.get('name', '')}")
        case "not_pairing":
            return NotPairing("no such step of a pairing is due")
        case "passkey_unanswered":
            return PasskeyUnanswered("WhatsApp did not answer to the passkey")
        case "not_on_phone":
            return NotOnPhone("the phone does not have the file")
        case "not_forwardable":
            return NotForwardable(whatsapp_type=failure.details.get("type"))
        case "not_admin":
            return NotAdmin("only admins of the group may do that")
        case "keys_invalid":
            return KeysInvalid(str(failure.details.get("reason", "")))
        case "recipient_unknown":
            return RecipientUnknown("the number is not on WhatsApp")
        case "refused":
            return Refused(str(failure.details.get("code", "")), str(failure.details.get("text", "")))
        case other:
            return EngineError(f"the bridge failed with {other} {failure.details.get('name', '')}".rstrip())
