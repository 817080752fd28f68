"""The phone's history: messages from before the device was linked.

Each has the place of its own time: whoever asks newest first gets it after what was received since, and it is kept no
longer than other messages of that time.
"""

from collections.abc import Sequence
from typing import Final

from gateway_worker.store.plan import Placed
from gateway_worker.store.transaction import NewEvent, Transaction, columns, dumps

_STORE: Final = """
    WITH told AS (
        SELECT * FROM unnest(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::bool[], $6::text[], $7::text[], $8::bigint[],
            $9::timestamptz[], $10::timestamptz[], $11::bytea[]
        ) AS t (session_id, message_id, chat, sender, from_me, kind, status, epoch, at, created_at, body)
    ), fresh AS (
        INSERT INTO messages (
            session_id, message_id, direction, chat, sender, from_me, kind, status, epoch, at, created_at
        )
        SELECT session_id, message_id, 'incoming', chat, sender, from_me, kind, status, epoch, at, created_at FROM told
        ON CONFLICT DO NOTHING
        RETURNING session_id, message_id, created_at
    )
    INSERT INTO bodies (session_id, message_id, part, value, created_at)
    SELECT session_id, message_id, 'content', body, f.created_at
    FROM told JOIN fresh AS f USING (session_id, message_id)
    ON CONFLICT (session_id, message_id, part, created_at) DO UPDATE SET value = excluded.value
"""

_FINISH: Final = """
    UPDATE entries AS e SET unprocessed = false
    FROM unnest($1::text[], $2::text[]) AS s (session_id, message_id)
    WHERE e.session_id = s.session_id AND e.message_id = s.message_id AND e.unprocessed
    RETURNING e.session_id, e.message_id
"""


async def finish(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `FinishHistory`s. A stanza that WhatsApp sends again brings its part again: that is told once."""
    rows = [(each.session_id, message_id) for each in placed for message_id in each.operation.message_ids]
    found = await transaction.wire.fetch(_FINISH, *columns(rows)) if rows else ()
    settled = {(row["session_id"], row["message_id"]) for row in found}
    for each in placed:
        ids = each.operation.message_ids
        is_new = not ids or any((each.session_id, message_id) in settled for message_id in ids)
        transaction.answer(each, is_new)
        if is_new:
            transaction.tell(each, NewEvent(type=each.operation.event_type, data=each.operation.event))


async def store(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `StoreHistory`s; what is stored already stays as it is."""
    rows = [
        (
            each.session_id,
            message.message_id,
            message.chat,
            message.sender,
            message.from_me,
            message.kind,
            message.status.value,
            each.fence.epoch,
            message.at,
            message.created_at,
            transaction.session(each).content.encrypt(dumps(message.content), "content", message.message_id),
        )
        for each in placed
        for message in each.operation.messages
    ]
    if rows:
        await transaction.wire.execute(_STORE, *columns(rows))
