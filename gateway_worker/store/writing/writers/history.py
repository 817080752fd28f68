"""The phone's history: messages from before the device was linked.

Each has the place of its own time: whoever asks newest first gets it after what was received since, and it is kept no
longer than other messages of that time.
"""

from collections.abc import Sequence
from typing import Final

from gateway_worker.store.compact_json import dumps
from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import NewEvent, Transaction, columns
from gateway_worker.store.writing.writers.chats import TALKED
from gateway_worker.store.writing.writers.keeping import KEPT, keep
from gateway_worker.store.writing.writers.opening import replace_rows
from gateway_worker.store.writing.writers.receiving import KNOWN, key_columns, names

_STORE: Final = f"""
    WITH told AS (
        SELECT *, string_to_array(chat_names, E'\\n') AS chats, string_to_array(sender_names, E'\\n') AS senders
        FROM unnest(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bool[], $9::text[],
            $10::text[], $11::bigint[], $12::timestamptz[], $13::timestamptz[], $14::text[], $15::timestamptz[],
            $16::bytea[]
        ) WITH ORDINALITY AS t (
            session_id, message_id, chat, chat_names, sender, sender_names, entry, from_me, kind, status, epoch, at,
            expires_at, about, created_at, body, place
        )
    ), new AS (
        SELECT t.*, k.number + row_number() OVER (PARTITION BY t.session_id, t.message_id ORDER BY place) - 1 AS number
        FROM told AS t CROSS JOIN LATERAL ({KNOWN.format(new="t")}) AS k
        WHERE NOT k.is_known
    ), fresh AS (
        INSERT INTO messages (
            session_id, message_id, number, direction, chat, sender, entry, from_me, kind, status, epoch, at,
            expires_at, about, created_at
        )
        SELECT session_id, message_id, number, 'incoming', chat, sender, entry, from_me, kind, status, epoch, at,
            expires_at, about, created_at
        FROM new
    ), shown AS (
        SELECT *, false AS is_unread FROM new WHERE about IS NULL
    ), talked AS (
        {TALKED.format(new="shown")}
    )
    INSERT INTO bodies (session_id, message_id, number, part, value, created_at)
    SELECT session_id, message_id, number, 'content', body, created_at FROM new
    ON CONFLICT (session_id, message_id, number, part, created_at) DO UPDATE SET value = excluded.value
"""  # noqa: S608 (our own words)

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
            transaction.emit(each, NewEvent(type=each.operation.event_type, data=each.operation.event))


async def store(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `StoreHistory`s; what is stored already stays as it is, but for what is opened now."""
    opened = [(each, message) for each in placed for message in each.operation.messages if message.opened]
    replaced = await replace_rows(transaction, opened)
    rows = [
        (
            each.session_id,
            *key_columns(message),
            message.kind,
            message.status.value,
            each.fence.epoch,
            message.at,
            message.expires_at,
            message.about,
            message.created_at,
            transaction.session(each).content.encrypt(dumps(message.content), "content", message.message_id),
        )
        for each in placed
        for message in each.operation.messages
        if not (message.opened and (each.session_id, message.message_id) in replaced)
    ]
    if rows:
        await transaction.wire.execute(_STORE, *columns(rows))
    kept = [
        (each.session_id, message.about, names(message.chat, *message.chats), message.content)
        for each in placed
        for message in each.operation.messages
        if message.kind == KEPT and message.about is not None
    ]
    await keep(transaction, kept)
