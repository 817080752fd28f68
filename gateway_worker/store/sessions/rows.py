"""Rows of sessions: made, found, ordered, forgotten. Who owns them is in `ownership.py`."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from gateway_worker.store.compact_json import dumps
from gateway_worker.store.errors import EventsUnpublished, StaleEpoch
from gateway_worker.store.postgres.database import Database, Wire
from gateway_worker.store.postgres.encryption import Ciphers, Keyring, Purpose
from gateway_worker.store.reading.media import LATE_UPLOADS
from gateway_worker.store.records import CausedBy, Desired, Json, NewSession, SessionRecord
from gateway_worker.store.row import Row
from gateway_worker.store.rows import session_record
from schemas.names import SessionId, UserId

ORDERS: Final = "gateway_desired"  # the channel that wakes workers; its payload is the session's id
_BATCH: Final = 5_000

_GET: Final = "SELECT * FROM sessions WHERE id = $1"
_LOCK: Final = f"{_GET} FOR NO KEY UPDATE"
_LIST: Final = "SELECT * FROM sessions WHERE deleted_at IS NULL AND id > $1 ORDER BY id LIMIT $2"
_LIST_OF_USER: Final = """
    SELECT * FROM sessions WHERE deleted_at IS NULL AND id > $1 AND user_id = $3 ORDER BY id LIMIT $2
"""
# A new one begins beyond what was told of one that a database which went back does not know.
_CREATE: Final = """
    INSERT INTO sessions (id, user_id, state, state_since, desired, identity_key, content_key, settings, caused_by,
        created_at, lineage, sequence, epoch)
    SELECT $1::text, $2::text, $3::text, $4::timestamptz, $5::text, $6::bytea, $7::bytea, $8::bytea, $9::jsonb, $4,
        max(number), max(sequence), max(epoch)
    FROM lineage
    ON CONFLICT DO NOTHING
"""
_REVIVE: Final = """
    UPDATE sessions SET user_id = $2, state = $3, state_since = $4, desired = $5, identity_key = $6, content_key = $7,
        settings = $8, caused_by = $9, created_at = $4, message_secret = $10, deleted_at = NULL, epoch = epoch + 1,
        generation = generation + 1, restart_generation = 0, purge = false
    WHERE id = $1 RETURNING *
"""
_MARK: Final = "INSERT INTO outbox_marks (session_id, published) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_SET: Final = "UPDATE sessions SET settings = $2 WHERE id = $1 RETURNING *"
_DESIRE: Final = """
    UPDATE sessions SET desired = $2, generation = generation + 1, purge = purge OR $4,
        restart_generation = CASE WHEN $3 THEN generation + 1 ELSE restart_generation END, caused_by = $5
    WHERE id = $1 RETURNING *
"""
_DELETE: Final = """
    UPDATE sessions SET state = 'deleted', deleted_at = coalesce(deleted_at, $2), applied_generation = generation,
        content_key = CASE WHEN $3 THEN NULL ELSE content_key END,
        message_secret = CASE WHEN $3 THEN NULL ELSE message_secret END,
        reason = NULL, retry_at = NULL, owner = NULL, incarnation = NULL, leaving = NULL, returns_at = NULL,
        phone = NULL, jid = NULL, lid = NULL, push_name = NULL, settings = NULL, identity_key = NULL,
        caused_by = NULL
    WHERE id = $1
"""
_PUBLISHED: Final = "SELECT published FROM outbox_marks WHERE session_id = $1"
_REMOVE_EVENTS: Final = "DELETE FROM outbox WHERE session_id = $1 AND sequence <= $2"
_REMOVE_MARK: Final = "DELETE FROM outbox_marks WHERE session_id = $1"
_REMOVE_OBJECTS: Final = """
    INSERT INTO media_removals (id, before, due_at, last_at) VALUES ($1, $2, $2, $3)
    ON CONFLICT (id) DO UPDATE SET before = $2, due_at = $2, last_at = $3
"""
_Tables = Mapping[str, Sequence[str]]
"""Of rows that belong to a session; with the columns that say which row it is, beside the session's id."""
_OF_THE_ACCOUNT: Final[_Tables] = {
    "credentials": (),
    "keys": ("kind", "id"),
    "entries": ("message_id", "sender", "chat", "index", "created_at"),
    "snapshots": (),
    "uploads": ("name",),
    "contacts": ("jid",),
    "timers": ("chat",),
    "labels": ("label_id",),
    "attempts": ("name",),
    "usage": ("hour",),
}
_OF_MESSAGES: Final[_Tables] = {
    "messages": ("message_id", "number"),
    "chats": ("chat",),
    "bodies": ("message_id", "number", "part", "created_at"),
    "receipts": ("message_id", "participant", "created_at"),
    "media": ("message_id", "number"),
    "set_aside": ("id",),
}


