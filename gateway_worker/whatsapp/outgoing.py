"""Messages that go out, and what is said of others in going out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway_worker.whatsapp.files import FileMessage, Repetition
from gateway_worker.whatsapp.timers import Timer
from schemas.content.content import Contacts, PlainLocation, PlainText, Poll
from schemas.content.flags import SENT_UNMARKED, SendFlags

PlainContent = PlainText | PlainLocation | Contacts | Poll


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A stored message that an outgoing one is about: the one it quotes, edits, revokes, reacts to or forwards.

    Only quoting, forwarding and editing a caption need `plaintext`, its serialised WAProto `Message`, and `edited`,
    what its text or caption has become since.
    """

    message_id: str
    sender: str
    from_me: bool
    plaintext: bytes | None
    edited: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Another text for the original, or for its caption where it has one."""

    content: PlainText


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """Delete the original for everyone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """React to the original; an empty `emoji` takes the reaction back."""

    emoji: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """Have the original stand at the top of its chat for so many seconds; None: no longer."""

    seconds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """Choose these options of the original, a poll, and no others; its plaintext has the secret that this needs."""

    options: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarding:
    """The original itself, marked as forwarded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerSetting:
    """Not a message to be read: the chat has another timer from now on. For chats with a person."""

    timer: Timer


Change = Edit | Revocation | Reaction | Pin | Vote
"""What is done to the original."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """A message to send. `to` is a JID (PN, LID or group); `message_id` is ours and the same at every try.

    `mentions_all`: everybody in the group is mentioned.

    `timer` tells when it disappears; None: as the chat's timer is, where the engine knows that.
    """

    message_id: str
    to: str
    content: PlainContent | FileMessage | Change | Forwarding | TimerSetting | Repetition
    original: Original | None = None  # with a content of the contract's: the message it quotes
    mentions: Sequence[str] = ()
    mentions_all: bool = False
    flags: SendFlags = SENT_UNMARKED
    timer: Timer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """A message of ours to be sent again: its WAProto `Message` as it was, and what its text or caption is now."""

    plaintext: bytes = field(repr=False)
    edited: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """WhatsApp's server has the message.

    Attributes:
        timestamp: Unix seconds, WhatsApp's clock.
        wire_seconds: from its encryption to the acknowledgement: the store's part, the wire, and WhatsApp's.
    """

    timestamp: int
    wire_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRef:
    """Names a message for a receipt. `participant` only in groups."""

    message_id: str
    chat: str
    participant: str | None = None
