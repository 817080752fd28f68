"""The port to WhatsApp: what we ask of an engine, what it tells and asks us. Pure types, no I/O.

An *engine* (`gateway_worker.whatsapp.baileys`) opens *connections*. A connection has no policy and no state: it does
not retry, reconnect or store. Everything durable it needs it asks of its *owner* (`gateway_worker.connections`), which
answers from PostgreSQL.

Errors an engine raises::

    EngineError                 the base; `retryable` says if the same call may succeed later on a new connection
    ├── NotConnected            there is no open connection (any more); nothing has left
    ├── OutcomeUnknown          the stanza left, or may have left, and no acknowledgement came
    ├── Refused                 WhatsApp's server refused it, with a code of its own
    ├── UploadFailed            WhatsApp's media host did not take a file
    ├── NotOnPhone              the phone does not have the file of a message any more
    ├── RecipientUnknown        the number is not on WhatsApp
    └── StoreRefused            a write of the owner failed or was fenced off; the connection has been closed
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from gateway_worker.whatsapp.files import FileClass, FileMessage, FileReference, Repetition
from gateway_worker.whatsapp.groups import GroupNews, Groups
from gateway_worker.whatsapp.remote_files import FileRequest, RemoteFile
from schemas.content import Content, Media, Text
from schemas.names import SessionId


class EngineError(Exception):
    """Something an engine could not do."""

    retryable = False


class NotConnected(EngineError):  # noqa: N818 (reads as the fact it is)
    """No open connection: nothing has left for WhatsApp."""

    retryable = True


class OutcomeUnknown(EngineError):  # noqa: N818 (reads as the fact it is)
    """The stanza may have reached WhatsApp, only its acknowledgement is missing. Safe to repeat under the same id."""

    retryable = True


class StoreRefused(EngineError):  # noqa: N818 (reads as the fact it is)
    """The owner's store failed or fenced the write; the engine has closed the connection and forgotten its memory."""

    retryable = True


class Refused(EngineError):  # noqa: N818 (reads as the fact it is)
    """WhatsApp's server refused a stanza.

    Args:
        code: WhatsApp's own code, e.g. ``"463"`` (restricted, or no privacy token for a new contact).
        text: WhatsApp's words, when it sent any.
    """

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(f"refused by WhatsApp with {code}")
        self.code = code
        self.text = text


class RecipientUnknown(EngineError):  # noqa: N818 (reads as the fact it is)
    """The recipient's number is not on WhatsApp."""


class UploadFailed(EngineError):  # noqa: N818 (reads as the fact it is)
    """WhatsApp's media host did not take a file; it may the next time."""

    retryable = True


class NotOnPhone(EngineError):  # noqa: N818 (reads as the fact it is)
    """The phone does not have the file of a message (any more), or will not give it."""


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
    PAIRING_TIMEOUT = "pairing_timeout"  # 408 before login: the last QR or code ran out
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
    """After the scan WhatsApp asked for a passkey ceremony that we cannot perform yet."""


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
class Disconnected:
    """The connection is over. Always the last fact of a connection, exactly once.

    `detail` is WhatsApp's or Baileys' words, bounded to 300 characters and free of keys and contents.
    """

    cause: Cause
    code: int | None = None
    detail: str = ""


class ReceiptKind(StrEnum):
    """What a receipt stanza says of our message."""

    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"


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
class SendFailed:
    """WhatsApp's server refused a message after its acknowledgement, or outside of a pending `send`."""

    message_id: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallArrived:
    """Somebody calls, or called while we were away. `rejected`: the engine declines it now.

    `jid` (PN where it is known), `lid` and `phone` are the caller's; `group` is the group's JID in a group call;
    `timestamp` in Unix seconds.
    """

    call_id: str
    jid: str
    lid: str | None
    phone: str | None
    video: bool
    group: str | None
    rejected: bool
    timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceChanged:
    """What somebody does just now. Told as it comes, never again; `last_seen` in Unix seconds, where it is shown."""

    chat: str
    state: "PresenceState"
    participant: str | None = None
    last_seen: int | None = None


