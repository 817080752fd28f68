"""Outgoing messages, and how their statuses move. Each is number 0 of its id."""

from collections.abc import Sequence
from typing import Any, Final

from gateway_worker.store.compact_json import dumps
from gateway_worker.store.operations.commands import AlreadySettled, BeginAnswer, Begun, Conflict, InProgress
from gateway_worker.store.operations.receipts import AdvanceParticipant, AdvanceStatus
from gateway_worker.store.records import Json, Status
from gateway_worker.store.row import Row
from gateway_worker.store.rows import as_json, carried_of
from gateway_worker.store.writing import status_order
from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import Fenced, NewEvent, Transaction, columns
from gateway_worker.store.writing.writers.chats import TALKED, Renamed, merge
from gateway_worker.store.writing.writers.commands import Seen, record_commands
from schemas.events.events import MESSAGE_STATUS
from schemas.events.failures import Failure
from schemas.events.messages import MessageState, MessageStatus

# Ours is the first of those under its id, number 0. It is asked for in that order so that PostgreSQL takes the primary
# key, also as long as the table is empty: a plan made then is kept.
OURS: Final = """
    SELECT ctid AS place, * FROM messages
    WHERE session_id = {wanted}.session_id AND message_id = {wanted}.message_id
    ORDER BY number LIMIT 1
"""

# Messages of one transaction are a microsecond apart, in the order of the writes: so their times order a chat.
_BEGIN: Final = f"""
    WITH given AS (
        SELECT * FROM unnest(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::bigint[], $11::text[], $12::timestamptz[], $13::bytea[]
        ) WITH ORDINALITY AS g (
            session_id, message_id, chat, recipient, kind, source, id, correlation_id, carried, epoch, about,
            expires_at, body, place
        )
    ), begun AS (
        INSERT INTO messages AS m (
            session_id, message_id, direction, chat, recipient, from_me, kind, command_source, command_id,
            correlation_id, carried, status, attempts, epoch, about, expires_at, at, created_at
        )
        SELECT session_id, message_id, 'outgoing', chat, recipient, true, kind, source, id, correlation_id,
            carried::jsonb, 'pending', 1, epoch, about, expires_at, moment, moment
        FROM given, LATERAL (SELECT $14::timestamptz + place * interval '1 microsecond' AS moment) AS t
        ON CONFLICT (session_id, message_id, number) DO UPDATE
            SET attempts = m.attempts + (m.status = 'pending')::int,
                epoch = CASE WHEN m.status = 'pending' THEN excluded.epoch ELSE m.epoch END
        RETURNING session_id, message_id, number, chat, about, status, attempts, error, created_at, xmax = 0 AS fresh,
            coalesce(failed_at, played_at, read_at, delivered_at, sent_at, created_at) AS settled_at
    ), shown AS (
        SELECT session_id, message_id, number, chat, created_at, false AS is_unread FROM begun
        WHERE fresh AND about IS NULL
    ), talked AS (
        {TALKED.format(new="shown")}
    ), written AS (
        INSERT INTO bodies (session_id, message_id, part, value, created_at)
        SELECT session_id, message_id, 'content', body, created_at
        FROM given JOIN begun USING (session_id, message_id) WHERE fresh
        ON CONFLICT (session_id, message_id, number, part, created_at) DO UPDATE SET value = excluded.value
    )
    SELECT * FROM begun
"""  # noqa: S608 (our own words)

# What the engine sends of its own accord has no row among the messages.
_PUT_PLAINTEXTS: Final = f"""
    INSERT INTO bodies AS b (session_id, message_id, part, value, created_at)
    SELECT p.session_id, p.message_id, 'plaintext', p.value, coalesce(m.created_at, $4)
    FROM unnest($1::text[], $2::text[], $3::bytea[]) AS p (session_id, message_id, value)
    LEFT JOIN LATERAL ({OURS.format(wanted="p")}) AS m ON m.number = 0
    ON CONFLICT (session_id, message_id, number, part, created_at) DO UPDATE
        SET value = excluded.value, tries = b.tries + 1
"""  # noqa: S608 (our own words)

