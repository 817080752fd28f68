"""Frequent reads, on asyncpg itself: keys, decrypted parts, messages.

Each reads the session's sealed data key with the value, so a value and its key are always of the same moment.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from gateway_worker.store.postgres.database import Database
from gateway_worker.store.postgres.encryption import Ciphers, Keyring, Purpose
from gateway_worker.store.reading.message_secret import message_secret
from gateway_worker.store.records import (
    Direction,
    EntryRecord,
    MessageName,
    MessageRecord,
    MessageTally,
    ParticipantReceipt,
    Status,
)
from gateway_worker.store.row import Row
from gateway_worker.store.rows import message_record
from schemas.commands.commands import CommandKey
from schemas.names import MessageId, SessionId

_CREDENTIALS: Final = """
    SELECT c.value, s.identity_key FROM credentials AS c JOIN sessions AS s ON s.id = c.session_id
    WHERE c.session_id = $1
"""
_KEYS: Final = """
    SELECT k.id, k.value, s.identity_key FROM keys AS k JOIN sessions AS s ON s.id = k.session_id
    WHERE k.session_id = $1 AND k.kind = $2 AND k.id = ANY($3)
"""
_KEYS_OF_KIND: Final = """
    SELECT k.id, k.value, s.identity_key FROM keys AS k JOIN sessions AS s ON s.id = k.session_id
    WHERE k.session_id = $1 AND k.kind = $2 LIMIT $3
"""
_ENTRY: Final = """
    SELECT e.value, s.identity_key FROM entries AS e JOIN sessions AS s ON s.id = e.session_id
    WHERE e.session_id = $1 AND e.message_id = $2 AND e.sender = $3 AND e.chat = $4 AND e.index = $5
    ORDER BY e.created_at LIMIT 1
"""
_QUOTED: Final = """
    SELECT e.sender, e.chat, e.index, e.value, s.identity_key
    FROM entries AS e JOIN sessions AS s ON s.id = e.session_id
    WHERE e.session_id = $1 AND e.message_id = $2 AND e.index = -2
    ORDER BY e.created_at LIMIT $3
"""
_MOST_QUOTED: Final = 4
_UNPROCESSED: Final = """
    SELECT e.message_id, e.sender, e.chat, e.index, e.value, s.identity_key
    FROM entries AS e JOIN sessions AS s ON s.id = e.session_id
    WHERE e.session_id = $1 AND e.unprocessed AND e.created_at >= $2
    ORDER BY e.created_at, e.index LIMIT $3
"""
_SENT_PLAINTEXT: Final = """
    SELECT b.value, s.content_key FROM bodies AS b JOIN sessions AS s ON s.id = b.session_id
    WHERE b.session_id = $1 AND b.message_id = $2 AND b.number = 0 AND b.part = 'plaintext'
    ORDER BY b.created_at DESC LIMIT 1
"""
_RECEIVED_PLAINTEXT: Final = """
    SELECT e.sender, e.chat, e.index, e.value, s.identity_key
    FROM (
        SELECT * FROM messages WHERE session_id = $1 AND message_id = $2 AND number BETWEEN $3 AND $3
        ORDER BY number LIMIT 1
    ) AS m
    JOIN sessions AS s ON s.id = m.session_id
    JOIN entries AS e ON e.session_id = m.session_id AND e.message_id = m.message_id
        AND e.chat = split_part(m.entry, E'\\n', 1) AND e.sender = split_part(m.entry, E'\\n', 2)
    WHERE e.visible
    ORDER BY e.created_at, e.index LIMIT 1
"""
_WITH_CONTENT: Final = """
    SELECT m.*, b.value AS content, s.content_key
    FROM messages AS m
    JOIN sessions AS s ON s.id = m.session_id
        -- what has not left yet cannot have disappeared
        AND (m.expires_at IS NULL OR m.expires_at > clock_timestamp() OR m.kept OR m.status = 'pending')
    CROSS JOIN LATERAL (
        SELECT value FROM bodies
        WHERE session_id = m.session_id AND message_id = m.message_id AND number = m.number AND part = 'content'
            AND created_at = m.created_at
        LIMIT 1  -- the row's time comes first, so that one partition is looked into
    ) AS b
