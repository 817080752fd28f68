"""What can be written under a fence: one value per kind of write, and what each answers. Pure, no I/O.

`Store.commit(fence, *operations)` makes all of them durable in one transaction, or none. Within a commit the kinds take
effect in the order of this module (so `DropCredentials` precedes `PutCredentials`), operations of one kind in the
order they are given; events get their sequence in the order of the operations that cause them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from gateway_worker.store.contacts import Contact
from gateway_worker.store.records import Desired, Json, MediaState, Status
from schemas.commands import CommandKey
from schemas.names import MessageId

R_co = TypeVar("R_co", covariant=True)


class Operation(Generic[R_co]):
    """A write that answers with an `R_co`."""

    __slots__ = ()


# --- answers ---


@dataclass(frozen=True, slots=True)
class Fresh:
    """This command was never seen before; it is recorded as in progress."""


@dataclass(frozen=True, slots=True)
class InProgress:
    """The same command was begun before and not finished; `attempts` counts the begins, this one included."""

    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Done:
    """The same command was finished before, with this reply."""

    reply: Json | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another command was seen under the same key."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The message is recorded as pending; nothing of it has ever left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadySettled:
    """The same message was sent (`status` sent or later) or has failed before; there is nothing left to do."""

    status: Status
    at: datetime
    error: Json | None


Recorded = Fresh | InProgress | Done | Conflict
BeginAnswer = Begun | InProgress | AlreadySettled | Conflict


# --- operations, in the order in which their kinds take effect ---


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCommand(Operation[Recorded]):
    """Remember a command before its effect. A known key with another `body_hash` (sha256) is a conflict."""

    key: CommandKey
    body_hash: bytes
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginMessage(Operation[BeginAnswer]):
    """Record an outgoing message as pending, before anything of it leaves, and its command with it.

    Attributes:
        message_id: derived from the key, so that every repetition is the same message.
        to: as the command gave it.
        chat: JID of the chat, when it is known already.
        kind, content: the contract's content object and its kind.
        correlation_id, traceparent: carried to every `message.status` of it.
        about: the earlier message that it changes, if it does.
    """

    key: CommandKey
    body_hash: bytes
    message_id: MessageId
    to: str
    kind: str
    content: Json
    chat: str | None = None
    type: str = "message.send.v1"
    correlation_id: str | None = None
    traceparent: str | None = None
    about: MessageId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DropCredentials(Operation[None]):
    """Destroy credentials, keys, contacts and, soon after, snapshots of the identity (logout, or it is replaced)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutCredentials(Operation[None]):
    """Replace the credentials blob."""

    blob: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PutKeys(Operation[None]):
    """Write Signal and app-state keys, by (kind, id); None removes."""

    keys: Mapping[tuple[str, str], bytes | None] = field(repr=False)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleEntries(Operation[None]):
    """The engine has acted on these messages: their entries are no longer unprocessed."""

    message_ids: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PutSentPlaintext(Operation[None]):
    """Keep the serialised WAProto `Message` of outgoing messages, by message id; the last one wins.

    Each time counts as a try: it was encrypted, and may have left.
    """

    plaintexts: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMedia:
    """The file of a message: fetched by a job of its own while it is pending.

    Attributes:
        object: the key in the media bucket under which it is to be put.
        value: see `MediaRecord`.
    """

    state: MediaState
    object: str
    value: Json = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveMessage(Operation[bool]):
    """Record an incoming message with the event that tells of it; answers False when it was stored before.

    Attributes:
        timestamp: WhatsApp's.
        content: the contract's content object, or what happened to an earlier message.
        event_type, event: the event and its data.
        about: the earlier message that it changes, if it does.
        only_of_author: it is told only if that one is by the same person, or not stored here.
        media: its file, if it has one.
        shows_media_of: an edit of that message, whose file `content` and `event` are to show as it stands.
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
    about: MessageId | None = None
    only_of_author: bool = False
    media: NewMedia | None = None
    shows_media_of: MessageId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PutMedia(Operation[None]):
    """Have a message's file fetched (again)."""

    message_id: MessageId
    media: NewMedia


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryMedia(Operation[None]):
    """A file that is still to be fetched could not be now: try again later."""

    message_id: MessageId
    next_try: datetime
    value: Json = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleMedia(Operation[bool]):
    """A file is in the bucket, or will never be; answers False, and tells nothing, when that was settled before."""

    message_id: MessageId
    state: MediaState
    value: Json = field(repr=False)
    event_type: str
    event: Json = field(repr=False)
    error: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoricMessage:
    """A message from before the device was linked.

    Attributes:
        status: received; of one of ours what the phone knows.
        at: WhatsApp's time.
        created_at: its place among the messages of its chat; within the second of `at`.
    """

    message_id: MessageId
    chat: str
    sender: str
    from_me: bool
    kind: str
    content: Json = field(repr=False)
    status: Status
    at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreHistory(Operation[None]):
    """Keep messages of the past, each id once; one that is stored already stays as it is. No event tells of them."""

    messages: Sequence[HistoricMessage]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishHistory(Operation[bool]):
    """A part of the history is stored: its stanza is no longer unprocessed, which the event tells. False: it was.

    Attributes:
        message_ids: of the stanza that brought the part.
        event_type, event: the event and its data.
    """

    message_ids: Sequence[str]
    event_type: str
    event: Json = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinChats(Operation[None]):
    """What was stored as the chat of a LID belongs to the chat of its number from now on: `chats` is LID → PN."""

    chats: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnContacts(Operation[int]):
    """Keep what is told of people; answers how many `contact.updated` events tell that it is new.

    Attributes:
        contacts: in the order in which it was told.
        from_before: see `contacts.learn`.
    """

    contacts: Sequence[Contact]
    from_before: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceContent(Operation[None]):
    """Say anew what a stored message holds: more is known of its file now."""

    message_id: MessageId
    content: Json = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PutUpload(Operation[None]):
    """Remember where a file lies at WhatsApp's media host.

    Attributes:
        file_class: as what it was uploaded.
        sha256: lower-case hex of the file.
        reference: all that is needed to send it again, and to read it.
    """

    file_class: str
    sha256: str = field(repr=False)
    reference: Json = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvanceStatus(Operation[bool]):
    """Move an outgoing message's status forward; answers whether it moved.

    Only a step forward writes its `message.status` event (see `ledger.advance`), with the command's id as its
    cause. A status that proves the server's acknowledgement before it came (a receipt overtaking it) writes `sent`
    first. An unknown message, and an incoming one, does not move.

    Attributes:
        status: sent, delivered, read, played or failed.
        at: when, by WhatsApp's clock where it told.
        error: ``{code, message, detail?}`` with failed.
        chat: the JID, when it is known only now.
    """

    message_id: MessageId
    status: Status
    at: datetime
    error: Json | None = None
    chat: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvanceParticipant(Operation[bool]):
    """Move one participant's progress with a message to a group; answers whether it moved.

    Each step forward writes its `message.status` event, with `participant`. The message's own status goes with the
    first participant; what `AdvanceStatus` says of unknown messages, of failed ones and of the acknowledgement holds
    here too.

    Attributes:
        participant: the JID of a person in the group.
        lid: that person's LID, where `participant` is the number's: an earlier receipt may stand under it.
        status: delivered, read or played.
        at: when, by WhatsApp's clock.
    """

    message_id: MessageId
    participant: str
    lid: str | None = None
    status: Status
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeState(Operation[None]):
    """Write the session's state, and the `session.status` event that tells of it.

    Attributes:
        state: one of the contract's states; `state_since` moves only when it differs from the stored one.
        reason, retry_at: replace what is stored, None clears.
        desired, applied_generation, phone, jid, lid, push_name: None leaves what is stored.
        event: data of `session.status.v1`; None writes no event.
        causation_id, correlation_id, traceparent: of that event.
    """

    state: str
    reason: Json | None = None
    retry_at: datetime | None = None
    desired: Desired | None = None
    applied_generation: int | None = None
    phone: str | None = None
    jid: str | None = None
    lid: str | None = None
    push_name: str | None = None
    event: Json | None = field(default=None, repr=False)
    causation_id: str | None = None
    correlation_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendEvent(Operation[None]):
    """Write any other durable event."""

    type: str
    data: Json = field(repr=False)
    causation_id: str | None = None
    correlation_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishCommand(Operation[None]):
    """Remember a recorded command's reply: a repetition gets it again. A command not recorded is left alone."""

    key: CommandKey
    reply: Json | None = field(repr=False)
