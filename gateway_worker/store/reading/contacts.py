"""What is known of people."""

from collections.abc import Collection, Sequence
from typing import Final

from gateway_worker.store.contact_form import contact_of
from gateway_worker.store.operations.contacts import Contact
from gateway_worker.store.postgres.database import Database
from gateway_worker.store.postgres.encryption import Ciphers, Purpose
from gateway_worker.store.row import Row
from schemas.names import SessionId

_SHOWN: Final = """
    SELECT c.session_id, c.jid, c.value, c.blocked, s.identity_key
    FROM contacts AS c JOIN sessions AS s ON s.id = c.session_id
    WHERE c.session_id = $1
"""
_LIST: Final = f"{_SHOWN} AND c.jid > $2 ORDER BY c.jid LIMIT $3"
_BLOCKED: Final = f"{_SHOWN} AND c.blocked AND c.jid > $2 ORDER BY c.jid LIMIT $3"
_OF: Final = f"{_SHOWN} AND c.jid = ANY($2)"
_COLUMN: Final = "contacts"


class Contacts:
    """The rows of `contacts`."""

    def __init__(self, database: Database, ciphers: Ciphers) -> None:
        self._database = database
        self._ciphers = ciphers

    async def list(self, session_id: SessionId, after: str, limit: int) -> Sequence[Contact]:
        """People in the order of their JIDs, from behind `after`."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_LIST, session_id, after, limit)
        return [self._contact(row) for row in rows]

    async def blocked(self, session_id: SessionId, after: str, limit: int) -> Sequence[Contact]:
        """Those whom the account has blocked, as `list`."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_BLOCKED, session_id, after, limit)
        return [self._contact(row) for row in rows]

    async def of(self, session_id: SessionId, names: Collection[str]) -> Sequence[Contact]:
        """What is kept under these names: of one person it may be several rows."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_OF, session_id, list(names))
        return [self._contact(row) for row in rows]

    def _contact(self, row: Row) -> Contact:
        cipher = self._ciphers.of(row["session_id"], Purpose.IDENTITY, row["identity_key"])
        return contact_of(row["jid"], cipher.decrypt(row["value"], _COLUMN, row["jid"]), blocked=row["blocked"])
