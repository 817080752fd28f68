"""What is done to a database that went back in time, before anybody connects from it.

Each session goes on under an epoch and a sequence beyond all that was ever told, keeps what makes its device (as a
snapshot does), and nothing of its conversations' ratchets: with everybody it begins anew. It takes up where it was
interrupted: what is not yet renewed is told by the number in its row.
"""

from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import structlog

from gateway_worker.store.errors import EncryptionError, StoreUnavailable
from gateway_worker.store.operations.identity import PutCredentials
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.operations.sessions import ChangeState
from gateway_worker.store.postgres.database import Database, Wire
from gateway_worker.store.postgres.driver_errors import translated
from gateway_worker.store.postgres.encryption import Ciphers, Purpose
from gateway_worker.store.postgres.guard import look
from gateway_worker.store.postgres.lineage import EPOCH_STEP, SEQUENCE_STEP, LineagePosition, beyond
from gateway_worker.store.records import Desired, Fence
from gateway_worker.store.row import Row
from gateway_worker.store.rows import as_json
from gateway_worker.store.writing.transaction import GroupWriter, Writing
from schemas.events.events import EPHEMERAL_STATES
from schemas.events.sessions import Reason, SessionState, SessionStatus
from schemas.names import SessionId, UserId, WorkerId

log = structlog.get_logger(__name__)

WENT_BACK: Final = Reason(
    code="session.restored",
    message="The database was restored from an earlier state. Messages and events in between are not in it.",
)

_LOCK: Final = 0x6761746577617901  # one at a time, the others wait for it
_BATCH: Final = 100
_ONE: Final = "DELETE FROM lineage WHERE ctid <> (SELECT ctid FROM lineage ORDER BY number DESC, ctid DESC LIMIT 1)"
_BEGIN: Final = """
    UPDATE lineage SET number = greatest(number, $1) + 1, sequence = $2, epoch = $3, since = $4 RETURNING number
"""
_TOMBSTONES: Final = """
    WITH old AS (SELECT id, sequence FROM sessions WHERE lineage <> $1 AND deleted_at IS NOT NULL FOR UPDATE),
    passed AS (
        UPDATE outbox_marks AS m SET published = greatest($2, old.sequence) FROM old
        WHERE m.session_id = old.id AND m.published >= old.sequence
    )
    UPDATE sessions AS s
    SET sequence = greatest($2, s.sequence), epoch = greatest($3, s.epoch + 1), lineage = $1
    FROM old WHERE s.id = old.id
"""
_BEHIND: Final = """
    SELECT s.*, c.value AS credentials
    FROM sessions AS s LEFT JOIN credentials AS c ON c.session_id = s.id
    WHERE s.lineage <> $1 AND s.deleted_at IS NULL AND s.id <> ALL($3) ORDER BY s.id LIMIT $2 FOR UPDATE OF s
"""
_LEFT: Final = "SELECT count(*) FROM sessions WHERE lineage <> $1 AND deleted_at IS NULL"
_GO_ON: Final = """
    UPDATE sessions SET
        epoch = greatest($2, epoch + 1), sequence = greatest($3, sequence), lineage = $4,
        owner = NULL, incarnation = NULL, leaving = NULL, returns_at = NULL
    WHERE id = ANY($1) RETURNING id, epoch
"""
_MOVE_MARKS: Final = """
    UPDATE outbox_marks AS m SET published = greatest($3, old.sequence)
    FROM unnest($1::text[], $2::bigint[]) AS old (id, sequence)
    WHERE m.session_id = old.id AND m.published >= old.sequence
"""
_FORGET: Final = "DELETE FROM keys WHERE session_id = ANY($1) AND kind <> ALL($2)"
_UNBLOCK: Final = "UPDATE contacts SET blocked = false WHERE session_id = ANY($1) AND blocked"  # it is read anew

Rejuvenate = Callable[[bytes, int], bytes]
"""A credentials blob for a life that many restores later: no number that was used is used again."""


class _Unreadable(Exception):  # noqa: N818 (reads as the fact it is)
    """Among these sessions is one whose credentials or keys are not what they should be."""

    def __init__(self, session_ids: Sequence[str]) -> None:
        super().__init__("a session cannot be read")
        self.session_ids = session_ids


