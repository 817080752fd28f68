"""What the queries answer: the `result` of a ``command.result.v1``, one model per command (contract, 3)."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.content.changes import UnknownOptions
from schemas.content.content import Content
from schemas.events.failures import Failure
from schemas.events.messages import MessageState
from schemas.events.sessions import Reason, SessionState
from schemas.events.workers import WorkerState
from schemas.model import Instant, Model
from schemas.names import CommandId, MessageId, SessionId, UserId, WorkerId
from schemas.sequence import SequenceNumber


class DesiredState(StrEnum):
    """What a session should become; its owner works towards it.

    Attributes:
        CONNECTED: it should be connected
        DISCONNECTED: it should rest, credentials kept
        LOGGED_OUT: it should be unlinked at WhatsApp
        DELETED: it should be gone
    """

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    LOGGED_OUT = "logged_out"
    DELETED = "deleted"


class SessionDescription(Model):
    """``session.describe.v1``: `state` holds since `since`; `owner` is the worker that has it, `name` the push name.

    Attributes:
        state: the session's state.
        desired_state: what it should become.
        since: since when it has its state.
        created_at: when it was made.
        name: what the account calls itself.
        owner: the worker that has it; none: nobody has.
        epoch: how often it has changed its owner; it only rises.
        sequence: of the last event that was told of it.
        retry_at: when it connects again by itself.
        reason: why it is in its state, where there is a reason.
    """

    session_id: SessionId
    user_id: UserId
    state: SessionState
    desired_state: DesiredState
    since: Instant
    created_at: Instant | None = None
    phone: str | None = None
    jid: str | None = None
    lid: str | None = None
    name: str | None = None
    owner: WorkerId | None = None
    epoch: int
    sequence: SequenceNumber
    retry_at: Instant | None = None
    reason: Reason | None = None


class SessionPage(Model):
    """``session.list.v1``: by session id. `cursor` asks for the next page; without one this is the last.

    Attributes:
        sessions: in the order of their ids.
    """

    sessions: Sequence[SessionDescription]
    cursor: str | None = None


class SessionQr(Model):
    """``session.qr.v1``: the live QR; `qr_code` is a PNG as a data URL.

    Attributes:
        qr_string: what the QR code says.
        qr_code: the code as a picture, a PNG as a data URL.
        expires_at: until when it is good.
    """

    session_id: SessionId
    qr_string: str
    qr_code: str
    expires_at: Instant


class EventsReplayed(Model):
    """``events.replay.v1``: `count` events went out again, `from_sequence` to `to_sequence`; neither where none did.

    `from_sequence` is later than asked where older events are past their 7 days: `oldest_sequence` is the oldest that
    is stored (none: no event is). `newest_sequence` is the session's last at that moment; while `to_sequence` is less,
    and less than asked, ask again from the one after it.

    Attributes:
        count: how many events went out again.
        from_sequence: of the first of them.
        to_sequence: of the last of them.
        oldest_sequence: of the oldest that is still stored; none: no event is.
        newest_sequence: of the newest that the session has told.
    """

    session_id: SessionId
    count: int
    from_sequence: SequenceNumber | None = None
    to_sequence: SequenceNumber | None = None
    oldest_sequence: SequenceNumber | None = None
    newest_sequence: SequenceNumber


class Contact(Model):
    """A number, and whether it is on WhatsApp.

    Attributes:
        phone: the number, as it was asked.
        exists: it is on WhatsApp.
    """

    phone: str
    exists: bool
    jid: str | None = None
    lid: str | None = None


class ContactDescription(Model):
    """``contact.describe.v1``: what is known of a person; `jid` is the number's where that is known, else the LID.

    Attributes:
        saved_name: what the account's owner calls it; missing: it is not in the address book.
        verified_name: of a business, as it was certified.
        about: the status text.
        picture_id: it changes with the picture (``contact.picture.v1`` gets that); missing: none is known.
        blocked: the account has blocked that person; missing: it has not.
    """

    jid: str
    lid: str | None = None
    phone: str | None = None
    push_name: str | None = None
    saved_name: str | None = None
    verified_name: str | None = None
    about: str | None = None
    picture_id: str | None = None
    blocked: bool | None = None


class ContactPage(Model):
    """``contact.list.v1``, ``contact.blocked.v1``: people in the order of their JIDs. `cursor` asks for the next page.

    Without a cursor this is the last page.

    Attributes:
        contacts: in the order of their JIDs.
    """

    contacts: Sequence[ContactDescription]
    cursor: str | None = None


class ContactsChecked(Model):
    """``contact.check.v1``: in the order asked.

    Attributes:
        contacts: one for each number, in the order asked.
    """

    contacts: Sequence[Contact]


class PictureState(StrEnum):
    """Whether there is a picture for us.

    Attributes:
        SHOWN: there is one
        NONE: there is none, or WhatsApp says so
        HIDDEN: the person's privacy settings keep it from this account
    """

    SHOWN = "shown"
    NONE = "none"
    HIDDEN = "hidden"


class ContactPicture(Model):
    """``contact.picture.v1``: `url` is WhatsApp's and good for some days; `id` changes with the picture.

    WhatsApp says of many a hidden picture that there is none.

    Attributes:
        to: whose picture it is, as the command wrote it.
        jid: whose picture it is.
        state: whether there is one for us.
        id: of the picture; it changes with it.
        url: where it lies; WhatsApp's address, good for some days.
    """

    to: str
    jid: str
    state: PictureState
    id: str | None = None
    url: str | None = None


class Direction(StrEnum):
    """Who sent a message.

    Attributes:
        OUTGOING: this account sent it
        INCOMING: others sent it
    """

    OUTGOING = "outgoing"
    INCOMING = "incoming"


class LedgerState(StrEnum):
    """Where a message stands: an outgoing one from `pending`, an incoming one is `received`.

    Attributes:
        PENDING: not yet on its way
        RECEIVED: it came in
        SENT: WhatsApp's server has acknowledged it
        DELIVERED: it is on a device of the recipient
        READ: the recipient has read it
        PLAYED: the recipient has listened to it, or looked at what can be seen once
        FAILED: it was not sent
    """

    PENDING = "pending"
    RECEIVED = "received"
    SENT = MessageState.SENT.value
    DELIVERED = MessageState.DELIVERED.value
    READ = MessageState.READ.value
    PLAYED = MessageState.PLAYED.value
    FAILED = MessageState.FAILED.value


class LedgerEntry(Model):
    """One step of a message's life; `participant` tells whose, in groups.

    Attributes:
        status: how far it came.
        participant: in a group: who came so far.
    """

    status: LedgerState
    timestamp: Instant
    participant: str | None = None


class ReactionShown(Model):
    """Somebody's reaction to a message, as it stands; `sender` of others.

    Attributes:
        emoji: with what.
        from_me: this account's own.
        sender: whose it is; of others.
    """

    emoji: str
    from_me: bool
    sender: str | None = None
    timestamp: Instant


class VoteShown(Model):
    """Somebody's vote in a poll, as it stands; `sender` of others.

    Attributes:
        options: what was chosen.
        from_me: this account's own.
        sender: whose it is; of others.
    """

    options: Sequence[str]
    unknown_options: UnknownOptions = None
    from_me: bool
    sender: str | None = None
    timestamp: Instant


class ReceiptShown(Model):
    """How far one participant of a group is with a message of ours; the times are WhatsApp's.

    Attributes:
        participant: whose it is.
        status: how far it came.
        delivered_at: when it came to a device.
        read_at: when it was read.
        played_at: when it was played.
    """

    participant: str
    status: MessageState
    delivered_at: Instant | None = None
    read_at: Instant | None = None
    played_at: Instant | None = None


class MessageDescription(Model):
    """``message.describe.v1``: one message's ledger, and the message as it stands.

    `command_id` only of what we sent; `content` while it is kept, after the last edit, and not of what was revoked. In
    groups `status` and `ledger` tell of the first participant who came so far, `receipts` (of ``describe``) of each.
    From `expires_at` on it has disappeared, and is not found any more, unless somebody has `kept` it. `pinned`: it
    stands at the top of its chat.

    Attributes:
        command_id: the id of the command that sent it.
        direction: who sent it.
        to: the recipient, as the command wrote it.
        sender: the JID of who wrote it; of incoming ones.
        from_me: the account wrote it.
        kind: of its content.
        status: how far it is.
        created_at: when it was stored.
        ledger: its steps, the first first.
        content: what it says, while that is kept.
        error: why it was not sent.
        edited_at: when its content last changed.
        revoked_at: when it was deleted for everyone.
        expires_at: when it disappears.
        reactions: who reacted, with what.
        votes: who voted for what, of a poll.
        receipts: of each participant of a group.
    """

    session_id: SessionId
    message_id: MessageId
    command_id: CommandId | None = None
    direction: Direction
    chat: str
    to: str | None = None
    sender: str | None = None
    from_me: bool
    kind: str
    status: LedgerState
    created_at: Instant
    ledger: Sequence[LedgerEntry] = ()
    content: Content | None = None
    error: Failure | None = None
    edited_at: Instant | None = None
    revoked_at: Instant | None = None
    expires_at: Instant | None = None
    reactions: Sequence[ReactionShown] | None = None
    votes: Sequence[VoteShown] | None = None
    pinned: Annotated[bool | None, Field(description="It stands at the top of its chat.")] = None
    pinned_until: Annotated[Instant | None, Field(description="Until when it is pinned.")] = None
    kept: Annotated[bool | None, Field(description="Somebody keeps it: it does not disappear.")] = None
    starred: Annotated[bool | None, Field(description="The account's owner has starred it.")] = None
    labels: Annotated[Sequence[str] | None, Field(description="The ids of the labels on it.")] = None
    receipts: Sequence[ReceiptShown] | None = None


class MessagePage(Model):
    """``message.history.v1``: newest first. `cursor` asks for the next page; without one this is the last.

    Attributes:
        messages: the last stored first.
    """

    messages: Sequence[MessageDescription]
    cursor: str | None = None


class ChatKind(StrEnum):
    """With whom a chat is."""

    PERSON = "person"
    GROUP = "group"
    OTHER = "other"  # a bot of WhatsApp's, a channel


class ChatDescription(Model):
    """``chat.describe.v1``: a chat as it stands. All but the messages is as the account's devices have it.

    Attributes:
        kind: with whom it is.
        last_message: the newest of those that are stored.
        last_at: when that was stored; missing where none ever was.
        unread: so many messages that came in are unread.
        marked_unread: somebody has marked it as unread, whatever was read.
        archived: it is among the archived chats.
        pinned: it stands at the top of the chats.
        muted: its messages make no sound.
        muted_until: until then; missing in a muted chat: until somebody says otherwise.
        disappearing_seconds: new messages disappear after so long; 0: they stay; missing: nobody has said.
        labels: the ids of the labels on it; missing: none.
    """

    chat: str
    kind: ChatKind
    last_message: MessageDescription | None = None
    last_at: Instant | None = None
    unread: int
    marked_unread: bool
    archived: bool
    pinned: bool
    muted: bool
    muted_until: Instant | None = None
    disappearing_seconds: int | None = None
    labels: Sequence[str] | None = None


class ChatPage(Model):
    """``chat.list.v1``: the chat with the newest message first. `cursor` asks for the next page.

    Without a cursor this is the last page.

    Attributes:
        chats: the one with the newest message first.
    """

    chats: Sequence[ChatDescription]
    cursor: str | None = None


class MessageCount(Model):
    """How many messages of one direction and kind stand at one status.

    Attributes:
        direction: who sent them.
        kind: of their content.
        status: how far they are.
        count: how many.
    """

    direction: Direction
    kind: str
    status: LedgerState
    count: int


class MessageStats(Model):
    """``message.stats.v1``: what was stored from `since` up to `until`, as it stands now.

    Attributes:
        since: from when on they were stored.
        until: up to when.
        counts: one for each combination that occurs.
    """

    session_id: SessionId
    since: Instant
    until: Instant
    counts: Sequence[MessageCount]


class WorkerDescription(Model):
    """``worker.describe.v1``: what it holds. `sessions` lists at most 1,000; `sessions_by_state` counts all.

    Attributes:
        status: what the worker does.
        endpoint: the address of its health and metrics.
        session_count: sessions that it has.
        uptime_seconds: how long it has been running.
        sessions_by_state: how many of its sessions are in which state.
        sessions: the ids of at most 1,000 of its sessions.
    """

    worker_id: WorkerId
    status: WorkerState
    version: str
    endpoint: str | None = None
    max_sessions: int
    session_count: int
    uptime_seconds: int | None = None
    sessions_by_state: Mapping[SessionState, int]
    sessions: Sequence[SessionId] = ()
