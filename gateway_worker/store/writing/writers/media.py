"""Files of messages that came in: rows beside the messages, and how their states move."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from gateway_worker.store.compact_json import dumps
from gateway_worker.store.operations.media_view import media_of
from gateway_worker.store.reading.media import value_of
from gateway_worker.store.records import Json, MediaState
from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import NewEvent, Transaction, columns

_INSERT: Final = """
    INSERT INTO media AS m (session_id, message_id, number, state, object, value, next_try, created_at)
    SELECT n.*, CASE WHEN state = 'pending' THEN $7::timestamptz END, $7
    FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::bytea[])
        AS n (session_id, message_id, number, state, object, value)
"""
_ADD: Final = f"{_INSERT} ON CONFLICT DO NOTHING"
_PUT: Final = f"""
    {_INSERT}
    ON CONFLICT (session_id, message_id, number) DO UPDATE SET
        state = excluded.state, value = excluded.value, next_try = excluded.next_try, created_at = excluded.created_at,
        attempts = 0, error = NULL, stored_at = NULL
"""
_RETRY: Final = """
    UPDATE media AS m SET attempts = m.attempts + 1, next_try = r.next_try, value = r.value
    FROM unnest($1::text[], $2::text[], $3::int[], $4::timestamptz[], $5::bytea[])
        AS r (session_id, message_id, number, next_try, value)
    WHERE m.session_id = r.session_id AND m.message_id = r.message_id AND m.number = r.number AND m.state = 'pending'
"""
_SETTLE: Final = """
    UPDATE media AS m SET
        state = s.state, value = s.value, error = s.error::jsonb, next_try = NULL,
        stored_at = CASE WHEN s.state = 'ready' THEN $7::timestamptz END
    FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::bytea[], $6::text[])
        AS s (session_id, message_id, number, state, value, error)
    WHERE m.session_id = s.session_id AND m.message_id = s.message_id AND m.number = s.number AND m.state = 'pending'
    RETURNING m.session_id, m.message_id, m.number
"""
_KNOWN: Final = """
    SELECT m.session_id, m.message_id, m.number, m.state, m.object, m.value
    FROM unnest($1::text[], $2::text[], $3::int[]) AS w (session_id, message_id, number)
    JOIN media AS m ON m.session_id = w.session_id AND m.message_id = w.message_id AND m.number = w.number
"""


async def add_media(transaction: Transaction, received: Sequence[tuple[Placed, int]]) -> None:
    """The files of messages that were just received for the first time, each with its number."""
    rows = [_media_row(transaction, each, number) for each, number in received if each.operation.media is not None]
    if rows:
        await transaction.wire.execute(_ADD, *columns(rows), transaction.now)


async def with_known_media(transaction: Transaction, placed: Sequence[tuple[Placed, int | None]]) -> Sequence[Placed]:
    """Edits show the file of the message that they are about as it stands: an edit need not say where it lies.

    `placed` tells the number of that message, where it is stored.
    """
    about = {
        (each.session_id, each.operation.about, number)
        for each, number in placed
        if each.operation.shows_media and number is not None
    }
    if not about:
        return [each for each, _ in placed]
    found = await transaction.wire.fetch(_KNOWN, *columns(about))
    by_session = {each.session_id: transaction.session(each).content for each, _ in placed}
    known = {
        (row["session_id"], row["message_id"], row["number"]): media_of(
            MediaState(row["state"]), row["object"], value_of(row, by_session[row["session_id"]])
        )
        for row in found
    }
    return [_showing(each, known.get((each.session_id, each.operation.about, number))) for each, number in placed]


async def put_media(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `PutMedia`s."""
    rows = [_media_row(transaction, each, each.operation.number) for each in placed]
    await transaction.wire.execute(_PUT, *columns(rows), transaction.now)


async def retry_media(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `RetryMedia`s."""
    rows = [
        (each.session_id, op.message_id, op.number, op.next_try, _encrypted(transaction, each, op.value))
        for each in placed
        for op in [each.operation]
    ]
    await transaction.wire.execute(_RETRY, *columns(rows))


async def settle_media(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `SettleMedia`s; what moves tells its event."""
    rows = [
        (
            each.session_id,
            op.message_id,
            op.number,
            op.state.value,
            _encrypted(transaction, each, op.value),
            None if op.error is None else dumps(op.error).decode(),
        )
        for each in placed
        for op in [each.operation]
    ]
    found = await transaction.wire.fetch(_SETTLE, *columns(rows), transaction.now)
    moved = {(row["session_id"], row["message_id"], row["number"]) for row in found}
    for each in placed:
        has_moved = (each.session_id, each.operation.message_id, each.operation.number) in moved
        transaction.answer(each, has_moved)
        if has_moved:
            if each.operation.state is MediaState.READY:
                transaction.usage.count(each.session_id, "bytes_received", each.operation.size)
            op = each.operation
            transaction.emit(each, NewEvent.following(op.caused_by, op.event_type, op.event))


def _showing(placed: Placed, media: Json | None) -> Placed:
    op = placed.operation
    if media is None or not op.shows_media:
        return placed
    content = {**op.content, "content": {**op.content["content"], "media": media}}
    event = {**op.event, "content": {**op.event["content"], "media": media}}
    return replace(placed, operation=replace(op, content=content, event=event))


def _media_row(transaction: Transaction, placed: Placed, number: int) -> tuple[Any, ...]:
    op = placed.operation
    value = _encrypted(transaction, placed, op.media.value)
    return (placed.session_id, op.message_id, number, op.media.state.value, op.media.object, value)


def _encrypted(transaction: Transaction, placed: Placed, value: Json) -> bytes:
    return transaction.session(placed).content.encrypt(dumps(value), "media", placed.operation.message_id)