"""
_MESSAGES: Final = f"""
    {_WITH_CONTENT}
    WHERE m.session_id = $1 AND m.message_id = $2 AND s.deleted_at IS NULL
    ORDER BY m.number LIMIT $3
"""
_MOST_UNDER_ONE_ID: Final = 100
_DERIVING: Final = "SELECT content_key, message_secret FROM sessions WHERE id = $1"
# By the primary key, as long as the table is empty too: it is in the order that is asked for.
_OURS: Final = "(SELECT * FROM messages WHERE session_id = $1 AND message_id = $2 ORDER BY number LIMIT 1)"
_RECEIPTS: Final = f"""
    SELECT r.participant, r.status, r.delivered_at, r.read_at, r.played_at
    FROM {_OURS} AS m
    JOIN receipts AS r ON r.session_id = m.session_id AND r.message_id = m.message_id AND r.created_at = m.created_at
    WHERE m.number = 0
    ORDER BY r.participant
"""  # noqa: S608 (our own words)
_TRIES: Final = f"""
    SELECT b.tries FROM {_OURS} AS m
    JOIN bodies AS b ON b.session_id = m.session_id AND b.message_id = m.message_id AND b.number = m.number
        AND b.created_at = m.created_at
    WHERE m.number = 0 AND b.part = 'plaintext'
"""  # noqa: S608 (our own words)
_IS_KNOWN: Final = f"""
    SELECT EXISTS (SELECT FROM processed_commands WHERE subject = $3 AND source = $4 AND id = $5)
        OR EXISTS (SELECT FROM {_OURS} AS m WHERE m.number = 0)
"""  # noqa: S608 (our own words)
_HISTORY: Final = f"""
    {_WITH_CONTENT}
    WHERE m.session_id = $1 AND m.chat = $2 AND (m.created_at, m.message_id) < ($3, $4) AND m.kind = ANY($5)
        AND s.deleted_at IS NULL
    ORDER BY m.created_at DESC, m.message_id DESC LIMIT $6
"""
_NAMED: Final = f"""
    {_WITH_CONTENT}
    JOIN unnest($2::text[], $3::int[]) AS w (message_id, number) ON m.message_id = w.message_id AND m.number = w.number
    WHERE m.session_id = $1 AND s.deleted_at IS NULL
"""
_CHANGES: Final = f"""
    {_WITH_CONTENT}
    WHERE m.session_id = $1 AND m.about = ANY($2) AND s.deleted_at IS NULL AND ($4::text[] IS NULL OR m.kind = ANY($4))
    ORDER BY m.created_at DESC, m.message_id DESC LIMIT $3
"""
_COUNTS: Final = """
    SELECT direction, kind, status, count(*) AS count FROM messages
    WHERE session_id = $1 AND created_at >= $2 AND created_at < $3 AND kind <> ALL($4)
    GROUP BY direction, kind, status ORDER BY direction, kind, status
"""
_BEGUN: Final = """
    SELECT created_at FROM messages
    WHERE session_id = $1 AND direction = 'outgoing' AND created_at >= $2
    ORDER BY created_at DESC LIMIT $3
"""
_HAS_TALKED: Final = """
    SELECT EXISTS (SELECT FROM messages WHERE session_id = $1 AND chat = $2 AND status NOT IN ('pending', 'failed'))
