"""The labels of a session."""

import json
from collections.abc import Sequence
from typing import Final

from gateway_worker.store.postgres.database import Database
from gateway_worker.store.postgres.encryption import Ciphers, Purpose
from gateway_worker.store.records import LabelRecord
from schemas.names import SessionId

_LIST: Final = """
    SELECT l.session_id, l.label_id, l.value, s.identity_key FROM labels AS l JOIN sessions AS s ON s.id = l.session_id
    WHERE l.session_id = $1 ORDER BY length(l.label_id), l.label_id LIMIT $2
"""
_COLUMN: Final = "labels"


class Labels:
    """The rows of `labels`."""

    def __init__(self, database: Database, ciphers: Ciphers) -> None:
        self._database = database
        self._ciphers = ciphers

    async def list(self, session_id: SessionId, limit: int) -> Sequence[LabelRecord]:
        """All that ever were, in the order of their ids; those that are there no more have no name."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_LIST, session_id, limit)
        found: list[LabelRecord] = []
        for row in rows:
            label_id, name, color = str(row["label_id"]), None, 0
            if row["value"] is not None:
                cipher = self._ciphers.of(row["session_id"], Purpose.IDENTITY, row["identity_key"])
                name, color = json.loads(cipher.decrypt(row["value"], _COLUMN, label_id))
            found.append(LabelRecord(label_id=label_id, name=name, color=color))
        return found
