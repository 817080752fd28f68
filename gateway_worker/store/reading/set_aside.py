"""What was set aside, to be looked at and worked on: the reads, and a person's writes; `writers.set_aside` adds."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway_worker.store.postgres.database import Database
from gateway_worker.store.postgres.encryption import Ciphers, Purpose
from gateway_worker.store.records import Json
from gateway_worker.store.row import Row
from schemas.names import SessionId

COLUMN: Final = "set_aside"

_LIST: Final = """
    SELECT session_id, id, fact, reason, detail, message_id, size, created_at FROM set_aside
    WHERE $1::text IS NULL OR id = $1
    ORDER BY created_at, session_id, id LIMIT $2
"""
_VALUE: Final = """
    SELECT a.value, s.content_key FROM set_aside AS a JOIN sessions AS s ON s.id = a.session_id
    WHERE a.session_id = $1 AND a.id = $2
"""
_DROP: Final = """
    DELETE FROM set_aside AS a USING unnest($1::text[], $2::text[]) AS d (session_id, id)
    WHERE a.session_id = d.session_id AND a.id = d.id
"""
_ATTEMPTS: Final = "SELECT name, count FROM attempts WHERE session_id = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Something that was set aside; see `SetAside`."""

    session_id: SessionId
    id: str
    fact: str
    reason: str
    detail: str
    message_id: str
    size: int
    created_at: datetime


class SetAsides:
    """The rows of `set_aside` and `attempts`."""

    def __init__(self, database: Database, ciphers: Ciphers) -> None:
        self._database = database
        self._ciphers = ciphers

    async def list(self, limit: int, id_: str | None = None) -> Sequence[Kept]:
        """At most `limit` of all sessions, the oldest first; or those with this id."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_LIST, id_, limit)
        return [_kept(row) for row in rows]

    async def value(self, kept: Kept) -> Json | None:
        """What is kept of it; None when it is gone.

        Raises:
            EncryptionError: it cannot be read (any more).
        """
        async with self._database.wire() as wire:
            row = await wire.fetchrow(_VALUE, kept.session_id, kept.id)
        return None if row is None else self._value(kept.session_id, kept.id, row)

    async def drop(self, chosen: Collection[Kept]) -> None:
        """Remove them for good."""
        if chosen:
            async with self._database.wire() as wire:
                await wire.execute(_DROP, [each.session_id for each in chosen], [each.id for each in chosen])

    async def attempts(self, session_id: SessionId) -> Mapping[str, int]:
        """How often each stanza of a session was begun and not finished."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_ATTEMPTS, session_id)
        return {row["name"]: row["count"] for row in rows}

    def _value(self, session_id: SessionId, id_: str, row: Row) -> Json:
        cipher = self._ciphers.of(session_id, Purpose.CONTENT, row["content_key"])
        return json.loads(cipher.decrypt(row["value"], COLUMN, id_))


def _kept(row: Row) -> Kept:
    return Kept(
        session_id=row["session_id"],
        id=row["id"],
        fact=row["fact"],
        reason=row["reason"],
        detail=row["detail"],
        message_id=row["message_id"],
        size=row["size"],
        created_at=row["created_at"],
    )
