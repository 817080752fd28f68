"""Files of messages that came in, as the database knows them.

Who owns a session fetches its files: reads need no fence, what comes of them is written under one (`writers/media.py`).
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway_worker.store.postgres.database import Database
from gateway_worker.store.postgres.encryption import Cipher, Ciphers, Purpose
from gateway_worker.store.records import Json, MediaRecord, MediaState, MessageName
from gateway_worker.store.row import Row
from gateway_worker.store.rows import as_json
from schemas.names import MessageId, SessionId

_FOUND: Final = """
    SELECT m.*, s.content_key FROM media AS m JOIN sessions AS s ON s.id = m.session_id
    WHERE m.session_id = $1 AND s.content_key IS NOT NULL
"""
_ONES: Final = f"""
    {_FOUND} AND (m.message_id, m.number) IN (SELECT * FROM unnest($2::text[], $3::int[]))
"""  # noqa: S608 (our own words)
_DUE: Final = f"""
    {_FOUND} AND m.state = 'pending' AND m.next_try <= $2 AND NOT m.object = ANY($3)
    ORDER BY m.next_try LIMIT $4
"""
_NEXT: Final = "SELECT min(next_try) FROM media WHERE session_id = $1 AND state = 'pending' AND NOT object = ANY($2)"


_EXPIRED: Final = """
    SELECT session_id, message_id, object, created_at FROM media
    WHERE created_at < least($1, clock_timestamp()) AND state <> 'pending'
    UNION ALL
    SELECT f.session_id, f.message_id, f.object, f.created_at FROM messages AS m JOIN media AS f
        ON f.session_id = m.session_id AND f.message_id = m.message_id AND f.number = m.number
    WHERE m.expires_at < clock_timestamp() AND NOT m.kept AND f.state <> 'pending'
    ORDER BY created_at LIMIT $2
"""
_FORGET: Final = """
    DELETE FROM media AS m USING unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
        AS g (session_id, message_id, object, created_at)
    WHERE m.session_id = g.session_id AND m.message_id = g.message_id AND m.object = g.object
        AND m.created_at = g.created_at
"""
_REMOVALS: Final = """
    WITH due AS (SELECT id FROM media_removals WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
    UPDATE media_removals SET due_at = $1::timestamptz + $2::interval WHERE id IN (SELECT id FROM due)
    RETURNING id, before
"""
_REMOVED: Final = "DELETE FROM media_removals WHERE id = $1 AND before = $2 AND last_at <= $3"
_REMOVED_FOR_NOW: Final = "UPDATE media_removals SET due_at = last_at WHERE id = $1 AND before = $2"
_REMOVAL_LEASE: Final = timedelta(minutes=5)
LATE_UPLOADS: Final = timedelta(hours=1)  # a worker that was frozen may end an upload so late


@dataclass(frozen=True, slots=True)
class ExpiredMedia:
    """A file whose time is over."""

    session_id: SessionId
    message_id: MessageId
    object: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MediaRemoval:
    """A session that was purged at `before`."""

    session_id: SessionId
    before: datetime


class MediaRows:
    """The rows of `media`."""

    def __init__(self, database: Database, ciphers: Ciphers, now: Callable[[], datetime]) -> None:
        self._database = database
        self._ciphers = ciphers
        self._now = now

    async def of(self, session_id: SessionId, names: Collection[MessageName]) -> Mapping[MessageName, MediaRecord]:
        """The files of these messages, of those that have one."""
        if not names:
            return {}
        ids, numbers = [message_id for message_id, _ in names], [number for _, number in names]
        async with self._database.wire() as wire:
            rows = await wire.fetch(_ONES, session_id, ids, numbers)
        return {(row["message_id"], row["number"]): self._record(row) for row in rows}

    async def due(
        self, session_id: SessionId, now: datetime, besides: Collection[str], limit: int
    ) -> Sequence[MediaRecord]:
        """At most `limit` files that are to be fetched now, the longest due first, without these objects."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_DUE, session_id, now, list(besides), limit)
        return [self._record(row) for row in rows]

    async def next_try(self, session_id: SessionId, besides: Collection[str]) -> datetime | None:
        """When the next of a session's files is due, without these objects; None when there is none."""
        async with self._database.wire() as wire:
            return await wire.fetchval(_NEXT, session_id, list(besides))

    async def expired(self, before: datetime, limit: int) -> Sequence[ExpiredMedia]:
        """At most `limit` files that nobody fetches, the oldest first, whose time was over before `before`.

        And those of messages that have disappeared, whenever that was.
        """
        async with self._database.wire() as wire:
            rows = await wire.fetch(_EXPIRED, before, limit)
        return [ExpiredMedia(row["session_id"], row["message_id"], row["object"], row["created_at"]) for row in rows]

    async def forget(self, expired: Sequence[ExpiredMedia]) -> None:
        """Their objects are gone. One that was asked for meanwhile is fetched again, and stays."""
        async with self._database.wire() as wire:
            await wire.execute(
                _FORGET,
                [each.session_id for each in expired],
                [each.message_id for each in expired],
                [each.object for each in expired],
                [each.created_at for each in expired],
            )

    async def due_removals(self, limit: int) -> Sequence[MediaRemoval]:
        """Purged sessions whose objects are to go now; whoever gets one has some minutes for it."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_REMOVALS, self._now(), _REMOVAL_LEASE, limit)
        return [MediaRemoval(row["id"], row["before"]) for row in rows]

    async def removed(self, removal: MediaRemoval) -> None:
        """It is done. It is due once more when no late upload can come any more; then it is forgotten."""
        async with self._database.wire() as wire:
            gone = await wire.execute(_REMOVED, removal.session_id, removal.before, self._now())
            if gone == "DELETE 0":
                await wire.execute(_REMOVED_FOR_NOW, removal.session_id, removal.before)

    async def objects_of(self, session_id: SessionId) -> frozenset[str]:
        """The keys that rows of a session name: it may have been made again."""
        async with self._database.wire() as wire:
            rows = await wire.fetch("SELECT object FROM media WHERE session_id = $1", session_id)
        return frozenset(row["object"] for row in rows)

    def _record(self, row: Row) -> MediaRecord:
        cipher = self._ciphers.of(row["session_id"], Purpose.CONTENT, row["content_key"])
        return MediaRecord(
            session_id=row["session_id"],
            message_id=row["message_id"],
            number=row["number"],
            state=MediaState(row["state"]),
            object=row["object"],
            attempts=row["attempts"],
            value=value_of(row, cipher),
            error=as_json(row["error"]),
            created_at=row["created_at"],
        )


def value_of(row: Row, cipher: Cipher) -> Json:
    """What of a row is encrypted."""
    return json.loads(cipher.decrypt(row["value"], "media", row["message_id"]))
