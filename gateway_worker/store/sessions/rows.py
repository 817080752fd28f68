"""Rows of sessions: made, found, wished upon, forgotten. Who owns them is in `ownership.py`."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Delete, RowMapping, Table, case, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway_worker.store.compact_json import dumps
from gateway_worker.store.errors import EventsUnpublished, StaleEpoch
from gateway_worker.store.postgres import tables
from gateway_worker.store.postgres.database import Database
from gateway_worker.store.postgres.encryption import Ciphers, Keyring, Purpose
from gateway_worker.store.reading.media import LATE_UPLOADS
from gateway_worker.store.records import Desired, Json, NewSession, SessionRecord
from gateway_worker.store.row import Row
from gateway_worker.store.rows import session_record
from schemas.names import SessionId, UserId

WISHES: Final = "gateway_desired"  # the channel that wakes workers; its payload is the session's id
_S = tables.sessions
_BATCH: Final = 5_000
# Until the transaction ends. PostgreSQL does not foresee that each row of a bite is looked for in one partition only.
_BY_INDEX: Final = text(
    "SELECT set_config(name, 'off', true)"
    " FROM unnest(ARRAY['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin']) AS name"
)


class SessionRows:
    """Everything about a session's row but its owner."""

    def __init__(self, *, database: Database, keyring: Keyring, ciphers: Ciphers, now: Callable[[], datetime]) -> None:
        self._database = database
        self._keyring = keyring
        self._ciphers = ciphers
        self._now = now

    async def get(self, session_id: SessionId) -> SessionRecord | None:
        """The session, or None when there is none (or it was deleted)."""
        async with self._database.transaction() as connection:
            return self._record(await row_of(connection, session_id))

    async def list(self, after: SessionId | None, limit: int, user_id: UserId | None = None) -> Sequence[SessionRecord]:
        """At most `limit` sessions in the order of their ids, from behind `after`; of one user if given."""
        query = select(_S).where(_S.c.deleted_at.is_(None), _S.c.id > (after or "")).order_by(_S.c.id).limit(limit)
        if user_id is not None:
            query = query.where(_S.c.user_id == user_id)
        async with self._database.transaction() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [session_record(row, self._ciphers) for row in rows]

    async def create_or_get(self, new: NewSession) -> SessionRecord:
        """The session's row as it is, or a new one without an owner.

        What was deleted is made again with new keys; its epoch and sequence go on, so that no old owner's fence holds
        and no number of an event occurs twice. Messages kept from before stay readable, unless the user is another.
        """
        async with self._database.transaction() as connection:
            fresh = {**_begin(), **self._fresh_row(new)}
            await connection.execute(upsert(_S).values(fresh).on_conflict_do_nothing())
            row = await row_of(connection, new.session_id, lock=True)
            assert row is not None
            if row["deleted_at"] is not None:
                row = await self._revive(connection, row, new)
            await connection.execute(
                upsert(tables.marks)
                .values(session_id=new.session_id, published=row["sequence"])
                .on_conflict_do_nothing()
            )
            return session_record(row, self._ciphers)

    async def update_options(
        self, session_id: SessionId, *, pairing: Json, options: Json | None = None, limits: Json | None = None
    ) -> SessionRecord | None:
        """Replace what a later `create` gave; None leaves what is stored. None when there is no such session."""
        async with self._database.transaction() as connection:
            row = await row_of(connection, session_id, lock=True)
            record = self._record(row)
            if row is None or record is None:
                return None
            settings = self._settings(
                session_id,
                row["identity_key"],
                pairing=pairing,
                options=record.options if options is None else options,
                limits=record.limits if limits is None else limits,
            )
            return self._record(await _change(connection, session_id, settings=settings))

    async def desire(
        self, session_id: SessionId, desired: Desired, *, restart: bool = False, purge: bool = False
    ) -> SessionRecord | None:
        """Write what is wanted under a new generation and wake the owner; None when there is no such session.

        Deleting is final: a session that is to be deleted takes no other wish, and comes back as it is.
        """
        async with self._database.transaction() as connection:
            row = await row_of(connection, session_id, lock=True)
            if row is None or row["deleted_at"] is not None:
                return None
            if row["desired"] == Desired.DELETED and desired is not Desired.DELETED:
                return self._record(row)
            generation = row["generation"] + 1
            changed = await _change(
                connection,
                session_id,
                desired=desired.value,
                generation=generation,
                restart_generation=generation if restart else row["restart_generation"],
                purge=row["purge"] or purge,
            )
            await wake(connection, session_id)
            return self._record(changed)

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
        async with self._database.transaction() as connection:
            row = await _fenced(connection, session_id, epoch)
            published = await _published(connection, row)
            if purge and published < row["sequence"]:
                raise EventsUnpublished("events of the session are still to be published")
            await _remove_published(connection, session_id, published, everything=published == row["sequence"])
            if purge:
                await self._have_objects_removed(connection, session_id)
            await _change(
                connection,
                session_id,
                **_NOTHING_PERSONAL,
                state="deleted",
                deleted_at=case((_S.c.deleted_at.is_(None), self._now()), else_=_S.c.deleted_at),
                applied_generation=_S.c.generation,
                content_key=None if purge else _S.c.content_key,
                message_secret=None if purge else _S.c.message_secret,
            )

    async def _remove_rows(self, session_id: SessionId, epoch: int, *, purge: bool) -> None:
        """The large part, in bites that no timeout ends and no other session waits for."""
        doomed = [tables.credentials, tables.keys, tables.entries, tables.snapshots, tables.uploads]
        doomed += [tables.contacts, tables.timers]
        doomed += [tables.attempts]
        doomed += [tables.messages, tables.bodies, tables.receipts, tables.media, tables.set_aside] if purge else []
        for table in doomed:
            removed = _BATCH
            while removed == _BATCH:
                async with self._database.transaction() as connection:
                    await _fenced(connection, session_id, epoch)
                    await connection.execute(_BY_INDEX)
                    result = await connection.execute(_bite(table, session_id))
                    removed = result.rowcount

    async def _have_objects_removed(self, connection: AsyncConnection, session_id: SessionId) -> None:
        """Nothing of it may stay in the media bucket."""
        now = self._now()
        values = {"before": now, "due_at": now, "last_at": now + LATE_UPLOADS}
        removal = upsert(tables.media_removals).values(id=session_id, **values)
        await connection.execute(removal.on_conflict_do_update(index_elements=["id"], set_=values))

    async def _revive(self, connection: AsyncConnection, tombstone: RowMapping, new: NewSession) -> RowMapping:
        fresh = self._fresh_row(new)
        if tombstone["user_id"] == new.user_id and tombstone["content_key"] is not None:
            fresh |= {column: tombstone[column] for column in ("content_key", "message_secret")}
        else:  # nothing of another user's may be read under this id
            for table in (tables.messages, tables.bodies, tables.receipts, tables.media, tables.set_aside):
                await connection.execute(delete(table).where(table.c.session_id == new.session_id))
        del fresh["id"]
        await connection.execute(
            update(_S)
            .where(_S.c.id == new.session_id)
            .values(
                **fresh,
                deleted_at=None,
                epoch=_S.c.epoch + 1,
                generation=_S.c.generation + 1,
                restart_generation=0,
                purge=False,
            )
        )
        row = await row_of(connection, new.session_id)
        assert row is not None
        return row

    def _fresh_row(self, new: NewSession) -> dict[str, Any]:
        identity_key = self._keyring.new_data_key(new.session_id, Purpose.IDENTITY)
        return {
            "id": new.session_id,
            "user_id": new.user_id,
            "state": new.state,
            "state_since": self._now(),
            "desired": new.desired.value,
            "identity_key": identity_key,
            "content_key": self._keyring.new_data_key(new.session_id, Purpose.CONTENT),
            "message_secret": None,
            "settings": self._settings(
                new.session_id, identity_key, pairing=new.pairing, options=new.options, limits=new.limits
            ),
            "created_at": self._now(),
        }

    def _settings(self, session_id: SessionId, identity_key: bytes, **settings: Json) -> bytes:
        return self._ciphers.of(session_id, Purpose.IDENTITY, identity_key).encrypt(dumps(settings), "settings")

    def _record(self, row: Row | None) -> SessionRecord | None:
        return None if row is None or row["deleted_at"] is not None else session_record(row, self._ciphers)


