"""What of a session lies at WhatsApp's media host, by the hash of the file: the reads. `writers.uploads` writes."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from gateway_worker.store.postgres.database import Database
from gateway_worker.store.postgres.encryption import Ciphers, Purpose
from gateway_worker.store.records import Json
from schemas.names import SessionId

LIFETIME: Final = timedelta(days=10)
"""How long an upload is used again: WhatsApp keeps them somewhat longer."""
COLUMN: Final = "uploads"

_FIND: Final = "SELECT value FROM uploads WHERE session_id = $1 AND name = $2 AND created_at > $3"
_KEY: Final = "SELECT identity_key FROM sessions WHERE id = $1 AND deleted_at IS NULL"


class Uploads:
    """Files that were uploaded."""

    def __init__(self, database: Database, ciphers: Ciphers, now: Callable[[], datetime]) -> None:
        self._database = database
        self._ciphers = ciphers
        self._now = now

    async def find(self, session_id: SessionId, file_class: str, sha256: str) -> Json | None:
        """The reference of a file of that hash, uploaded as that class not long ago."""
        async with self._database.wire() as wire:
            sealed = await wire.fetchval(_KEY, session_id)
            if sealed is None:
                return None
            cipher = self._ciphers.of(session_id, Purpose.IDENTITY, sealed)
            name = cipher.name(COLUMN, file_class, sha256)
            value = await wire.fetchval(_FIND, session_id, name, self._now() - LIFETIME)
        return None if value is None else json.loads(cipher.decrypt(value, COLUMN, name))
