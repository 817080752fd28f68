"""One transaction that many writes share: fence, operations, sequences, outbox. I/O on one asyncpg connection.

::

    lock and read the sessions whose epoch holds      the others are refused, here and now; what is locked is left out
    each round, each kind: one statement              writers/
    number the events, in the order of the writes     from the sequence read under the lock
    move the sequences, count, insert the outbox      one statement
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pydantic_core import to_json

from gateway_worker.store.errors import EventTooLarge
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.postgres.database import Wire
from gateway_worker.store.postgres.encryption import Cipher, Ciphers, Keyring, Purpose
from gateway_worker.store.records import Carried, CausedBy, Fence, Json, OutboxEvent
from gateway_worker.store.row import Row
from gateway_worker.store.writing.rounds import Placed, rounds
from gateway_worker.store.writing.usage import COUNT, Usage
from gateway_worker.timing.pace import Pace
from schemas.names import MAX_EVENT_BYTES, SessionId

_MAX_PAYLOAD: Final = MAX_EVENT_BYTES - 16 * 1024  # an envelope's attributes are short lines

_FENCE: Final = """
    SELECT s.id, s.epoch, s.sequence, s.identity_key, s.content_key
    FROM unnest($1::text[], $2::bigint[]) AS w (id, epoch)
    JOIN sessions AS s ON s.id = w.id AND s.epoch = w.epoch
    WHERE s.deleted_at IS NULL
    ORDER BY s.id
    FOR NO KEY UPDATE OF s
"""

# As above, but waiting for nobody: neither for a session's row, nor long for other rows in this transaction.
_FENCE_AT_ONCE: Final = f"""
    SELECT f.*, set_config('lock_timeout', $3, true) FROM ({_FENCE} SKIP LOCKED) AS f
"""  # noqa: S608 (constants)

_HELD: Final = """
    SELECT s.id, s.epoch FROM unnest($1::text[], $2::bigint[]) AS w (id, epoch)
    JOIN sessions AS s ON s.id = w.id AND s.epoch = w.epoch
    WHERE s.deleted_at IS NULL
"""
"""Read without a lock: of the sessions that were skipped, those whose fence holds. The others' epoch is stale."""

_PUBLISH: Final = f"""
    WITH moved AS (
        UPDATE sessions AS s SET sequence = m.sequence
        FROM unnest($1::text[], $2::bigint[]) AS m (id, sequence)
        WHERE s.id = m.id
    ), counted AS (
        {COUNT}
    )
    INSERT INTO outbox (session_id, sequence, event_id, type, epoch, payload, created_at)
    SELECT * FROM unnest($3::text[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::bytea[], $9::timestamptz[])
"""  # noqa: S608 (our own words)

_EVIDENCE: Final = "SELECT true FROM outbox WHERE session_id = $1 AND sequence = $2 AND event_id = $3"


