"""Bringing a session back from its snapshot: all in one transaction, or nothing.

What is restored connects by itself, as soon as a worker has room for it. Its epoch and sequence go on far beyond those
of the snapshot (see `Moment.resumed`), unless the database knows later ones.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from gateway_worker.store.compact_json import dumps
from gateway_worker.store.errors import RestoreRefused
from gateway_worker.store.operations.identity import PutCredentials, PutKeys
from gateway_worker.store.operations.sessions import ChangeState
from gateway_worker.store.postgres.database import Database, Wire, in_transaction
from gateway_worker.store.postgres.driver_errors import translated
from gateway_worker.store.postgres.encryption import Ciphers, Keyring, Purpose
from gateway_worker.store.reading.message_secret import sealed
from gateway_worker.store.records import Desired, Fence
from gateway_worker.store.row import Row
from gateway_worker.store.sessions.rows import ORDERS
from gateway_worker.store.snapshots.format import Moment, Snapshot, unseal
from gateway_worker.store.writing.transaction import GroupWriter, Writing
from gateway_worker.store.writing.writers.chats import UNSET
from schemas.events.sessions import Reason, SessionState, SessionStatus
from schemas.names import SessionId, UserId, WorkerId

RESTORED: Final = Reason(
    code="session.restored",
    message="The session was restored from its snapshot. Events after the last one you have may be missing.",
)

_FIND: Final = """
    SELECT s.*, EXISTS (SELECT FROM credentials WHERE session_id = s.id) AS has_identity
    FROM sessions AS s WHERE s.id = $1 FOR UPDATE
"""
_INSERT: Final = """
    INSERT INTO sessions (
        id, epoch, sequence, settings, identity_key, content_key, message_secret, user_id, state, state_since, desired,
        created_at, lineage
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'disconnected', $9, 'connected', $9, (SELECT max(number) FROM lineage))
"""
_REPLACE: Final = """
    UPDATE sessions SET
        epoch = $2, sequence = $3, settings = $4, identity_key = $5, owner = NULL, incarnation = NULL,
        leaving = NULL, returns_at = NULL,
        generation = generation + 1, restart_generation = generation + 1
    WHERE id = $1
"""
_EMPTY: Final = (
    "DELETE FROM credentials WHERE session_id = $1",
    "DELETE FROM keys WHERE session_id = $1",
    "DELETE FROM entries WHERE session_id = $1",  # of another data key, as the next
    "DELETE FROM attempts WHERE session_id = $1",
    "DELETE FROM contacts WHERE session_id = $1",
    "DELETE FROM timers WHERE session_id = $1",
    "DELETE FROM labels WHERE session_id = $1",
    f"{UNSET} WHERE session_id = $1",
    "DELETE FROM snapshots WHERE session_id = $1",
)
_BEGUN: Final = "SELECT max(sequence) AS sequence, max(epoch) AS epoch FROM lineage"
_PUBLISHED: Final = "SELECT published FROM outbox_marks WHERE session_id = $1"
_MARK: Final = """
    INSERT INTO outbox_marks (session_id, published) VALUES ($1, $2)
    ON CONFLICT (session_id) DO UPDATE SET published = excluded.published