class SessionRows:
    """Everything about a session's row but its owner."""

    def __init__(self, *, database: Database, keyring: Keyring, ciphers: Ciphers, now: Callable[[], datetime]) -> None:
        self._database = database
        self._keyring = keyring
        self._ciphers = ciphers
        self._now = now

    async def get(self, session_id: SessionId) -> SessionRecord | None:
        """The session, or None when there is none (or it was deleted)."""
        async with self._database.wire() as wire:
            return living(await wire.fetchrow(_GET, session_id), self._ciphers)

    async def list(self, after: SessionId | None, limit: int, user_id: UserId | None = None) -> Sequence[SessionRecord]:
        """At most `limit` sessions in the order of their ids, from behind `after`; of one user if given."""
        async with self._database.wire() as wire:
            if user_id is None:
                rows = await wire.fetch(_LIST, after or "", limit)
            else:
                rows = await wire.fetch(_LIST_OF_USER, after or "", limit, user_id)
        return [session_record(row, self._ciphers) for row in rows]

    async def create_or_get(self, new: NewSession) -> SessionRecord:
        """The session's row as it is, or a new one without an owner.

        What was deleted is made again with new keys; its epoch and sequence go on, so that no old owner's fence holds
        and no number of an event occurs twice. Messages kept from before stay readable, unless the user is another.
        """
        async with self._database.transaction() as wire:
            fresh = self._fresh(new)
            await wire.execute(_CREATE, *fresh)
            row = await row_of(wire, new.session_id)
            assert row is not None
            if row["deleted_at"] is not None:
                row = await self._revive(wire, row, new, fresh)
            await wire.execute(_MARK, new.session_id, row["sequence"])
            return session_record(row, self._ciphers)

    async def update_options(
        self, session_id: SessionId, *, pairing: Json, options: Json | None = None, limits: Json | None = None
    ) -> SessionRecord | None:
        """Replace what a later `create` gave; None leaves what is stored. None when there is no such session."""
        async with self._database.transaction() as wire:
            row = await row_of(wire, session_id)
            record = living(row, self._ciphers)
            if row is None or record is None:
                return None
            settings = self._settings(
                session_id,
                row["identity_key"],
                pairing=pairing,
                options=record.options if options is None else options,
                limits=record.limits if limits is None else limits,
            )
            return living(await wire.fetchrow(_SET, session_id, settings), self._ciphers)

    async def desire(
        self,
        session_id: SessionId,
        desired: Desired,
        *,
        restart: bool = False,
        purge: bool = False,
        caused_by: CausedBy | None = None,
    ) -> SessionRecord | None:
        """Write what is wanted under a new generation and wake the owner; None when there is no such session.

        Deleting is final: a session that is to be deleted takes no other order, and comes back as it is.
        """
        async with self._database.transaction() as wire:
            row = await row_of(wire, session_id)
            if row is None or row["deleted_at"] is not None:
                return None
            if row["desired"] == Desired.DELETED and desired is not Desired.DELETED:
                return living(row, self._ciphers)
            changed = await wire.fetchrow(_DESIRE, session_id, desired.value, restart, purge, caused_by_json(caused_by))
            await wake(wire, session_id)
            return living(changed, self._ciphers)

    async def forget(self, session_id: SessionId, epoch: int, *, purge: bool) -> None:
        """Remove a session and destroy its keys; only a tombstone with epoch and sequence stays. Repeating is harmless.

        Args:
            session_id: which.
            epoch: of its owner.
            purge: also remove its messages, and destroy the key of whatever copy of them is left.

        Raises:
            StaleEpoch: it has another owner.
            EventsUnpublished: events are still to be published, and a purge would destroy their key.
        """
        await self._remove_rows(session_id, epoch, purge=purge)
        async with self._database.transaction() as wire:
            row = await _fenced(wire, session_id, epoch)
            published = await wire.fetchval(_PUBLISHED, session_id)
            if published is None:  # a tombstone that is through
                published = row["sequence"]
            if purge and published < row["sequence"]:
                raise EventsUnpublished("events of the session are still to be published")
            await wire.execute(_REMOVE_EVENTS, session_id, published)
            if published == row["sequence"]:
                await wire.execute(_REMOVE_MARK, session_id)
            now = self._now()
            if purge:  # nothing of it may stay in the media bucket
                await wire.execute(_REMOVE_OBJECTS, session_id, now, now + LATE_UPLOADS)
            await wire.execute(_DELETE, session_id, now, purge)

    async def _remove_rows(self, session_id: SessionId, epoch: int, *, purge: bool) -> None:
        """The large part, in bites that no timeout ends and no other session waits for."""
        doomed = {**_OF_THE_ACCOUNT, **(_OF_MESSAGES if purge else {})}
        for table, key in doomed.items():
            bite = _bite(table, key)
            removed = _BATCH
            while removed == _BATCH:
                async with self._database.transaction() as wire:
                    await _fenced(wire, session_id, epoch)
                    removed = _count(await wire.execute(bite, session_id))

    async def _revive(self, wire: Wire, tombstone: Row, new: NewSession, fresh: Sequence[object]) -> Row:
        *columns, content_key, settings, caused_by = fresh
        secret = None
        if tombstone["user_id"] == new.user_id and tombstone["content_key"] is not None:
            content_key, secret = tombstone["content_key"], tombstone["message_secret"]
        else:  # nothing of another user's may be read under this id
            for table in _OF_MESSAGES:
                await wire.execute(f"DELETE FROM {table} WHERE session_id = $1", new.session_id)  # noqa: S608 (ours)
        row = await wire.fetchrow(_REVIVE, *columns, content_key, settings, caused_by, secret)
        assert row is not None
        return row

    def _fresh(self, new: NewSession) -> Sequence[object]:
        """What both `_CREATE` and `_REVIVE` take, in their order."""
        identity_key = self._keyring.new_data_key(new.session_id, Purpose.IDENTITY)
        settings = {"pairing": new.pairing, "options": new.options, "limits": new.limits}
        return (
            new.session_id,
            new.user_id,
            new.state,
            self._now(),
            new.desired.value,
            identity_key,
            self._keyring.new_data_key(new.session_id, Purpose.CONTENT),
            self._settings(new.session_id, identity_key, **settings),
            caused_by_json(new.caused_by),
        )

    def _settings(self, session_id: SessionId, identity_key: bytes, **settings: Json) -> bytes:
        return self._ciphers.of(session_id, Purpose.IDENTITY, identity_key).encrypt(dumps(settings), "settings")