_REPLACE_CONTENT: Final = f"""
    UPDATE bodies AS b SET value = g.value
    FROM unnest($1::text[], $2::text[], $3::bytea[]) AS g (session_id, message_id, value)
    JOIN LATERAL ({OURS.format(wanted="g")}) AS m ON m.number < 1
    WHERE b.session_id = g.session_id AND b.message_id = g.message_id AND b.number = m.number AND b.part = 'content'
        AND b.created_at = m.created_at
"""  # noqa: S608 (our own words)

_SET_EXPIRY: Final = f"""
    UPDATE messages AS m SET expires_at = m.at + make_interval(secs => g.seconds)
    FROM unnest($1::text[], $2::text[], $3::int[]) AS g (session_id, message_id, seconds)
    JOIN LATERAL ({OURS.format(wanted="g")}) AS o ON o.number = 0 AND o.status = 'pending'
    WHERE m.ctid = o.place
"""  # noqa: S608 (our own words)

_READ_STATUS: Final = f"""
    SELECT
        m.session_id, m.message_id, m.chat, m.status, m.error, m.recipient, m.command_id, m.correlation_id,
        m.carried
    FROM unnest($1::text[], $2::text[]) AS w (session_id, message_id)
    JOIN LATERAL ({OURS.format(wanted="w")}) AS m ON m.number = 0
"""  # noqa: S608 (our own words)

_ADVANCE: Final = f"""
    UPDATE messages AS m SET
        status = a.status,
        chat = coalesce(a.chat, m.chat),
        error = a.error::jsonb,
        -- its time begins when it leaves
        expires_at = CASE
            WHEN m.status = 'pending'
            THEN m.expires_at + greatest(coalesce(a.sent_at, a.delivered_at, a.read_at, a.played_at) - m.at, '0')
            ELSE m.expires_at
        END,
        sent_at = coalesce(m.sent_at, a.sent_at),
        delivered_at = coalesce(m.delivered_at, a.delivered_at),
        read_at = coalesce(m.read_at, a.read_at),
        played_at = coalesce(m.played_at, a.played_at),
        failed_at = coalesce(m.failed_at, a.failed_at)
    FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
        $8::timestamptz[], $9::timestamptz[], $10::timestamptz[]
    ) AS a (session_id, message_id, status, chat, error, sent_at, delivered_at, read_at, played_at, failed_at)
    JOIN LATERAL ({OURS.format(wanted="a")}) AS o ON o.number = 0
    WHERE m.ctid = o.place
"""  # noqa: S608 (our own words)

_STAMPED: Final = (Status.SENT, Status.DELIVERED, Status.READ, Status.PLAYED, Status.FAILED)