"""

Revive = Callable[[bytes], bytes]
"""A credentials blob for its next life: no number that was used is used again."""


class Restorer:
    """Brings sessions back.

    Args:
        writer: writes what is restored as an owner would.
    """

    def __init__(
        self,
        *,
        database: Database,
        keyring: Keyring,
        ciphers: Ciphers,
        writer: GroupWriter,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._ciphers = ciphers
        self._writer = writer
        self._now = now

    async def restore(
        self, body: bytes, moment: Moment, *, revive: Revive, worker_id: WorkerId, replace_identity: bool = False
    ) -> int:
        """Bring a session back; the sequence of the event that tells of it.

        Args:
            body: the sealed snapshot.
            moment: whose, and of when, as the object's name says.
            revive: makes the credentials fit for a new life.
            worker_id: named in the event.
            replace_identity: also where the session has an identity, which is then destroyed.

        Raises:
            SnapshotInvalid, KeyUnavailable, Tampered: the snapshot cannot be read.
            RestoreRefused: what the database holds is in the way.
            StoreUnavailable: the database is away.
        """
        snapshot = unseal(body, moment, self._keyring)
        snapshot = replace(snapshot, credentials=revive(snapshot.credentials))
        with translated():
            async with self._database.raw_wire() as wire, in_transaction(wire):
                return await self._write(wire, snapshot, moment, worker_id, replace_identity=replace_identity)

    async def _write(
        self, wire: Wire, snapshot: Snapshot, moment: Moment, worker_id: WorkerId, *, replace_identity: bool
    ) -> int:
        found = await wire.fetchrow(_FIND, moment.session_id)
        if found is not None:
            _refuse(found, snapshot, replace_identity=replace_identity)
        now, resumed = self._now(), await _resume(wire, found, moment)
        await self._prepare(wire, snapshot, resumed, is_new=found is None)
        session_id = SessionId(resumed.session_id)
        writing = Writing(
            Fence(session_id=session_id, epoch=resumed.epoch),
            [
                PutCredentials(blob=snapshot.credentials),
                PutKeys(keys=snapshot.keys),
                _state_change(snapshot, session_id, worker_id, now),
            ],
        )
        (event,) = (await self._writer.write(wire, [writing], now, None)).events
        await wire.execute("SELECT pg_notify($1, $2)", ORDERS, session_id)
        return event.sequence

    async def _prepare(self, wire: Wire, snapshot: Snapshot, resumed: Moment, *, is_new: bool) -> None:
        """The session's row as if an owner had just claimed it, with a new data key and nothing of an old identity."""
        session_id = resumed.session_id
        identity_key = self._keyring.new_data_key(session_id, Purpose.IDENTITY)
        cipher = self._ciphers.of(session_id, Purpose.IDENTITY, identity_key)
        settings = {"pairing": snapshot.pairing, "options": snapshot.options, "limits": snapshot.limits}
        row = (session_id, resumed.epoch, resumed.sequence, cipher.encrypt(dumps(settings), "settings"), identity_key)
        if is_new:
            content_key = self._keyring.new_data_key(session_id, Purpose.CONTENT)
            secret = sealed(snapshot.message_secret, session_id, self._keyring)
            await wire.execute(_INSERT, *row, content_key, secret, snapshot.user_id, self._now())
        else:
            for statement in _EMPTY:
                await wire.execute(statement, session_id)
            await wire.execute(_REPLACE, *row)


def _refuse(found: Row, snapshot: Snapshot, *, replace_identity: bool) -> None:
    if found["deleted_at"] is not None or found["desired"] == Desired.DELETED:
        raise RestoreRefused("the session was deleted, and stays so: make it anew with session.create")
    if found["user_id"] != snapshot.user_id:
        raise RestoreRefused("a session of this id belongs to another user: delete that one first")
    if found["has_identity"] and not replace_identity:
        raise RestoreRefused(
            "the session is there and has an identity: nothing to restore. If WhatsApp refuses it, and only then,"
            " --force replaces it by the snapshot's"
        )


async def _resume(wire: Wire, found: Row | None, moment: Moment) -> Moment:
    """Epoch and sequence to go on from; the epoch is beyond any owner's."""
    if found is not None:
        if found["sequence"] >= moment.sequence and found["epoch"] >= moment.epoch:
            return replace(moment, epoch=found["epoch"] + 1, sequence=found["sequence"])
        if await wire.fetchval(_PUBLISHED, moment.session_id) < found["sequence"]:
            raise RestoreRefused("the session has events to publish: start a worker, and restore when they are out")
    resumed, begun = moment.resumed(), await wire.fetchrow(_BEGUN)
    assert begun is not None
    resumed = replace(
        resumed, epoch=max(resumed.epoch, begun["epoch"]), sequence=max(resumed.sequence, begun["sequence"])
    )
    await wire.execute(_MARK, moment.session_id, resumed.sequence)
    return resumed


def _state_change(snapshot: Snapshot, session_id: SessionId, worker_id: WorkerId, now: datetime) -> ChangeState:
    status = SessionStatus(
        session_id=session_id,
        user_id=UserId(snapshot.user_id),
        worker_id=worker_id,
        state=SessionState.DISCONNECTED,
        timestamp=now,
        retry_at=now,
        reason=RESTORED,
    )
    return ChangeState(
        state=SessionState.DISCONNECTED.value,
        reason=RESTORED.to_data(),
        retry_at=now,
        desired=Desired.CONNECTED,
        phone=snapshot.phone,
        jid=snapshot.jid,
        lid=snapshot.lid,
        push_name=snapshot.push_name,
        event=status.to_data(),
    )