@dataclass(frozen=True, slots=True)
class Writing:
    """One caller's operations under its fence."""

    fence: Fence
    operations: Sequence[Operation[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event that has no sequence yet."""

    type: str
    data: Json
    causation_id: str | None = None
    correlation_id: str | None = None
    carried: Carried = field(default_factory=dict[str, bool | int | str])

    @classmethod
    def following(cls, caused_by: CausedBy | None, event_type: str, data: Json) -> "NewEvent":
        """One that follows from this command, if from any."""
        if caused_by is None:
            return cls(type=event_type, data=data)
        return cls(
            type=event_type,
            data=data,
            causation_id=caused_by.command_id,
            correlation_id=caused_by.correlation_id,
            carried=caused_by.carried,
        )


@dataclass(slots=True)
class Fenced:
    """A session whose row is locked, at the epoch of the fence."""

    session_id: SessionId
    epoch: int
    sequence: int
    identity: Cipher
    content: Cipher


@dataclass(frozen=True, slots=True)
class GroupOutcome:
    """What a group came to.

    Attributes:
        answers: by write; None where nothing was written.
        events: in order.
        locked: the writes whose session somebody has locked; the fence of the others without an answer did not hold.
    """

    answers: Sequence[tuple[Any, ...] | None]
    events: Sequence[OutboxEvent]
    locked: frozenset[int] = frozenset()


@dataclass(slots=True, kw_only=True)
class Transaction:
    """What writers work on. They put answers and events at the place of the operation."""

    wire: Wire
    keyring: Keyring
    now: datetime
    sessions: Mapping[tuple[SessionId, int], Fenced]
    answers: dict[tuple[int, int], Any] = field(default_factory=dict[tuple[int, int], Any])
    events: dict[tuple[int, int], list[NewEvent]] = field(default_factory=dict[tuple[int, int], list[NewEvent]])
    usage: Usage = field(default_factory=Usage)

    def session(self, placed: Placed) -> Fenced:
        """The session an operation belongs to."""
        return self.sessions[placed.fence.session_id, placed.fence.epoch]

    def answer(self, placed: Placed, answer: Any) -> None:
        """What the operation's caller gets."""
        self.answers[placed.write, placed.index] = answer

    def emit(self, placed: Placed, event: NewEvent) -> None:
        """An event that the operation caused."""
        self.events.setdefault((placed.write, placed.index), []).append(event)


Writer = Callable[[Transaction, Sequence[Placed]], Any]


class GroupWriter:
    """Writes a group on a connection that is in a transaction.

    Args:
        keyring, ciphers: what encrypts.
        writers: for each kind of operation, in the order in which they take effect, the coroutine function that writes
            all of a round.
        new_event_id: makes an event's id from its time.
    """

    def __init__(
        self,
        *,
        keyring: Keyring,
        ciphers: Ciphers,
        writers: Mapping[type[Operation[Any]], Writer],
        new_event_id: Callable[[datetime], str],
    ) -> None:
        self._keyring = keyring
        self._ciphers = ciphers
        self._writers = writers
        self._ranks = {kind: rank for rank, kind in enumerate(writers)}
        self._new_event_id = new_event_id

    async def write(
        self,
        wire: Wire,
        group: Sequence[Writing],
        now: datetime,
        earlier: GroupOutcome | None,
        *,
        lock_seconds: float | None = None,
    ) -> GroupOutcome:
        """Write a group; the caller commits.

        Args:
            wire: in a transaction.
            group: the writes, in order.
            now: the wall clock.
            earlier: what the same group came to in a transaction whose commit was not answered. The locks taken here
                waited for it; if its events are there, it was committed, and its outcome stands.
            lock_seconds: leave out sessions that somebody has locked, and wait no longer than that for any other row;
                None waits as long as the server lets it. Without effect where there is an `earlier`.
        """
        waits = lock_seconds is None or earlier is not None
        sessions = await (self._fence(wire, group) if waits else self._fence_at_once(wire, group, lock_seconds))
        if earlier is not None and await _is_there(wire, earlier):
            return earlier
        transaction = Transaction(wire=wire, keyring=self._keyring, now=now, sessions=sessions)
        holds = [(writing.fence.session_id, writing.fence.epoch) in sessions for writing in group]
        operations = (
            Placed(write=number, index=index, fence=writing.fence, operation=operation)
            for number, writing in enumerate(group)
            if holds[number]
            for index, operation in enumerate(writing.operations)
        )
        for each in rounds(operations, self._ranks):
            for kind, placed in each.items():
                await self._writers[kind](transaction, placed)
        events = await self._publish(transaction, group)
        held = frozenset[tuple[SessionId, int]]() if waits else await self._held(wire, group, sessions)
        return GroupOutcome(
            [
                tuple(transaction.answers.get((number, index)) for index in range(len(writing.operations)))
                if holds[number]
                else None
                for number, writing in enumerate(group)
            ],
            events,
            frozenset(
                number
                for number, writing in enumerate(group)
                if (writing.fence.session_id, writing.fence.epoch) in held
            ),
        )

    async def _fence_at_once(
        self, wire: Wire, group: Sequence[Writing], lock_seconds: float | None
    ) -> Mapping[tuple[SessionId, int], Fenced]:
        return self._fenced(await wire.fetch(_FENCE_AT_ONCE, *_wanted(group), f"{round((lock_seconds or 0) * 1000)}ms"))

    async def _held(
        self, wire: Wire, group: Sequence[Writing], sessions: Mapping[tuple[SessionId, int], Fenced]
    ) -> frozenset[tuple[SessionId, int]]:
        """Of the sessions that were not locked here, those that somebody else has locked."""
        skipped = [writing for writing in group if (writing.fence.session_id, writing.fence.epoch) not in sessions]
        if not skipped:
            return frozenset()
        return frozenset((row["id"], row["epoch"]) for row in await wire.fetch(_HELD, *_wanted(skipped)))

    async def _fence(self, wire: Wire, group: Sequence[Writing]) -> Mapping[tuple[SessionId, int], Fenced]:
        return self._fenced(await wire.fetch(_FENCE, *_wanted(group)))

    def _fenced(self, rows: Sequence[Row]) -> Mapping[tuple[SessionId, int], Fenced]:
        return {
            (row["id"], row["epoch"]): Fenced(
                row["id"],
                row["epoch"],
                row["sequence"],
                self._ciphers.of(row["id"], Purpose.IDENTITY, row["identity_key"]),
                self._ciphers.of(row["id"], Purpose.CONTENT, row["content_key"]),
            )
            for row in rows
        }

    async def _publish(self, transaction: Transaction, group: Sequence[Writing]) -> Sequence[OutboxEvent]:
        events: list[OutboxEvent] = []
        payloads: list[bytes] = []
        moved: dict[SessionId, int] = {}
        pace = Pace()
        for (write, _index), caused in sorted(transaction.events.items()):
            await pace.breathe()
            fence = group[write].fence
            session = transaction.sessions[fence.session_id, fence.epoch]
            for new in caused:
                session.sequence += 1
                event = self._numbered(new, session, transaction.now)
                events.append(event)
                payloads.append(encrypt_event(event, session.content))
            moved[session.session_id] = session.sequence
        if events or transaction.usage:
            await transaction.wire.execute(
                _PUBLISH,
                list(moved),
                list(moved.values()),
                [event.session_id for event in events],
                [event.sequence for event in events],
                [event.event_id for event in events],
                [event.type for event in events],
                [event.epoch for event in events],
                payloads,
                [event.time for event in events],
                *transaction.usage.columns(transaction.now),
            )
        return events

    def _numbered(self, new: NewEvent, session: Fenced, now: datetime) -> OutboxEvent:
        return OutboxEvent(
            event_id=self._new_event_id(now),
            session_id=session.session_id,
            sequence=session.sequence,
            epoch=session.epoch,
            type=new.type,
            time=now,
            data=new.data,
            causation_id=new.causation_id,
            correlation_id=new.correlation_id,
            carried=new.carried,
        )


def _wanted(group: Sequence[Writing]) -> tuple[list[str], list[int]]:
    """Sessions and epochs, each once, in the order of the sessions: whoever locks several locks them in that order."""
    wanted = sorted({(writing.fence.session_id, writing.fence.epoch) for writing in group})
    return [session_id for session_id, _ in wanted], [epoch for _, epoch in wanted]


async def _is_there(wire: Wire, earlier: GroupOutcome) -> bool:
    """Whether a transaction was committed, told by the first of its events (ids are random: no other has them)."""
    if not earlier.events:
        return False  # without events every operation may be repeated
    first = earlier.events[0]
    return bool(await wire.fetchval(_EVIDENCE, first.session_id, first.sequence, first.event_id))


def encrypt_event(event: OutboxEvent, cipher: Cipher) -> bytes:
    """What of an event is confidential, for its row.

    Raises:
        EventTooLarge: whichever of its fields is too large, nobody could publish it.
    """
    payload = {
        "data": event.data,
        "causation": event.causation_id,
        "correlation": event.correlation_id,
        "carried": dict(event.carried),
    }
    # Strict, unlike `dumps`: half a surrogate pair could be stored, and never be published
    text = to_json(payload)
    if len(text) > _MAX_PAYLOAD:
        raise EventTooLarge(f"an event of {len(text)} bytes")
    return cipher.encrypt(text, "outbox", str(event.sequence))


def columns(rows: Iterable[tuple[Any, ...]]) -> Iterable[list[Any]]:
    """The same by column, as `unnest` takes them. There is at least one row."""
    return map(list, zip(*rows, strict=True))