Fact = (
    QrCode
    | PairingCode
    | PasskeyRequired
    | Paired
    | Connected
    | Disconnected
    | ReceiptArrived
    | CallArrived
    | PresenceChanged
    | ReceiptsArrived
    | GroupNews
    | SendFailed
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who wrote a message, in whichever addressing it used; JIDs without a device number, `phone` E.164 with ``+``."""

    jid: str
    lid: str | None = None
    phone: str | None = None
    push_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMessage:
    """A message as a backend sees it.

    Attributes:
        message_id: WhatsApp's id.
        chat: the JID of the chat: PN JID of the other side where it is known, else its LID; group JID in groups.
        timestamp: Unix seconds, WhatsApp's clock.
        content: one of the kinds of the contract, `Unsupported` included.
        quoted_id: WhatsApp id of the quoted message.
        mentions: mentioned JIDs.
        view_once: WhatsApp's clients show it once only.
        file: where its file lies, of the kinds that have one.
    """

    message_id: str
    chat: str
    sender: Sender
    from_me: bool
    is_group: bool
    timestamp: int
    content: Content
    quoted_id: str | None = None
    mentions: Sequence[str] = ()
    forwarded: bool = False
    view_once: bool = False
    file: RemoteFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """The message has another content now."""

    content: Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """The message was deleted for everyone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reacted:
    """Somebody reacted; an empty `emoji` takes it back."""

    emoji: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Voted:
    """Somebody voted in a poll: everything chosen now; None when the poll is not stored here."""

    options: Sequence[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedChange:
    """Something that happened to an earlier message, told by a message of its own.

    Attributes:
        message_id: WhatsApp's id of the telling message.
        about: WhatsApp's id of the earlier one.
        chat, sender, from_me, is_group, timestamp: as in `ReceivedMessage`, of the telling message.
    """

    message_id: str
    about: str
    chat: str
    sender: Sender
    from_me: bool
    is_group: bool
    timestamp: int
    change: Edited | Revoked | Reacted | Voted


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryKey:
    """Names one encrypted part (``enc``) of one incoming stanza."""

    chat: str
    sender: str  # with the device number
    message_id: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A decrypted part, to be stored with the ratchet that decrypted it.

    Attributes:
        plaintext: the serialised WAProto `Message` (unpadded); empty where WhatsApp had none for us.
        message: what a backend sees; None for key shares, history, app state …
        unprocessed: the engine has still to act on it, after it has confirmed it.
    """

    key: EntryKey
    plaintext: bytes
    message: ReceivedMessage | ReceivedChange | None
    unprocessed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """An `Entry` as it was stored."""

    key: EntryKey
    plaintext: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PastMessage:
    """A message that the phone had before this device was linked.

    Attributes:
        entry: its WAProto, for quotes, forwards and files.
        message: what a backend sees.
        status: of one of ours, as far as the phone knows (``sent``, ``delivered``, ``read``, ``played``).
        order: tells it from others of the same second: they follow each other.
    """

    entry: StoredEntry
    message: ReceivedMessage
    status: str | None
    order: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """A part of the history is complete. `progress` in percent; `chats` and `messages` are those of this part."""

    progress: int
    chats: int
    messages: int
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPart:
    """A slice of a part of the phone's history; with the last slice `synced`, and what it makes `processed`."""

    messages: Sequence[PastMessage] = ()
    synced: Synced | None = None
    processed: Sequence[str] = ()


KeyId = tuple[str, str]  # (kind, id), e.g. ("session", "1234_1.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What must become durable in one transaction before the engine goes on (before wire, before receipt).

    Attributes:
        credentials: the whole credentials blob, when it changed; never of a device that is not paired.
        keys: Signal and app-state keys; None removes. Values are opaque bytes.
        entries: decrypted parts of incoming messages.
        sent: message id → serialised WAProto `Message` of an outgoing message, for later resends and quotes; once for
            each time it was encrypted to be sent.
        processed: ids of messages that the engine has acted on, whose entries were stored as unprocessed.
    """

    credentials: bytes | None = None
    keys: Mapping[KeyId, bytes | None] = field(default_factory=dict[KeyId, bytes | None])
    entries: Sequence[Entry] = ()
    sent: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    processed: Sequence[str] = ()


class Owner(Protocol):
    """What a connection tells and asks the one who opened it. Calls for one connection may overlap, except `tell`."""

    async def tell(self, fact: Fact) -> None:
        """A fact, in order, one at a time. Returns when it is stored (or has been acted on)."""
        ...

    async def load_keys(self, kind: str, ids: Sequence[str]) -> Mapping[str, bytes]:
        """Stored keys; ids that are not stored are missing from the answer."""
        ...

    async def load_entry(self, key: EntryKey) -> bytes | None:
        """The plaintext of an `Entry` stored earlier (a redelivered stanza must not touch the ratchet again)."""
        ...

    async def load_unprocessed(self) -> Sequence[StoredEntry]:
        """What an earlier connection confirmed and did not live to act on, oldest first; asked after each login."""
        ...

    async def load_message(self, message_id: str) -> bytes | None:
        """The serialised WAProto `Message` of a stored message, either direction (resend, quote)."""
        ...

    async def commit(self, changes: Changes) -> None:
        """Make `changes` durable, atomically, under the owner's epoch. Raises when refused: the engine then closes."""
        ...

    async def store_history(self, part: HistoryPart) -> None:
        """Make a slice of the history durable, as `commit` does. It may come again after a crash."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    """How to open a connection.

    Attributes:
        session_id: the session it belongs to.
        credentials: the stored blob, None for a device that is not paired.
        pair_with: digits of the phone to pair with by code; None pairs by QR. Ignored when credentials are paired.
        mark_online: appear online to contacts.
        read_receipts: tell senders that messages were read on `mark_read`.
        reject_calls: decline incoming calls.
        history: ``"none"`` or ``"recent"``.
        proxy: ``http(s)://`` address, or None.
    """

    session_id: SessionId
    credentials: bytes | None
    pair_with: str | None = None
    mark_online: bool = False
    read_receipts: bool = True
    reject_calls: bool = False
    history: str = "none"
    proxy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A stored message that an outgoing one is about: the one it quotes, edits, revokes, reacts to or forwards.

    `plaintext` is its serialised WAProto `Message`; only quoting and forwarding need it.
    """

    message_id: str
    sender: str
    from_me: bool
    plaintext: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Another text for the original."""

    content: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """Delete the original for everyone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """React to the original; an empty `emoji` takes the reaction back."""

    emoji: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarding:
    """The original itself, marked as forwarded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """A message to send. `to` is a JID (PN, LID or group); `message_id` is ours and the same at every try."""

    message_id: str
    to: str
    content: Content | FileMessage | Edit | Revocation | Reaction | Forwarding | Repetition
    original: Original | None = None  # with a `Content`: the message it quotes
    mentions: Sequence[str] = ()
    view_once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """WhatsApp's server has the message. `timestamp` in Unix seconds, WhatsApp's clock."""

    timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRef:
    """Names a message for a receipt. `participant` only in groups."""

    message_id: str
    chat: str
    participant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactCheck:
    """Whether a number is on WhatsApp. `phone` as asked (E.164 with ``+``)."""

    phone: str
    exists: bool
    jid: str | None = None
    lid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A profile picture: where it is, or why there is none. `hidden`: it is not for us."""

    id: str | None = None
    url: str | None = None
    hidden: bool = False


class PresenceState(StrEnum):
    """What a chat sees of us, or we of it."""

    TYPING = "typing"
    RECORDING = "recording"
    PAUSED = "paused"
    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"


class Connection(Protocol):
    """One live socket of a session. Every call raises `NotConnected` once the connection is over."""

    @property
    def groups(self) -> Groups:
        """What is asked about groups."""
        ...

    async def send(self, message: OutgoingMessage) -> Acknowledged:
        """Send; returns when WhatsApp's server acknowledged it, never earlier.

        Raises:
            Refused, RecipientUnknown, NotConnected: nothing more will happen with this try.
            OutcomeUnknown: it may have left (no acknowledgement in 20 s, or the connection ended in between).
            StoreRefused: a key write was refused; nothing has left.
        """
        ...

    async def upload(self, path: Path, file_class: FileClass) -> FileReference:
        """Encrypt the file at `path` (beside it, under the same name with another ending) and upload it.

        Raises:
            UploadFailed, NotConnected: it is not there.
        """
        ...

    async def holds(self, reference: FileReference) -> bool:
        """Whether WhatsApp's media host still gives out what was uploaded there."""
        ...

    async def ask_for_file(self, request: FileRequest) -> str:
        """Have the file of a message put at WhatsApp again; answers its new path. A phone that is off never answers.

        Raises:
            NotOnPhone: nobody has it any more.
            NotConnected: the connection is over.
        """
        ...

    async def file_in(self, plaintext: bytes) -> tuple[RemoteFile, Media] | None:
        """The file of a serialised WAProto `Message` and what is said of it; None when there is none."""
        ...

    async def mark_read(self, messages: Sequence[MessageRef]) -> None:
        """Send read receipts."""
        ...

    async def send_presence(self, to: str, state: PresenceState) -> None:
        """Tell a chat (or, for available / unavailable, everyone) what we do."""
        ...

    async def check_contacts(self, phones: Sequence[str]) -> Sequence[ContactCheck]:
        """Which of these E.164 numbers are on WhatsApp."""
        ...

    async def get_picture(self, jid: str, *, preview: bool) -> Picture:
        """The picture of a person or a group. Raises RecipientUnknown, and Refused for what WhatsApp does not like."""
        ...

    async def subscribe_presence(self, jid: str) -> None:
        """Have `PresenceChanged` told of a person, as long as this connection lives."""
        ...

    async def logout(self) -> None:
        """Unlink this device at WhatsApp; the connection ends with `Cause.LOGGED_OUT` or `REQUESTED`."""
        ...

    async def close(self) -> None:
        """Close the socket; `Disconnected(REQUESTED)` is told before this returns."""
        ...


class Engine(Protocol):
    """Opens connections. Runs as a service of the worker."""

    async def open(self, request: OpenRequest, owner: Owner) -> Connection:
        """Open a socket for a session; facts follow through `owner.tell`.

        Raises:
            EngineError: no process is available to hold it, or the session is already open here.
        """
        ...
