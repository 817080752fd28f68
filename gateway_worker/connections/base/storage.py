"""What the connection manager asks of PostgreSQL and Redis: the part of `store.Store` and `cache` that it uses.

Every call on the storage raises `StoreUnavailable` when the database is away and, under a fence, `StaleEpoch` when the
session has another owner by now. The cache never raises: losing it costs a moment.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from gateway_worker.store.operations.contacts import Contact
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.records import (
    CausedBy,
    ChatRecord,
    Desired,
    EntryRecord,
    Fence,
    Json,
    LabelRecord,
    MediaRecord,
    MessageName,
    MessageRecord,
    MessageTally,
    NewSession,
    OwnerSigns,
    ParticipantReceipt,
    Room,
    SessionRecord,
    Taken,
    Timer,
    UserLimit,
    UserSpan,
)
from schemas.commands.commands import CommandKey
from schemas.names import MessageId, SessionId, UserId, WorkerId


class Sessions(Protocol):
    """Rows of sessions."""

    async def get(self, session_id: SessionId) -> SessionRecord | None:
        """The session, or None when there is none (or it was deleted)."""
        ...

    async def list(self, after: SessionId | None, limit: int, user_id: UserId | None = None) -> Sequence[SessionRecord]:
        """Sessions in the order of their ids, from behind `after`."""
        ...

    async def create_or_get(self, new: NewSession) -> SessionRecord:
        """The session's row, made if missing; epoch and sequence continue from a tombstone."""
        ...

    async def update_options(
        self, session_id: SessionId, *, pairing: Json, options: Json | None = None, limits: Json | None = None
    ) -> SessionRecord | None:
        """Replace what a later `create` gave; None leaves what is stored."""
        ...

    async def desire(
        self,
        session_id: SessionId,
        desired: Desired,
        *,
        restart: bool = False,
        purge: bool = False,
        caused_by: CausedBy | None = None,
    ) -> SessionRecord | None:
        """Write what is wanted under a new generation and wake the owner; None when there is no such session."""
        ...

    async def forget(self, session_id: SessionId, epoch: int, *, purge: bool) -> None:
        """Remove everything but the tombstone."""
        ...


class SessionOwnership(Protocol):
    """Who owns which session."""

    async def claim(self, session_id: SessionId, worker_id: WorkerId, incarnation: str) -> SessionRecord | None:
        """Own the session under a new epoch; None when another live worker owns it."""
        ...

    async def claim_own(self, worker_id: WorkerId, incarnation: str, limit: int) -> Sequence[SessionRecord]:
        """Own up to `limit` sessions that were this worker's in an earlier life, or have no owner."""
        ...

    async def take(self, session_id: SessionId, worker_id: WorkerId, incarnation: str) -> SessionRecord | None:
        """Own a session that nobody has; None when another worker was faster."""
        ...

    async def claim_waiting(self, worker_id: WorkerId, incarnation: str, limit: int) -> Sequence[SessionRecord]:
        """Own up to `limit` sessions that wait for room and were not told so: only to say so under a fence."""
        ...

    async def owned(self, worker_id: WorkerId, incarnation: str) -> Mapping[SessionId, int]:
        """The sessions that this run of the worker owns, with their epochs."""
        ...

    async def release(self, session_id: SessionId, epoch: int, *, left: WorkerId | None = None) -> None:
        """Own it no longer, if it is still owned under `epoch`; `left` must not have it back for a while."""
        ...

    def watch(self) -> AsyncIterator[SessionId]:
        """Sessions with an order to carry out, whoever owns them; for ever."""
        ...


class SessionMoves(Protocol):
    """Orders to move, and the room that there is."""

    async def order_move(self, session_id: SessionId, caused_by: CausedBy | None = None) -> SessionRecord | None:
        """Have it leave its owner; None when there is no such session."""
        ...

    async def stay(self, session_id: SessionId, epoch: int) -> None:
        """The order to leave is answered: it stays."""
        ...

    async def room(self, worker_id: WorkerId) -> Room:
        """The room that the fleet has besides this worker."""
        ...


class Owners(Protocol):
    """The workers that own sessions."""

    async def look(self, besides: WorkerId) -> Sequence[OwnerSigns] | None:
        """Signs of life of every owner but one; None while nothing can be said."""
        ...

    async def free(self, owner: WorkerId) -> int:
        """Make a dead owner's sessions nobody's; answers how many."""
        ...

    async def free_earlier(self, worker_id: WorkerId, incarnation: str) -> None:
        """Make nobody's what this worker owned in an earlier life and has not taken up again."""
        ...


