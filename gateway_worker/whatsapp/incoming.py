"""Messages that come in, as a backend sees them, and as they are stored. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway_worker.whatsapp.incoming_changes import Change
from gateway_worker.whatsapp.remote_files import RemoteFile
from gateway_worker.whatsapp.timers import Timer
from schemas.content.content import Content, SetAsideReason
from schemas.content.flags import UNMARKED, Flags
from schemas.content.references import Ad, Association


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who wrote a message, in whichever addressing it used; JIDs without a device number, `phone` E.164 with ``+``.

    `verified_name` is a business's.
    """

    jid: str
    lid: str | None = None
    phone: str | None = None
    push_name: str | None = None
    verified_name: str | None = None


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
        flags, ad, association, wrappers: as in `MessageReceived` of the contract.
        file: where its file lies, of the kinds that have one.
        timer: of its chat, as the sender's client knows it; None where the message does not speak of it.
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
    flags: Flags = UNMARKED
    ad: Ad | None = None
    association: Association | None = None
    wrappers: Sequence[str] = ()
    file: RemoteFile | None = None
    timer: Timer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedChange:
    """Something that happened to an earlier message, told by a message of its own.

    Attributes:
        message_id: WhatsApp's id of the telling message.
        about: WhatsApp's id of the earlier one.
        chat, sender, from_me, is_group, timestamp: as in `ReceivedMessage`, of the telling message.
        author: the JID of whose message the earlier one is, as the telling one says; empty: ours; None: unsaid.
        by_admin: the sender is an admin of the group now.
    """

    message_id: str
    about: str
    chat: str
    sender: Sender
    from_me: bool
    is_group: bool
    timestamp: int
    change: Change
    author: str | None = None
    by_admin: bool = False


Arrived = ReceivedMessage | ReceivedChange


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerChanged:
    """Somebody has set the timer of a chat, told by a message of its own.

    `message_id`, `chat`, `sender`, `from_me`, `is_group` and `timestamp` as in `ReceivedMessage`.
    """

    message_id: str
    chat: str
    sender: Sender
    from_me: bool
    is_group: bool
    timestamp: int
    timer: Timer


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A message of which nobody knows what it says: it could not be described, or must not be touched any more.

    Attributes:
        message_id, chat, sender, from_me, is_group, timestamp: as in `ReceivedMessage`, as far as they could be told.
        reason: why.
        detail: the class of the error, or the like; nothing of the message.
        payload: what the engine said of it, where it did.
        is_encrypted: nobody has decrypted it: the plaintext of its entry is what WhatsApp sent.
    """

    message_id: str
    chat: str
    sender: Sender
    from_me: bool
    is_group: bool
    timestamp: int
    reason: SetAsideReason
    detail: str
    payload: Mapping[str, Any] | None = field(default=None, repr=False)
    is_encrypted: bool = False


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
        opened: it was told before, as a change that is sealed; now it is known what it says.
    """

    key: EntryKey
    plaintext: bytes
    message: ReceivedMessage | ReceivedChange | TimerChanged | Unreadable | None
    unprocessed: bool = False
    opened: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """An `Entry` as it was stored."""

    key: EntryKey
    plaintext: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOriginal:
    """A stored message that a new one is about.

    Attributes:
        plaintext: its serialised WAProto `Message`.
        authors: all JIDs that are known of who wrote it.
        from_me: this account did.
        options: of a poll, as it is now.
    """

    plaintext: bytes = field(repr=False)
    authors: Sequence[str]
    from_me: bool
    options: Sequence[str] = field(default=(), repr=False)
