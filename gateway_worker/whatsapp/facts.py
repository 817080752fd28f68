"""What a connection tells its owner, in order and one at a time. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gateway_worker.whatsapp.account import ProfileReported
from gateway_worker.whatsapp.groups import GroupNotification
from gateway_worker.whatsapp.people import ContactsReported, PresenceState
from gateway_worker.whatsapp.timers import TimersReported
from schemas.events.contacts import CallOutcome


class Cause(StrEnum):
    """Why a connection ended, in our words; the number WhatsApp or Baileys gave travels in `Disconnected.code`."""

    RESTART_REQUIRED = "restart_required"  # 515: normal after pairing, open again at once
    LOGGED_OUT = "logged_out"  # 401: unlinked from the phone, or the credentials are void
    BANNED = "banned"  # 403: the account is restricted
    REPLACED = "replaced"  # 440: somebody else uses our credentials: an ownership alarm
    OUTDATED = "outdated"  # 405: the web version is too old
    UNAVAILABLE = "unavailable"  # 503
    CLOSED = "closed"  # 428: the socket closed
    LOST = "lost"  # 408 after login: no answer any more
    PAIRING_FORGED = "pairing_forged"  # what is said to be the phone's answer is not signed as the phone would
    PAIRING_TIMEOUT = "pairing_timeout"  # 408 before login: the last QR or code ran out
    PASSKEY_EXPIRED = "passkey_expired"  # nobody used the passkey, or compared the code, in time
    PASSKEY_REFUSED = "passkey_refused"  # WhatsApp refused a step of the passkey ceremony, with its code
    PASSKEY_UNANSWERED = "passkey_unanswered"  # the assertion was taken, and the phone did not go on
    CODE_DIFFERS = "code_differs"  # the phone does not show our code: somebody stands in between
    BAD_SESSION = "bad_session"  # 500
    UNTRUSTED = "untrusted"  # 400: the Noise certificate is not signed by the trusted root
    STORE_FAILED = "store_failed"  # a write of ours failed or was fenced; closed by the bridge itself
    BRIDGE_DIED = "bridge_died"  # the process that held the socket is gone
    REQUESTED = "requested"  # we closed it
    UNKNOWN = "unknown"  # anything else, with its code


@dataclass(frozen=True, slots=True, kw_only=True)
class QrCode:
    """A QR to be scanned. `expires_in` seconds until WhatsApp rotates it."""

    text: str
    expires_in: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingCode:
    """Eight characters to be typed on the phone. `expires_in` in seconds."""

    code: str
    expires_in: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRequired:
    """After the scan WhatsApp asks for a passkey: by WebAuthn's request options, for `expires_in` seconds."""

    options: Mapping[str, Any]
    expires_in: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyCode:
    """WhatsApp took the assertion; a person has to see that the phone shows this code (XXXX-XXXX).

    `expires_in` in seconds.
    """

    code: str
    expires_in: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The phone linked this device; WhatsApp will close with 515 now. JIDs carry the device number."""

    jid: str
    lid: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """Logged in and ready. `phone` is E.164 with ``+``; `jid`, `lid` without a device number."""

    phone: str
    jid: str
    lid: str | None
    push_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """After `Connected`: what the account calls itself is known only now, or was changed on the phone."""

    push_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnected:
    """The connection is over. Always the last fact of a connection, exactly once.

    `detail` is WhatsApp's or Baileys' words, bounded to 300 characters and free of keys and contents.
    """

    cause: Cause
    code: int | None = None
    detail: str = ""


class ReceiptKind(StrEnum):
    """What a receipt stanza says of messages: of ours, but for the last."""

    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    READ_ELSEWHERE = "read_elsewhere"  # messages of others, by another device of the account


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptArrived:
    """A receipt for messages of ours. `timestamp` in Unix seconds; `participant` only in groups."""

    message_ids: Sequence[str]
    chat: str
    kind: ReceiptKind
    timestamp: int
    participant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptsArrived:
    """Receipts that came in a row, of a group's participants for instance: what can be stored at once."""

    receipts: Sequence[ReceiptArrived]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChatsTimed:
    """Messages of the account's new chats go after so many `seconds`, 0: they stay. Told once its chats are known."""

    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SendFailed:
    """WhatsApp's server refused a message after its acknowledgement, or outside of a pending `send`."""

    message_id: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallArrived:
    """Somebody calls, or called while we were away. `rejected`: the engine declines it now.

    `jid` (PN where it is known), `lid` and `phone` are the caller's; `group` is the group's JID in a group call;
    `timestamp` in Unix seconds; `creator` is how WhatsApp names the caller in this call.
    """

    call_id: str
    jid: str
    lid: str | None
    phone: str | None
    video: bool
    group: str | None
    rejected: bool
    timestamp: int
    creator: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded:
    """A call rings no longer. The caller and `group` as in `CallArrived`; `seconds`: how long people talked."""

    call_id: str
    jid: str
    lid: str | None
    phone: str | None
    group: str | None
    outcome: CallOutcome
    seconds: int | None
    timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceChanged:
    """What somebody does just now. Told as it comes, never again; `last_seen` in Unix seconds, where it is shown."""

    chat: str
    state: PresenceState
    participant: str | None = None
    last_seen: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FactUnreadable:
    """The engine told something that we could not read.

    Attributes:
        fact: what it calls it.
        detail: the class of our error, or what the engine says of it.
        payload: what it said.
    """

    fact: str
    detail: str
    payload: Mapping[str, Any] = field(repr=False)


Fact = (
    QrCode
    | PairingCode
    | PasskeyRequired
    | PasskeyCode
    | Paired
    | Connected
    | Named
    | Disconnected
    | ReceiptArrived
    | CallArrived
    | CallEnded
    | PresenceChanged
    | ReceiptsArrived
    | GroupNotification
    | ContactsReported
    | ProfileReported
    | TimersReported
    | NewChatsTimed
    | SendFailed
    | FactUnreadable
)
