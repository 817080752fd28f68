"""Seals with the first key whatever another one has sealed, beside workers that go on writing.

What is sealed are keys: a session's two data keys, the secret of a restored one, and replies to commands. The data keys
themselves stay what they are, so nothing that a worker has read becomes wrong, and no epoch is needed: a value is only
replaced by itself in another wrapping, and only if it is still the one that was read. Whoever replaces it meanwhile (a
restore, a deletion) seals with a first key too, or destroys it.

Nothing has to be remembered: what is done names the first key, what is not does not. So it may be broken off anywhere.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway_worker.store.errors import EncryptionError
from gateway_worker.store.postgres.database import Database, Wire
from gateway_worker.store.postgres.encryption import Keyring, Purpose, place
from gateway_worker.store.reading import message_secret
from gateway_worker.store.rotation.uses import KeyUse, uses
from gateway_worker.store.row import Row
from gateway_worker.store.snapshots.format import Moment, rewrapped, sealed_by
from gateway_worker.store.writing.writers.commands import where_of_reply
from schemas.names import SessionId

_SESSIONS_AT_ONCE: Final = 100
_REPLIES_AT_ONCE: Final = 500
_TRIES: Final = 3  # of a session that somebody else changes meanwhile
_COLUMNS: Final = ("identity_key", "content_key", "message_secret")

_OLD: Final = "(substring({column} FROM 2 FOR 8) <> $2)"
# ruff: noqa: S608 (our own columns)
_SESSIONS: Final = f"""
    SELECT id FROM sessions
    WHERE id > $1 AND ({" OR ".join(_OLD.format(column=column) for column in _COLUMNS)})
    ORDER BY id LIMIT $3
"""
_SESSION: Final = "SELECT identity_key, content_key, message_secret FROM sessions WHERE id = $1"
_RESEAL_SESSION: Final = """
    UPDATE sessions SET identity_key = $2, content_key = $3, message_secret = $4
    WHERE id = $1 AND identity_key IS NOT DISTINCT FROM $5 AND content_key IS NOT DISTINCT FROM $6
        AND message_secret IS NOT DISTINCT FROM $7
"""
_REPLIES: Final = """
    SELECT subject, source, id, reply FROM processed_commands
    WHERE (subject, source, id) > ($3, $4, $5) AND reply IS NOT NULL AND substring(reply FROM 2 FOR 8) <> $1
    ORDER BY subject, source, id LIMIT $2
"""
_RESEAL_REPLIES: Final = """
    UPDATE processed_commands AS c SET reply = new
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bytea[]) AS given (subject, source, id, old, new)
    WHERE c.subject = given.subject AND c.source = given.source AND c.id = given.id AND c.reply = given.old
"""
_WORKERS: Final = """
    SELECT id, keys FROM workers WHERE lease_until > now() AND status <> 'stopped' AND keys[1] IS DISTINCT FROM $1
    ORDER BY id
"""
_STANDING: Final = """
    SELECT s.deleted_at IS NOT NULL AS is_deleted,
        EXISTS (SELECT FROM credentials WHERE session_id = s.id) AS has_identity,
        (SELECT r.through FROM snapshot_removals AS r WHERE r.id = s.id) AS removed_through,
        n.epoch, n.sequence
    FROM sessions AS s LEFT JOIN snapshots AS n ON n.session_id = s.id
    WHERE s.id = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """What one bite did: how many values were sealed anew, and which could not be, with the reason."""

    done: int
    failed: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSnapshot:
    """What the database says of a session's snapshot. `stored`: epoch and sequence of the last one."""

    is_deleted: bool
    has_identity: bool
    removed_through: int | None
    stored: tuple[int, int] | None


