"""Snapshots as the database knows them: taken under a fence, remembered, removed when their identity is void.

What comes out is sealed; nothing else of an identity leaves this package. Where it is kept is not known here.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from gateway_worker.store.postgres.database import Database
from gateway_worker.store.postgres.encryption import Cipher, Ciphers, Keyring, Purpose
from gateway_worker.store.reading.message_secret import message_secret
from gateway_worker.store.records import Fence
from gateway_worker.store.row import Row
from gateway_worker.store.rows import settings_of
from gateway_worker.store.snapshots.format import Moment, Snapshot, fingerprint, seal
from schemas.names import SessionId

_MAX_KEYS: Final = 200_000
_LEASE: Final = timedelta(minutes=1)  # a removal that is not done by then is anybody's again

# One statement, so one moment: no identity is mixed of two.
_TAKE: Final = """
    SELECT s.*, c.value AS credentials, n.fingerprint, k.kinds, k.ids, k.blobs
    FROM sessions AS s
    JOIN credentials AS c ON c.session_id = s.id
    LEFT JOIN snapshots AS n ON n.session_id = s.id
    CROSS JOIN LATERAL (
        SELECT array_agg(kind) AS kinds, array_agg(id) AS ids, array_agg(value) AS blobs
        FROM (SELECT * FROM keys WHERE session_id = s.id AND kind = ANY($3) ORDER BY kind, id LIMIT $4) AS found
    ) AS k
    WHERE s.id = $1 AND s.epoch = $2 AND s.deleted_at IS NULL
        AND NOT EXISTS (SELECT FROM snapshot_removals AS r WHERE r.id = s.id AND r.through >= s.sequence)
"""

_KEEP: Final = """
    INSERT INTO snapshots (session_id, fingerprint, epoch, sequence, taken_at)
    SELECT s.id, $3, s.epoch, $4, $5
    FROM sessions AS s JOIN credentials AS c ON c.session_id = s.id
    WHERE s.id = $1 AND s.epoch = $2 AND s.deleted_at IS NULL
        AND NOT EXISTS (SELECT FROM snapshot_removals AS r WHERE r.id = s.id AND r.through >= $4)
    ON CONFLICT (session_id) DO UPDATE SET
        fingerprint = excluded.fingerprint, epoch = excluded.epoch,
        sequence = excluded.sequence, taken_at = excluded.taken_at
    RETURNING true
"""

_DUE: Final = """
    WITH due AS (SELECT id FROM snapshot_removals WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
    UPDATE snapshot_removals SET due_at = $1::timestamptz + $2::interval WHERE id IN (SELECT id FROM due)
    RETURNING id, through, last_at
"""
_REMOVED: Final = "DELETE FROM snapshot_removals WHERE id = $1 AND through = $2 AND last_at <= $3"
_REMOVED_FOR_NOW: Final = "UPDATE snapshot_removals SET due_at = last_at WHERE id = $1 AND through = $2"

Mark = Callable[[bytes], bytes]
"""What of a credentials blob is identity, without what changes in it at every login."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSnapshot:
    """A snapshot that may leave the process."""

    fence: Fence
    sequence: int
    fingerprint: bytes
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """Snapshots that are to go: all of a session that were taken up to its event `through`."""

    session_id: SessionId
    through: int


class Snapshots:
    """Takes snapshots and remembers which were stored."""

    def __init__(self, *, database: Database, keyring: Keyring, ciphers: Ciphers, now: Callable[[], datetime]) -> None:
        self._database = database
        self._keyring = keyring
        self._ciphers = ciphers
        self._now = now

    async def take(self, fence: Fence, kinds: Collection[str], mark: Mark) -> SealedSnapshot | None:
        """A snapshot of the session as it is now, to be stored and then kept by `keep`.

        None when there is nothing to store: no identity, another owner, or the same as was stored last.

        Args:
            fence: the session under its owner's epoch.
            kinds: of the keys that belong to the identity.
            mark: tells what of the credentials does.
        """
        async with self._database.wire() as wire:
            row = await wire.fetchrow(_TAKE, fence.session_id, fence.epoch, list(kinds), _MAX_KEYS)
        if row is None:
            return None
        cipher = self._ciphers.of(fence.session_id, Purpose.IDENTITY, row["identity_key"])
        secret = message_secret(row, fence.session_id, self._keyring, self._ciphers)
        if secret is None:  # only its tombstone has none
            return None
        return await asyncio.to_thread(self._seal, fence, row, cipher, secret, mark)

    async def keep(self, sealed: SealedSnapshot) -> bool:
        """Remember that it is stored; False when it is not wanted any more (another owner, or a void identity)."""
        fence = sealed.fence
        async with self._database.wire() as wire:
            kept = await wire.fetchval(
                _KEEP, fence.session_id, fence.epoch, sealed.fingerprint, sealed.sequence, self._now()
            )
        return bool(kept)

    async def due_removals(self, limit: int) -> Sequence[Removal]:
        """Removals to be done now; whoever gets one has a minute for it."""
        async with self._database.wire() as wire:
            rows = await wire.fetch(_DUE, self._now(), _LEASE, limit)
        return [Removal(session_id=row["id"], through=row["through"]) for row in rows]

    async def removed(self, removal: Removal) -> None:
        """It is done. It is due once more when no late write can come any more; then it is forgotten."""
        async with self._database.wire() as wire:
            gone = await wire.execute(_REMOVED, removal.session_id, removal.through, self._now())
            if gone == "DELETE 0":
                await wire.execute(_REMOVED_FOR_NOW, removal.session_id, removal.through)

    def _seal(self, fence: Fence, row: Row, cipher: Cipher, secret: bytes, mark: Mark) -> SealedSnapshot | None:
        """In a thread: some sessions know ten thousand contacts."""
        snapshot = _opened(row, cipher, secret)
        moment = Moment(session_id=fence.session_id, epoch=fence.epoch, sequence=row["sequence"])
        found = fingerprint(snapshot, moment, self._keyring, mark(snapshot.credentials))
        if found == row["fingerprint"]:
            return None
        body = seal(snapshot, moment, self._keyring)
        return SealedSnapshot(fence=fence, sequence=moment.sequence, fingerprint=found, body=body)


def _opened(row: Row, cipher: Cipher, secret: bytes) -> Snapshot:
    keys: Any = zip(row["kinds"] or (), row["ids"] or (), row["blobs"] or (), strict=True)
    return Snapshot(
        user_id=row["user_id"],
        **settings_of(row, cipher),
        **{column: row[column] for column in ("phone", "jid", "lid", "push_name")},
        message_secret=secret,
        credentials=cipher.decrypt(row["credentials"], "credentials"),
        keys={(kind, key_id): cipher.decrypt(value, "keys", kind, key_id) for kind, key_id, value in keys},
    )