class Keys(Protocol):
    """What belongs to the identity of a session."""

    async def credentials(self, session_id: SessionId) -> bytes | None:
        """The credentials blob."""
        ...

    async def load(self, session_id: SessionId, kind: str, ids: Sequence[str]) -> Mapping[str, bytes]:
        """The keys that are stored."""
        ...

    async def of_kind(self, session_id: SessionId, kind: str, limit: int) -> Mapping[str, bytes]:
        """The stored keys of a kind, by id; which ones, if there are more than `limit`, is left open."""
        ...

    async def entry(
        self, session_id: SessionId, *, chat: str, sender: str, message_id: str, index: int
    ) -> bytes | None:
        """A decrypted part stored before."""
        ...

    async def quoted(self, session_id: SessionId, message_id: str) -> Sequence[EntryRecord]:
        """What was quoted of messages under this id, a few at most."""
        ...

    async def unprocessed(self, session_id: SessionId) -> Sequence[EntryRecord]:
        """Decrypted parts that the engine has still to act on, oldest first."""
        ...


class Messages(Protocol):
    """Rows of messages."""

    async def get(self, session_id: SessionId, message_id: MessageId) -> MessageRecord | None:
        """An outgoing message."""
        ...

    async def under(self, session_id: SessionId, message_id: MessageId) -> Sequence[MessageRecord]:
        """All messages under an id, ours first."""
        ...

    async def plaintext(self, session_id: SessionId, message_id: MessageId, number: int = 0) -> bytes | None:
        """The serialised WAProto `Message` of one of them; 0: of the one that we sent."""
        ...

    async def secret(self, session_id: SessionId) -> bytes | None:
        """What the ids of its outgoing messages are derived with; None when there is no such session."""
        ...

    async def receipts(self, session_id: SessionId, message_id: MessageId) -> Sequence[ParticipantReceipt]:
        """How far each participant of a group is with a message."""
        ...

    async def is_known(self, session_id: SessionId, message_id: MessageId, key: CommandKey) -> bool:
        """Whether the message was begun before, or another command was seen under its key."""
        ...

    async def tries(self, session_id: SessionId, message_id: MessageId) -> int:
        """How often an outgoing message was encrypted to be sent, in whichever life."""
        ...

    async def history(
        self,
        session_id: SessionId,
        chat: str,
        *,
        before: tuple[datetime, str],
        kinds: Collection[str],
        limit: int,
    ) -> Sequence[MessageRecord]:
        """Messages of a chat, newest first, older than `before` (time and id)."""
        ...

    async def named(self, session_id: SessionId, names: Collection[MessageName]) -> Sequence[MessageRecord]:
        """These messages, of those that are there."""
        ...

    async def changes(
        self,
        session_id: SessionId,
        message_ids: Collection[MessageId],
        limit: int,
        *,
        kinds: Collection[str] | None = None,
    ) -> Sequence[MessageRecord]:
        """The newest changes to these messages, of these kinds alone if they are given, oldest first."""
        ...

    async def tally(
        self, session_id: SessionId, since: datetime, until: datetime, *, without: Collection[str] = ()
    ) -> Sequence[MessageTally]:
        """How many messages stored in this window stand at which status."""
        ...

    async def has_talked(self, session_id: SessionId, chat: str) -> bool:
        """Whether any message of that chat came or went, of those that are stored."""
        ...

    async def begun_since(self, session_id: SessionId, since: datetime, limit: int) -> Sequence[datetime]:
        """When the newest `limit` outgoing messages since then were begun, oldest first."""
        ...


class UserLimits(Protocol):
    """What all sessions of a user may send together; see `store.sessions.user_limits`."""

    async def put(self, user_id: UserId, limit: UserLimit) -> None:
        """Replace them."""
        ...

    async def of(self, user_id: UserId) -> UserLimit | None:
        """A user's, as they were some seconds ago at the earliest; None: there are none."""
        ...

    async def take(self, user_id: UserId, span: UserSpan) -> Taken | None:
        """Count a message; None where there is no limit."""
        ...

    async def give_back(self, user_id: UserId, number: int) -> None:
        """Of the day: the message did not begin after all."""
        ...

    async def used(self, user_id: UserId, span: UserSpan) -> int:
        """How many were counted within the span that ends now."""
        ...


class Uploads(Protocol):
    """Files that lie at WhatsApp's media host."""

    async def find(self, session_id: SessionId, file_class: str, sha256: str) -> Json | None:
        """The reference of a file of that hash, uploaded as that class not long ago."""
        ...


