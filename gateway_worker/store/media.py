"""Files of messages that came in, as the database knows them.

Who owns a session fetches its files: reads need no fence, what comes of them is written under one (`writers/media.py`).
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, cast

from gateway_worker.store.database import Database, Row
from gateway_worker.store.encryption import Cipher, Ciphers, Purpose
from gateway_worker.store.records import Json, MediaRecord, MediaState
from gateway_worker.store.rows import as_json
from schemas.names import MessageId, SessionId

_FOUND: Final = """
    SELECT m.*, s.content_key FROM media AS m JOIN sessions AS s ON s.id = m.session_id
    WHERE m.session_id = $1 AND s.content_key IS NOT NULL
"""
_ONES: Final = f"{_FOUND} AND m.message_id = ANY($2)"
_DUE: Final = f"""
    {_FOUND} AND m.state = 'pending' AND m.next_try <= $2 AND NOT m.message_id = ANY($3)
    ORDER BY m.next_try LIMIT $4
"""
_NEXT: Final = (
    "SELECT min(next_try) FROM media WHERE session_id = $1 AND state = 'pending' AND NOT message_id = ANY($2)"
)


class MediaRows:
    """The rows of `media`."""

    def __init__(self, database: Database, ciphers: Ciphers) -> None:
        self._database = database
        self._ciphers = ciphers

    async def of(self, session_id: SessionId, message_ids: Collection[MessageId]) -> Mapping[MessageId, MediaRecord]:
        """The files of these messages, of those that have one."""
        if not message_ids:
            return {}
        async with self._database.wire() as wire:
            rows = await wire.fetch(_ONES, session_id, list(message_ids))
        return {row["message_id"]: self._record(row) for row in rows}

    async def due(
        self, session_id: SessionId, now: datetime, besides: Collection[MessageId], limit: int
    ) -> Sequence[MediaRecord]:
        """At most `limit` files that are to be fetched now, the longest due first, without `besides`."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_DUE, session_id, now, list(besides), limit)
        return [self._record(row) for row in rows]

    async def next_try(self, session_id: SessionId, besides: Collection[MessageId]) -> datetime | None:
        """When the next of a session's files is due, without `besides`; None when there is none."""
        async with self._database.wire() as wire:
            return await wire.fetchval(_NEXT, session_id, list(besides))

    def _record(self, row: Row) -> MediaRecord:
        cipher = self._ciphers.of(row["session_id"], Purpose.CONTENT, row["content_key"])
        return MediaRecord(
            session_id=row["session_id"],
            message_id=row["message_id"],
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


def told_of(state: MediaState, key: str | None, value: Json) -> Json:
    """The contract's `media` of a file."""
    told = {"object": key, **cast("Json", value["media"]), "state": state.value}
    return {name: each for name, each in told.items() if each is not None}