def _bite(table: Table, session_id: SessionId) -> Delete:
    """Some of a session's rows, by their key: a row's place (ctid) is unique in a partition only."""
    key = list(table.primary_key.columns)
    some = select(*key).where(table.c.session_id == session_id).limit(_BATCH).subquery()
    return delete(table).where(*(column == some.c[column.name] for column in key))


_NOTHING_PERSONAL: Final[Mapping[str, Any]] = dict.fromkeys(
    [
        *("reason", "retry_at", "owner", "incarnation", "leaving", "returns_at"),
        *("phone", "jid", "lid", "push_name", "settings", "identity_key"),
    ]
)


def _begin() -> dict[str, Any]:
    """Where a new session begins: beyond what was told of one that a database which went back does not know."""
    begun = tables.lineage
    columns = {"lineage": begun.c.number, "sequence": begun.c.sequence, "epoch": begun.c.epoch}
    return {name: select(func.max(column)).scalar_subquery() for name, column in columns.items()}


async def row_of(connection: AsyncConnection, session_id: SessionId, *, lock: bool = False) -> RowMapping | None:
    """A session's row, a tombstone too; with `lock` it is held until the transaction ends."""
    query = select(_S).where(_S.c.id == session_id)
    if lock:
        query = query.with_for_update(key_share=True)
    return (await connection.execute(query)).mappings().one_or_none()


async def wake(connection: AsyncConnection, session_id: SessionId) -> None:
    """Have every worker look at the session, once this transaction is committed."""
    await connection.execute(text("SELECT pg_notify(:channel, :id)"), {"channel": WISHES, "id": session_id})


async def _fenced(connection: AsyncConnection, session_id: SessionId, epoch: int) -> RowMapping:
    row = await row_of(connection, session_id, lock=True)
    if row is None or row["epoch"] != epoch:
        raise StaleEpoch("The session is owned elsewhere by now, or gone.")
    return row


async def _change(connection: AsyncConnection, session_id: SessionId, **values: Any) -> RowMapping:
    statement = update(_S).where(_S.c.id == session_id).values(**values).returning(*_S.c)
    return (await connection.execute(statement)).mappings().one()


async def _published(connection: AsyncConnection, row: RowMapping) -> int:
    """How far events are published. Without a mark (a tombstone that is through) there is nothing left to publish."""
    query = select(tables.marks.c.published).where(tables.marks.c.session_id == row["id"])
    published = (await connection.execute(query)).scalar_one_or_none()
    return row["sequence"] if published is None else published


async def _remove_published(
    connection: AsyncConnection, session_id: SessionId, published: int, *, everything: bool
) -> None:
    outbox, marks = tables.outbox, tables.marks
    await connection.execute(delete(outbox).where(outbox.c.session_id == session_id, outbox.c.sequence <= published))
    if everything:
        await connection.execute(delete(marks).where(marks.c.session_id == session_id))