class MediaFiles(Protocol):
    """Files of messages that came in."""

    async def of(self, session_id: SessionId, names: Collection[MessageName]) -> Mapping[MessageName, MediaRecord]:
        """The files of these messages, of those that have one."""
        ...

    async def due(
        self, session_id: SessionId, now: datetime, besides: Collection[str], limit: int
    ) -> Sequence[MediaRecord]:
        """Files that are to be fetched now, without these objects, the longest due first."""
        ...

    async def next_try(self, session_id: SessionId, besides: Collection[str]) -> datetime | None:
        """When the next file of the session is due."""
        ...


class Timers(Protocol):
    """After how many seconds the messages of chats go."""

    async def of(self, session_id: SessionId, limit: int) -> Mapping[str, Timer]:
        """The timers of a session by chat, at most `limit`."""
        ...

    async def is_new(self, session_id: SessionId, chat: Collection[str], own: Collection[str]) -> bool:
        """Whether a chat begins now, as far as the phone has said which there are."""
        ...


class Chats(Protocol):
    """The chats of a session."""

    async def list(
        self, session_id: SessionId, *, before: tuple[datetime, str], archived: bool | None, limit: int
    ) -> Sequence[ChatRecord]:
        """Chats, newest first, from behind a place; `archived`: only those that are, or are not."""
        ...

    async def of(self, session_id: SessionId, names: Collection[str]) -> ChatRecord | None:
        """The chat that is kept under one of these names."""
        ...


class Contacts(Protocol):
    """What is known of people."""

    async def blocked(self, session_id: SessionId, after: str, limit: int) -> Sequence[Contact]:
        """Those whom the account has blocked, as `list`."""
        ...

    async def list(self, session_id: SessionId, after: str, limit: int) -> Sequence[Contact]:
        """People in the order of their JIDs, from behind `after`."""
        ...

    async def of(self, session_id: SessionId, names: Collection[str]) -> Sequence[Contact]:
        """What is kept under these names."""
        ...


class Labels(Protocol):
    """Labels."""

    async def list(self, session_id: SessionId, limit: int) -> Sequence[LabelRecord]:
        """All that ever were, in the order of their ids; those that are there no more have no name."""
        ...


class SetAsides(Protocol):
    """What was set aside."""

    async def attempts(self, session_id: SessionId) -> Mapping[str, int]:
        """How often each stanza of a session was begun and not finished."""
        ...


class Storage(Protocol):
    """PostgreSQL as the connection manager sees it."""

    @property
    def sessions(self) -> Sessions:
        """Their rows."""
        ...

    @property
    def ownership(self) -> SessionOwnership:
        """Who owns which."""
        ...

    @property
    def moves(self) -> SessionMoves:
        """Which are to leave, and whether there is room for them."""
        ...

    @property
    def owners(self) -> Owners:
        """Who owns sessions, and who has died."""
        ...

    @property
    def keys(self) -> Keys:
        """Credentials, keys, decrypted parts."""
        ...

    @property
    def messages(self) -> Messages:
        """Messages in both directions."""
        ...

    @property
    def uploads(self) -> Uploads:
        """What of a session need not be uploaded again."""
        ...

    @property
    def media(self) -> MediaFiles:
        """Files of messages that came in."""
        ...

    @property
    def user_limits(self) -> UserLimits:
        """How much each user may send, over all workers."""
        ...

    @property
    def timers(self) -> Timers:
        """Disappearing chats."""
        ...

    @property
    def chats(self) -> Chats:
        """Chats as a whole."""
        ...

    @property
    def labels(self) -> Labels:
        """Labels."""
        ...

    @property
    def contacts(self) -> Contacts:
        """People."""
        ...

    @property
    def set_aside(self) -> SetAsides:
        """What was set aside, and what may have to be."""
        ...

    async def commit(self, fence: Fence, *operations: Operation[Any]) -> tuple[Any, ...]:
        """Make all of them durable in one transaction; answers in their order."""
        ...


class SessionCache(Protocol):
    """Redis as the connection manager sees it."""

    async def put_qr(self, session_id: SessionId, data: Json, ttl_seconds: int) -> None:
        """Keep the live QR."""
        ...

    async def qr(self, session_id: SessionId) -> Json | None:
        """The live QR, if there is one."""
        ...

    async def drop_qr(self, session_id: SessionId) -> None:
        """The QR is no longer live."""
        ...

    async def put_route(self, session_id: SessionId, worker_id: WorkerId) -> None:
        """The session lives at this worker."""
        ...

    async def put_routes(self, session_ids: Sequence[SessionId], worker_id: WorkerId) -> None:
        """All of them live at this worker."""
        ...

    async def drop_route(self, session_id: SessionId, worker_id: WorkerId) -> None:
        """It no longer lives at this worker."""
        ...

    async def put_rate_limit(self, kind: str, name: str, fields: Mapping[str, str], ttl_seconds: int) -> None:
        """How much of a `session`'s or `user`'s limits is used up."""
        ...
