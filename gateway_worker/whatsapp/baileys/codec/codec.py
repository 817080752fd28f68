"""From the port's words to the bridge's JSON, and what a failed call means. Pure."""

from dataclasses import asdict
from typing import Any

from gateway_worker.whatsapp.baileys.channel.errors import CallFailed
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
    StateUnreadable,
    StoreRefused,
    UploadFailed,
)
from gateway_worker.whatsapp.files import FileMessage, Repetition
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
from gateway_worker.whatsapp.vcards import card_text, display_name
from schemas.content.content import (
    Contacts,
)


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
        "mentions_all": message.mentions_all,
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
        case "state_unreadable":
            return StateUnreadable("the phone has not shared the key of the app state")
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
