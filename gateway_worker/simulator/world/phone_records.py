"""What a phone keeps: messages, what was done to them later, and who said what of them. Plain values. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum

from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message, MessageKey
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.jids import GROUP_SERVER, parse_jid

TIMERS = (0, 86_400, 604_800, 7_776_000)
"""What WhatsApp offers: messages stay, or go after a day, a week, 90 days."""


@dataclass(slots=True, kw_only=True)
class Receipt:
    """What one device said of a message that this person sent."""

    device: str
    type: str
    timestamp: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFile:
    """The file of a message, as the phone found it when it fetched and decrypted it."""

    size: int = 0
    sha256: str = ""
    """Of the decrypted file, as hex."""
    error: str = ""
    """Why there is none."""


class ChangeKind(StrEnum):
    """What was done to an earlier message."""

    EDIT = "edit"
    REVOKE = "revoke"
    REACTION = "reaction"
    VOTE = "vote"
    COMMENT = "comment"
    RESPONSE = "response"
    PIN = "pin"
    KEEP = "keep"


@dataclass(slots=True, kw_only=True)
class Change:
    """Something done to an earlier message, by a message of its own."""

    kind: ChangeKind
    message_id: str
    target: str
    """Id of the earlier message."""
    chat: str
    sender: str
    own: bool
    device: int
    timestamp: float
    message: Message
    """As it was sent, for resends."""
    edited: Message | None = None
    """What the earlier message says now; of a comment, what it says."""
    emoji: str = ""
    """A reaction; empty: taken back."""
    options: list[str] = field(default_factory=list[str])
    """A vote; empty: taken back."""
    response: str = ""
    """To an invitation: `going`, `not_going` or `maybe`."""
    stays: bool = False
    """It is pinned, or kept; or not any more."""
    refused: str = ""
    """Why it has no effect: nobody may do that to this message, or the message is not here."""
    copies: int = 1


@dataclass(slots=True, kw_only=True)
class Kept:
    """A message on a phone: received, sent, or copied from an own companion."""

    message_id: str
    chat: str
    sender: str
    """Bare JID."""
    own: bool
    device: int
    """Number of the device that sent it."""
    timestamp: float
    message: Message
    copies: int = 1
    receipts: list[Receipt] = field(default_factory=list[Receipt])
    read: bool = False
    stanza: Node | None = None
    """How a received one arrived: receipts answer it."""
    file: FetchedFile | None = None
    """Of a message that came to the phone; its own files it need not fetch."""
    not_understood: list[str] = field(default_factory=list[str])
    """What of it names people in another way than its chat does: see `strictness.misnamed`."""
    changes: list[Change] = field(default_factory=list[Change])
    """What took effect on it, oldest first."""

    @property
    def key(self) -> MessageKey:
        """How it is named to others in its chat."""
        key = MessageKey(remoteJid=self.chat, fromMe=self.own, id=self.message_id)
        if parse_jid(self.chat).server == GROUP_SERVER:
            key.participant = self.sender
        return key


@dataclass(slots=True, kw_only=True)
class Call:
    """A call that this person made."""

    call_id: str
    to: str
    video: bool
    state: str
    """`ringing`, `rejected` or `ended`."""
    timestamp: float


@dataclass(slots=True, kw_only=True)
class ChatState:
    """Somebody types, records or has stopped, as this phone was told."""

    chat: str
    state: str
    timestamp: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatTimer:
    """After how many seconds the messages of a chat go, 0: they stay; and when that was set."""

    seconds: int
    changed_at: int
    of_new_chats: bool = False
    """Whether the chat began with it, as the new chats of the account do."""


NO_TIMER = ChatTimer(seconds=0, changed_at=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A message that a phone dropped, and why: `type`, `mediatype`, `edit`, `decryptFail` or `meta`."""

    message_id: str
    chat: str
    sender: str
    cause: str
    timestamp: float