"""
_REPLAYED: Final = timedelta(days=14)  # what the phone has not kept longer either
_MOST_REPLAYED: Final = 200


class Keys:
    """What belongs to the identity of a session."""

    def __init__(self, database: Database, ciphers: Ciphers, now: Callable[[], datetime]) -> None:
        self._database = database
        self._ciphers = ciphers
        self._now = now

    async def credentials(self, session_id: SessionId) -> bytes | None:
        """The credentials blob, if the session has one."""
        async with self._database.wire() as wire:
            row = await wire.fetchrow(_CREDENTIALS, session_id)
        if row is None:
            return None
        return self._ciphers.of(session_id, Purpose.IDENTITY, row["identity_key"]).decrypt(row["value"], "credentials")

    async def load(self, session_id: SessionId, kind: str, ids: Sequence[str]) -> Mapping[str, bytes]:
        """The keys of a kind that are stored, by id."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_KEYS, session_id, kind, list(ids))
        return {row["id"]: self._key(session_id, kind, row) for row in rows}

    def _key(self, session_id: SessionId, kind: str, row: Row) -> bytes:
        cipher = self._ciphers.of(session_id, Purpose.IDENTITY, row["identity_key"])
        return cipher.decrypt(row["value"], "keys", kind, row["id"])

    async def of_kind(self, session_id: SessionId, kind: str, limit: int) -> Mapping[str, bytes]:
        """The keys of a kind, by id; not more than `limit`."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_KEYS_OF_KIND, session_id, kind, limit)
        return {row["id"]: self._key(session_id, kind, row) for row in rows}

    async def entry(
        self, session_id: SessionId, *, chat: str, sender: str, message_id: str, index: int
    ) -> bytes | None:
        """The plaintext of a decrypted part, if it was stored."""
        async with self._database.wire() as wire:
            row = await wire.fetchrow(_ENTRY, session_id, message_id, sender, chat, index)
        if row is None:
            return None
        cipher = self._ciphers.of(session_id, Purpose.IDENTITY, row["identity_key"])
        return cipher.decrypt(row["value"], "entries", message_id, sender, chat, str(index))

    async def quoted(self, session_id: SessionId, message_id: str) -> Sequence[EntryRecord]:
        """What was quoted of messages under this id, the oldest few."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_QUOTED, session_id, message_id, _MOST_QUOTED)
        return [self._record(session_id, message_id, row) for row in rows]

    async def unprocessed(self, session_id: SessionId) -> Sequence[EntryRecord]:
        """Decrypted parts that the engine has still to act on, oldest first."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_UNPROCESSED, session_id, self._now() - _REPLAYED, _MOST_REPLAYED)
        return [self._record(session_id, row["message_id"], row) for row in rows]

    def _record(self, session_id: SessionId, message_id: str, row: Row) -> EntryRecord:
        cipher = self._ciphers.of(session_id, Purpose.IDENTITY, row["identity_key"])
        name = message_id, row["sender"], row["chat"], str(row["index"])
        return EntryRecord(
            chat=row["chat"],
            sender=row["sender"],
            message_id=message_id,
            index=row["index"],
            plaintext=cipher.decrypt(row["value"], "entries", *name),
        )


class Messages:
    """Messages in both directions."""

    def __init__(self, database: Database, keyring: Keyring, ciphers: Ciphers) -> None:
        self._database = database
        self._keyring = keyring
        self._ciphers = ciphers

    async def secret(self, session_id: SessionId) -> bytes | None:
        """What the ids of a session's outgoing messages are derived with; None when there is no such session."""
        async with self._database.wire() as wire:
            row = await wire.fetchrow(_DERIVING, session_id)
        return None if row is None else message_secret(row, session_id, self._keyring, self._ciphers)

    async def get(self, session_id: SessionId, message_id: MessageId) -> MessageRecord | None:
        """An outgoing message with its ledger."""
        found = await self.under(session_id, message_id)
        return next((each for each in found if each.direction is Direction.OUTGOING), None)

    async def under(self, session_id: SessionId, message_id: MessageId) -> Sequence[MessageRecord]:
        """All messages under an id, ours first, then in the order in which they came."""
        async with self._database.wire() as wire:
            rows: Sequence[Any] = await wire.fetch(_MESSAGES, session_id, message_id, _MOST_UNDER_ONE_ID)
        return [message_record(row, self._ciphers) for row in rows]

    async def plaintext(self, session_id: SessionId, message_id: MessageId, number: int = 0) -> bytes | None:
        """A message's serialised WAProto `Message`: of one of ours to send it again, of any to quote it."""
        if number == 0:
            return await self._sent_plaintext(session_id, message_id)
        async with self._database.wire() as wire:
            received = await wire.fetchrow(_RECEIVED_PLAINTEXT, session_id, message_id, number)
        if received is None:
            return None
        cipher = self._ciphers.of(session_id, Purpose.IDENTITY, received["identity_key"])
        where = (message_id, received["sender"], received["chat"], str(received["index"]))
        return cipher.decrypt(received["value"], "entries", *where)

    async def _sent_plaintext(self, session_id: SessionId, message_id: MessageId) -> bytes | None:
        async with self._database.wire() as wire:
            sent = await wire.fetchrow(_SENT_PLAINTEXT, session_id, message_id)
        if sent is None:
            return None
        cipher = self._ciphers.of(session_id, Purpose.CONTENT, sent["content_key"])
        return cipher.decrypt(sent["value"], "plaintext", message_id)

    async def receipts(self, session_id: SessionId, message_id: MessageId) -> Sequence[ParticipantReceipt]:
        """How far each participant of a group is with a message."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_RECEIPTS, session_id, message_id)
        return [
            ParticipantReceipt(
                participant=row["participant"],
                status=Status(row["status"]),
                delivered_at=row["delivered_at"],
                read_at=row["read_at"],
                played_at=row["played_at"],
            )
            for row in rows
        ]

    async def is_known(self, session_id: SessionId, message_id: MessageId, key: CommandKey) -> bool:
        """Whether a message of ours was begun before, or another command was seen under its key."""
        async with self._database.wire() as wire:
            return await wire.fetchval(_IS_KNOWN, session_id, message_id, key.subject, key.source, key.id)

    async def tries(self, session_id: SessionId, message_id: MessageId) -> int:
        """How often an outgoing message was encrypted to be sent, in whichever life: each time it may have left."""
        async with self._database.wire() as wire:
            return await wire.fetchval(_TRIES, session_id, message_id) or 0

    async def history(
        self,
        session_id: SessionId,
        chat: str,
        *,
        before: tuple[datetime, str],
        kinds: Collection[str],
        limit: int,
    ) -> Sequence[MessageRecord]:
        """At most `limit` messages of a chat and of these kinds, newest first, stored before `before` (time and id)."""
        async with self._database.wire() as wire:
            rows: Sequence[Any] = await wire.fetch(_HISTORY, session_id, chat, *before, list(kinds), limit)
        return [message_record(row, self._ciphers) for row in rows]

    async def named(self, session_id: SessionId, names: Collection[MessageName]) -> Sequence[MessageRecord]:
        """These messages, of those that are there."""
        if not names:
            return ()
        ids, numbers = zip(*names, strict=True)
        async with self._database.wire() as wire:
            rows: Sequence[Any] = await wire.fetch(_NAMED, session_id, list(ids), list(numbers))
        return [message_record(row, self._ciphers) for row in rows]

    async def changes(
        self,
        session_id: SessionId,
        message_ids: Collection[MessageId],
        limit: int,
        *,
        kinds: Collection[str] | None = None,
    ) -> Sequence[MessageRecord]:
        """The newest `limit` changes to these messages (edits, reactions …), of these kinds alone, oldest first."""
        wanted = None if kinds is None else list(kinds)
        async with self._database.wire() as wire:
            rows: Sequence[Any] = await wire.fetch(_CHANGES, session_id, list(message_ids), limit, wanted)
        return [message_record(row, self._ciphers) for row in reversed(rows)]

    async def tally(
        self, session_id: SessionId, since: datetime, until: datetime, *, without: Collection[str] = ()
    ) -> Sequence[MessageTally]:
        """How many messages stored from `since` up to `until`, of all kinds but these, stand at which status."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_COUNTS, session_id, since, until, list(without))
        return [
            MessageTally(
                direction=Direction(row["direction"]),
                kind=row["kind"],
                status=Status(row["status"]),
                count=row["count"],
            )
            for row in rows
        ]

    async def has_talked(self, session_id: SessionId, chat: str) -> bool:
        """Whether any message of that chat came or went, of those that are stored."""
        async with self._database.wire() as wire:
            return await wire.fetchval(_HAS_TALKED, session_id, chat)

    async def begun_since(self, session_id: SessionId, since: datetime, limit: int) -> Sequence[datetime]:
        """When the newest `limit` outgoing messages since then were begun, oldest first."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_BEGUN, session_id, since, limit)
        return [row["created_at"] for row in reversed(rows)]