def _bite(table: str, key: Sequence[str]) -> str:
    """Removes some of a session's rows, by their key: a row's place (ctid) is unique in a partition only."""
    columns = ("session_id", *key)
    chosen = ", ".join(f'"{column}"' for column in columns)
    same = " AND ".join(f'doomed."{column}" = bite."{column}"' for column in columns)
    bite = f"SELECT {chosen} FROM {table} WHERE session_id = $1 LIMIT {_BATCH}"  # noqa: S608 (constants)
    return f"DELETE FROM {table} AS doomed USING ({bite}) AS bite WHERE {same}"  # noqa: S608


def _count(tag: str) -> int:
    """How many rows a command touched, by its tag (``DELETE 3``)."""
    return int(tag.rpartition(" ")[2])


def living(row: Row | None, ciphers: Ciphers) -> SessionRecord | None:
    """The session of a row; None where there is none, or it was deleted."""
    return None if row is None or row["deleted_at"] is not None else session_record(row, ciphers)


def caused_by_json(caused_by: CausedBy | None) -> str | None:
    """As its column takes it."""
    return None if caused_by is None else dumps(caused_by.to_json()).decode()


async def row_of(wire: Wire, session_id: SessionId) -> Row | None:
    """A session's row, a tombstone too, held until the transaction ends."""
    return await wire.fetchrow(_LOCK, session_id)


async def wake(wire: Wire, session_id: SessionId) -> None:
    """Have every worker look at the session, once this transaction is committed."""
    await wire.execute("SELECT pg_notify($1, $2)", ORDERS, session_id)


async def _fenced(wire: Wire, session_id: SessionId, epoch: int) -> Row:
    row = await row_of(wire, session_id)
    if row is None or row["epoch"] != epoch:
        raise StaleEpoch("The session is owned elsewhere by now, or gone.")
    return row