class Renewal:
    """Finds out how the database stands, and renews it.

    Args:
        writer: writes sessions as an owner would.
    """

    def __init__(
        self, *, database: Database, ciphers: Ciphers, writer: GroupWriter, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._ciphers = ciphers
        self._writer = writer
        self._now = now

    @asynccontextmanager
    async def alone(self) -> AsyncGenerator[None]:
        """While it is held, nobody else compares, renews or opens its first socket.

        Raises:
            StoreUnavailable: somebody else is at it (ask again), or the database is away.
        """
        wire = await self._database.own_connection("lineage")
        try:
            with translated():
                if not await wire.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
                    raise StoreUnavailable("Another worker looks at the database.")
            yield
        finally:
            wire.terminate()

    async def tidy(self) -> None:
        """Leave one row of `lineage`: data that were restored into a schema made anew come beside its own row."""
        async with self._database.wire() as wire:
            await wire.execute(_ONE)

    async def position(self, *, highest: bool) -> LineagePosition:
        """How the database stands at this moment."""
        async with self._database.wire() as wire:
            return await look(wire, highest=highest)

    async def begin(self, now: LineagePosition, mark: LineagePosition) -> None:
        """Note that it went back, and where all sessions go on, the unknown ones too."""
        sequence = beyond(max(now.sequence, mark.sequence), SEQUENCE_STEP)
        epoch = beyond(max(now.epoch, mark.epoch), EPOCH_STEP)
        async with self._database.wire() as wire:
            number = await wire.fetchval(_BEGIN, mark.number, sequence, epoch, self._now())
        log.warning("lineage.begun", number=number, sequence=sequence, epoch=epoch)

    async def behind(self, position: LineagePosition) -> int:
        """How many sessions are not renewed yet."""
        async with self._database.wire() as wire:
            return await wire.fetchval(_LEFT, position.number)

    async def renew(
        self, position: LineagePosition, *, rejuvenate: Rejuvenate, kept: Collection[str], worker_id: WorkerId
    ) -> int:
        """Renew every session that is behind, some at a time; answers how many.

        One that cannot be read stays behind, so nobody claims it, and holds up no other.

        Args:
            position: of the database since `begin`.
            rejuvenate: makes credentials fit for a new life.
            kept: kinds of keys that belong to the identity.
            worker_id: named in the events.
        """
        async with self._database.wire() as wire:
            await wire.execute(_TOMBSTONES, position.number, position.sequence, position.epoch)
        renewed, most, held = 0, _BATCH, list[str]()
        while True:
            try:
                count = await self._renew_some(position, rejuvenate, kept, worker_id, most=most, held=held)
            except _Unreadable as unreadable:
                if len(unreadable.session_ids) > 1:
                    most = 1  # until it is found
                    continue
                log.error("lineage.not_renewed", session=unreadable.session_ids[0], reason=str(unreadable.__cause__))  # noqa: TRY400 (the reason is a line)
                held += unreadable.session_ids
                most = _BATCH
            else:
                if not count:
                    return renewed
                renewed += count
                log.info("lineage.renewed", sessions=renewed)

    async def _renew_some(
        self,
        position: LineagePosition,
        rejuvenate: Rejuvenate,
        kept: Collection[str],
        worker_id: WorkerId,
        *,
        most: int,
        held: Sequence[str],
    ) -> int:
        rows: Sequence[Row] = ()
        with translated():
            async with self._database.raw_wire() as wire:
                transaction = wire.transaction()
                await transaction.start()
                try:
                    rows = await wire.fetch(_BEHIND, position.number, most, list(held))
                    if rows:
                        epochs = await self._go_on(wire, rows, position, kept)
                        group = [self._writing(row, epochs, position, rejuvenate, worker_id) for row in rows]
                        await self._writer.write(wire, group, self._now(), None)
                except (EncryptionError, ValueError) as error:
                    await transaction.rollback()
                    raise _Unreadable([row["id"] for row in rows]) from error
                except BaseException:
                    if not wire.is_closed():
                        await transaction.rollback()
                    raise
                await transaction.commit()
        return len(rows)

    async def _go_on(
        self, wire: Wire, rows: Sequence[Row], position: LineagePosition, kept: Collection[str]
    ) -> dict[str, int]:
        ids = [row["id"] for row in rows]
        await wire.execute(_MOVE_MARKS, ids, [row["sequence"] for row in rows], position.sequence)
        await wire.execute(_FORGET, ids, list(kept))
        await wire.execute(_UNBLOCK, ids)
        moved = await wire.fetch(_GO_ON, ids, position.epoch, position.sequence, position.number)
        return {row["id"]: row["epoch"] for row in moved}

    def _writing(
        self, row: Row, epochs: dict[str, int], position: LineagePosition, rejuvenate: Rejuvenate, worker_id: WorkerId
    ) -> Writing:
        session_id = SessionId(row["id"])
        operations: list[Operation[None]] = []
        if row["credentials"] is not None:
            cipher = self._ciphers.of(session_id, Purpose.IDENTITY, row["identity_key"])
            blob = cipher.decrypt(row["credentials"], "credentials")
            operations.append(PutCredentials(blob=rejuvenate(blob, position.number - row["lineage"])))
        operations.append(_state_change(row, session_id, worker_id, self._now()))
        return Writing(Fence(session_id=session_id, epoch=epochs[session_id]), operations)


def _state_change(row: Row, session_id: SessionId, worker_id: WorkerId, now: datetime) -> ChangeState:
    """It connects again if that is wanted of it; otherwise it stays as it was, and this is only said."""
    state = SessionState(row["state"])
    returns = row["desired"] == Desired.CONNECTED and row["credentials"] is not None
    if returns or state in EPHEMERAL_STATES or state is SessionState.CONNECTED:
        state = SessionState.DISCONNECTED
    status = SessionStatus(
        session_id=session_id,
        user_id=UserId(row["user_id"]),
        worker_id=worker_id,
        state=state,
        timestamp=now,
        retry_at=now if returns else None,
        reason=WENT_BACK,
    )
    return ChangeState(
        state=state.value,
        reason=WENT_BACK.to_data() if returns else as_json(row["reason"]),
        retry_at=now if returns else row["retry_at"],
        event=status.to_data(),
    )