async def begin(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `BeginMessage`s: the commands, then rows and bodies of those that are no conflict."""
    seen = [Seen(key=op.key, body_hash=op.body_hash, type=op.type) for each in placed for op in [each.operation]]
    recorded = await record_commands(transaction.wire, transaction.keyring, seen, transaction.now)
    sound: list[Placed] = []
    for each in placed:
        if isinstance(recorded[each.operation.key], Conflict):
            transaction.answer(each, Conflict())
        else:
            sound.append(each)
    if not sound:
        return
    begun = [_begun_row(each, transaction.session(each)) for each in sound]
    rows = await transaction.wire.fetch(_BEGIN, *columns(begun), transaction.now)
    by_id = {(row["session_id"], row["message_id"]): row for row in rows}
    for each in sound:
        transaction.answer(each, _begin_answer(by_id[each.session_id, each.operation.message_id]))


async def put_plaintexts(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `PutSentPlaintext`s."""
    rows = [
        (
            each.session_id,
            message_id,
            transaction.session(each).content.encrypt(plaintext, "plaintext", message_id),
        )
        for each in placed
        for message_id, plaintext in each.operation.plaintexts.items()
    ]
    if rows:
        await transaction.wire.execute(_PUT_PLAINTEXTS, *columns(rows), transaction.now)


async def replace_content(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `ReplaceContent`s."""
    rows = [
        (each.session_id, op.message_id, _encrypted_body(transaction.session(each), op.message_id, op.content))
        for each in placed
        for op in [each.operation]
    ]
    await transaction.wire.execute(_REPLACE_CONTENT, *columns(rows))


async def set_expiry(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `SetExpiry`s."""
    rows = [(each.session_id, each.operation.message_id, each.operation.seconds) for each in placed]
    await transaction.wire.execute(_SET_EXPIRY, *columns(rows))


async def advance_status(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `AdvanceStatus`es: read where the messages stand, and move those that move."""
    found = await transaction.wire.fetch(
        _READ_STATUS, [each.session_id for each in placed], [each.operation.message_id for each in placed]
    )
    by_id = {(row["session_id"], row["message_id"]): row for row in found}
    moved: list[tuple[Any, ...]] = []
    renamed: list[Renamed] = []
    for each in placed:
        row = by_id.get((each.session_id, each.operation.message_id))
        chat_names = each.operation.chat_names
        if row is not None and chat_names is not None and row["chat"] not in chat_names:
            row = None  # of who reads another chat
        steps = (
            status_order.advance(Status(row["status"]), as_json(row["error"]), each.operation.status)
            if row is not None
            else ()
        )
        transaction.answer(each, bool(steps))
        if row is None or not steps:
            continue
        moved.append(moved_row(each, steps))
        if each.operation.chat is not None and each.operation.chat != row["chat"]:
            renamed.append((each.session_id, row["chat"], each.operation.chat))
        for step in steps:
            transaction.usage.step(each.session_id, step, each.operation.error)
            transaction.emit(each, status_event(each, row, step))
    if moved:
        await move(transaction, moved)
        await merge(transaction, renamed)


async def move(transaction: Transaction, moved: Sequence[tuple[Any, ...]]) -> None:
    """Write where messages stand now, a `moved_row` each."""
    await transaction.wire.execute(_ADVANCE, *columns(moved))


def _encrypted_body(session: Fenced, message_id: str, content: Json) -> bytes:
    """A message's content object for its row."""
    return session.content.encrypt(dumps(content), "content", message_id)


def _begun_row(placed: Placed, session: Fenced) -> tuple[Any, ...]:
    op = placed.operation
    return (
        placed.session_id,
        op.message_id,
        op.chat or op.to,
        op.to,
        op.kind,
        op.key.source,
        op.key.id,
        op.correlation_id,
        dumps(op.carried).decode() if op.carried else None,
        placed.fence.epoch,
        op.about,
        op.expires_at,
        _encrypted_body(session, op.message_id, op.content),
    )


def _begin_answer(row: Row) -> BeginAnswer:
    if row["fresh"]:
        return Begun()
    status = Status(row["status"])
    if status is Status.PENDING:
        return InProgress(row["attempts"])
    return AlreadySettled(status=status, at=row["settled_at"], error=as_json(row["error"]))


def moved_row(placed: Placed, steps: Sequence[Status], *, earlier: tuple[Any, ...] | None = None) -> tuple[Any, ...]:
    """Where a message stands after `steps`; `earlier` holds steps that it took just before."""
    op: AdvanceStatus | AdvanceParticipant = placed.operation
    error, chat = (op.error, op.chat) if isinstance(op, AdvanceStatus) else (None, None)
    failure = dumps(error).decode() if steps[-1] is Status.FAILED and error is not None else None
    stamps = [op.at if status in steps else None for status in _STAMPED]
    if earlier is not None:
        stamps = [before or now for before, now in zip(earlier[-len(_STAMPED) :], stamps, strict=True)]
    return (placed.session_id, op.message_id, steps[-1].value, chat, failure, *stamps)


def status_event(placed: Placed, row: Row, status: Status) -> NewEvent:
    """The event of one step; that WhatsApp's server has it is no participant's."""
    op: AdvanceStatus | AdvanceParticipant = placed.operation
    error = op.error if isinstance(op, AdvanceStatus) and status is Status.FAILED else None
    participant = op.participant if isinstance(op, AdvanceParticipant) and status is op.status else None
    event = MessageStatus(
        session_id=placed.session_id,
        command_id=row["command_id"],
        message_id=op.message_id,
        to=row["recipient"],
        chat=None if status is Status.FAILED else op.chat or row["chat"],
        status=MessageState(status.value),
        timestamp=op.at,
        participant=participant,
        error=None if error is None else Failure.model_validate(error),
    )
    return NewEvent(
        type=MESSAGE_STATUS.type,
        data=event.model_dump(mode="json", by_alias=True, exclude_none=True),
        causation_id=row["command_id"],
        correlation_id=row["correlation_id"],
        carried=carried_of(row),
    )