class Rotation:
    """The database's half, and what it says of the bucket's. Raises `StoreUnavailable` when the database is away."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    @property
    def keys(self) -> Sequence[str]:
        """What names the configured keys; first the one that seals."""
        return self._keyring.names

    async def uses(self) -> Sequence[KeyUse]:
        """Which keys are needed in the database."""
        async with self._database.wire() as wire:
            return await uses(wire)

    async def behind(self) -> Mapping[str, Sequence[str]]:
        """Workers that run and do not seal with the first key → what names their keys."""
        async with self._database.wire() as wire:
            return {row["id"]: row["keys"] for row in await wire.fetch(_WORKERS, self.keys[0])}

    async def sessions(self) -> AsyncIterator[Resealed]:
        """Seal the sessions' keys anew, some at a time."""
        last = ""
        while True:
            async with self._database.wire() as wire:
                found = await wire.fetch(_SESSIONS, last, self._keyring.fingerprint, _SESSIONS_AT_ONCE)
                if not found:
                    return
                last, failed = found[-1]["id"], dict[str, str]()
                for row in found:
                    why = await self._session(wire, row["id"])
                    failed |= {} if why is None else {row["id"]: why}
            yield Resealed(done=len(found) - len(failed), failed=failed)

    async def replies(self) -> AsyncIterator[Resealed]:
        """Seal the replies to commands anew, some at a time."""
        last = ("", "", "")
        while True:
            async with self._database.wire() as wire:
                found = await wire.fetch(_REPLIES, self._keyring.fingerprint, _REPLIES_AT_ONCE, *last)
                if not found:
                    return
                last, failed = (found[-1]["subject"], found[-1]["source"], found[-1]["id"]), dict[str, str]()
                done = [new for row in found if (new := self._reply(row, failed)) is not None]
                await wire.execute(_RESEAL_REPLIES, *map(list, zip(*done, strict=True))) if done else None
            yield Resealed(done=len(done), failed=failed)

    async def snapshot_of(self, session_id: SessionId) -> StoredSnapshot | None:
        """What is known of a session; None: the database has never heard of it."""
        async with self._database.wire() as wire:
            row = await wire.fetchrow(_STANDING, session_id)
        if row is None:
            return None
        return StoredSnapshot(
            is_deleted=row["is_deleted"],
            has_identity=row["has_identity"],
            removed_through=row["removed_through"],
            stored=None if row["epoch"] is None else (row["epoch"], row["sequence"]),
        )

    def snapshot_key(self, body: bytes) -> str:
        """What names the key of a snapshot, of which its first bytes are enough. Raises `SnapshotInvalid`."""
        return sealed_by(body).hex()

    def snapshot(self, body: bytes, moment: Moment) -> bytes:
        """A snapshot under the first key. Raises `SnapshotInvalid`, `KeyUnavailable`, `Tampered`."""
        return rewrapped(body, moment, self._keyring)

    async def _session(self, wire: Wire, session_id: str) -> str | None:
        """Why it could not be done, if so."""
        for _ in range(_TRIES):
            row = await wire.fetchrow(_SESSION, session_id)
            if row is None:
                return None
            old = [row[column] for column in _COLUMNS]
            try:
                new = [self._resealed(session_id, column, row) for column in _COLUMNS]
            except EncryptionError as error:
                return str(error)
            if old == new or (await wire.execute(_RESEAL_SESSION, session_id, *new, *old)).endswith(" 1"):
                return None
        return "it is being changed all the time: run this again"

    def _resealed(self, session_id: str, column: str, row: Row) -> bytes | None:
        sealed: bytes | None = row[column]
        if sealed is None or self._keyring.is_current(sealed):
            return sealed
        return self._keyring.reseal(sealed, place(session_id, _PURPOSES[column]))

    def _reply(self, row: Row, failed: dict[str, str]) -> tuple[str, str, str, bytes, bytes] | None:
        key = (row["subject"], row["source"], row["id"])
        try:
            return (*key, row["reply"], self._keyring.reseal(row["reply"], where_of_reply(*key)))
        except EncryptionError as error:
            failed[f"reply to {row['id']}"] = str(error)
            return None


_PURPOSES: Final = {
    "identity_key": Purpose.IDENTITY,
    "content_key": Purpose.CONTENT,
    "message_secret": message_secret.COLUMN,
}
