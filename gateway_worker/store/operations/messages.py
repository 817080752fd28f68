"""What came in and what went out, with the ratchets that carried it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gateway_worker.store.operations.authors import Person, Right
from gateway_worker.store.operations.media import NewMedia
from gateway_worker.store.operations.operation import Operation, Touched
from gateway_worker.store.records import Json
from schemas.names import MessageId


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """A decrypted part of an incoming stanza. `sender` with its device number.

    `visible` tells that this part is the message itself (what a quote or a media fetch needs), not only key material;
    `unprocessed`, that the engine has still to act on it (see `SettleEntries`).
    """

    chat: str
    sender: str
    message_id: str
    index: int
    plaintext: bytes = field(repr=False)
    visible: bool
    unprocessed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PutEntries(Operation[None]):
    """Keep decrypted parts; one that is stored already stays as it is."""

    entries: Sequence[NewEntry]

    @property
    def weight(self) -> int:  # noqa: D102 (as its parent's)
        return len(self.entries)

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("entry", entry.message_id) for entry in self.entries if entry.unprocessed]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleEntries(Operation[None]):
    """The engine has acted on these messages: their entries are no longer unprocessed."""

    message_ids: Sequence[str]

    @property
    def weight(self) -> int:  # noqa: D102 (as its parent's)
        return len(self.message_ids)

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("entry", message_id) for message_id in self.message_ids]


@dataclass(frozen=True, slots=True, kw_only=True)
class PutSentPlaintext(Operation[None]):
    """Keep the serialised WAProto `Message` of outgoing messages, by message id; the last one wins.

    Each time counts as a try: it was encrypted, and may have left.
    """

    plaintexts: Mapping[str, bytes] = field(repr=False)

    @property
    def weight(self) -> int:  # noqa: D102 (as its parent's)
        return len(self.plaintexts)

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("plaintext", message_id) for message_id in self.plaintexts]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveMessage(Operation[bool]):
    """Record an incoming message with the event that tells of it; answers False when it was stored before.

    The key of a message is its chat, its sender and its id: whatever else came under the id is another message. A
    change that `authors.meant` finds to count for nothing is not recorded.

    Attributes:
        chat, sender: by the names under which they are kept; `chats` and `senders` hold all that are known.
        timestamp: WhatsApp's.
        content: the contract's content object, or what happened to an earlier message.
        event_type, event: the event and its data.
        entry: names the entry that holds it, if there is one: its chat and its sender.
        about: the earlier message that it changes, if it does.
        expires_at: when it disappears.
        right, by_admin, about_author: see `authors.Attempt`.
        media: its file, if it has one.
        shows_media: an edit of a message whose file `content` and `event` are to show as it stands.
        opened: it was stored as a change that is sealed: what it says takes that one's place, and is told.
    """

    message_id: MessageId
    chat: str
    sender: str
    from_me: bool
    kind: str
    content: Json = field(repr=False)
    timestamp: datetime
    event: Json = field(repr=False)
    event_type: str = "message.received.v1"
    expires_at: datetime | None = None
    chats: frozenset[str] = frozenset()
    senders: frozenset[str] = frozenset()
    entry: tuple[str, str] | None = None
    about: MessageId | None = None
    right: Right = Right.ANYONE
    by_admin: bool = False
    about_author: Person | None = None
    media: NewMedia | None = None
    shows_media: bool = False
    opened: bool = False

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        files = [self.message_id if self.media else None, self.about if self.shows_media else None]
        return [("message", self.message_id), *(("media", each) for each in files if each is not None)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetExpiry(Operation[None]):
    """An outgoing message that has not left yet will disappear: so many `seconds` after it leaves."""

    message_id: MessageId
    seconds: int

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("message", self.message_id)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceContent(Operation[None]):
    """Say anew what an outgoing message holds: more is known of its file now."""

    message_id: MessageId
    content: Json = field(repr=False)

    def touched(self) -> Touched:  # noqa: D102 (as its parent's)
        return [("message", self.message_id)]
