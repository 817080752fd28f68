"""Messages that come in, and what they change."""

from collections.abc import Sequence
from typing import Any, Final

from gateway_worker.store.compact_json import dumps
from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import NewEvent, Transaction, columns
from gateway_worker.store.writing.writers.authority import changes_that_count
from gateway_worker.store.writing.writers.chats import TALKED
from gateway_worker.store.writing.writers.keeping import KEPT, Keeping, keep
from gateway_worker.store.writing.writers.media import add_media, with_known_media
from gateway_worker.store.writing.writers.opening import replace_sealed
from schemas.events.events import MESSAGE_RECEIVED

# The same message is of the same chat and the same sender, by whichever name; in a chat with a person there are but two
# who write. What we sent ourselves is known by its id alone: `to` need not have named the chat as WhatsApp does.
# Nobody else writes messages of this session meanwhile, and no statement is given two of one id: so a number is free.
KNOWN: Final = """
    SELECT
        1 + coalesce(max(m.number), 0) AS number,
        coalesce(bool_or(
            m.from_me = {new}.from_me AND (m.from_me AND m.number = 0 OR m.chat = ANY ({new}.chats)) AND (
                m.from_me OR {new}.chat NOT LIKE '%@g.us' OR m.sender = ANY ({new}.senders)
            )
        ), false) AS is_known
    FROM (
        SELECT * FROM messages WHERE session_id = {new}.session_id AND message_id = {new}.message_id
        ORDER BY number OFFSET 0  -- so that PostgreSQL takes the primary key, also as long as the table is empty
    ) AS m
"""

# Messages of one transaction are a microsecond apart, in the order of the writes: so their times order a chat.
_RECEIVE: Final = f"""
    WITH arrived AS (
        SELECT *, string_to_array(chat_names, E'\\n') AS chats, string_to_array(sender_names, E'\\n') AS senders
        FROM unnest(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bool[], $9::text[],
            $10::bigint[], $11::timestamptz[], $12::timestamptz[], $13::text[], $14::bytea[], $15::bool[]
        ) WITH ORDINALITY AS a (
            session_id, message_id, chat, chat_names, sender, sender_names, entry, from_me, kind, epoch, at, expires_at,
            about, body, is_shown, place
        )
    ), fresh AS (
        INSERT INTO messages (
            session_id, message_id, number, direction, chat, sender, entry, from_me, kind, status, epoch, at,
            expires_at, about, created_at
        )
        SELECT a.session_id, a.message_id, k.number, 'incoming', a.chat, a.sender, a.entry, a.from_me, a.kind,
            'received', a.epoch, a.at, a.expires_at, a.about,
            $16::timestamptz + a.place * interval '1 microsecond'
        FROM arrived AS a CROSS JOIN LATERAL ({KNOWN.format(new="a")}) AS k
        WHERE NOT k.is_known
        RETURNING session_id, message_id, number, created_at, chat, from_me
    ), shown AS (
        SELECT f.*, NOT f.from_me AS is_unread FROM fresh AS f JOIN arrived AS a USING (session_id, message_id)
        WHERE a.is_shown
    ), talked AS (
        {TALKED.format(new="shown")}
    ), written AS (
        INSERT INTO bodies (session_id, message_id, number, part, value, created_at)
        SELECT f.session_id, f.message_id, f.number, 'content', body, f.created_at
        FROM arrived JOIN fresh AS f USING (session_id, message_id)
        ON CONFLICT (session_id, message_id, number, part, created_at) DO UPDATE SET value = excluded.value
    )
    SELECT session_id, message_id, number FROM fresh
"""  # noqa: S608 (our own words)


async def receive(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `ReceiveMessage`s; a new one tells its event. Changes are judged when what came with them is stored."""
    messages = [each for each in placed if each.operation.about is None]
    changes = [each for each in placed if each.operation.about is not None]
    if messages:
        await _store(transaction, messages)
    if changes:
        sound = await changes_that_count(transaction, changes)
        if sound:
            shown = await with_known_media(transaction, sound)
            replaced = await replace_sealed(transaction, [each for each in shown if each.operation.opened])
            if fresh := [each for each in shown if _place(each) not in replaced]:
                await _store(transaction, fresh)
            await keep(transaction, [_keeping(each) for each, _ in sound if each.operation.kind == KEPT])
        counted = {_place(each) for each, _ in sound}
        for each in changes:
            if _place(each) not in counted:
                transaction.answer(each, False)


async def _store(transaction: Transaction, placed: Sequence[Placed]) -> None:
    rows = [_row(transaction, each) for each in placed]
    found = await transaction.wire.fetch(_RECEIVE, *columns(rows), transaction.now)
    fresh = {(row["session_id"], row["message_id"]): row["number"] for row in found}
    numbered: list[tuple[Placed, int]] = []
    for each in placed:
        number = fresh.get((each.session_id, each.operation.message_id))
        transaction.answer(each, number is not None)
        if number is not None:
            numbered.append((each, number))
            if each.operation.event_type == MESSAGE_RECEIVED.type and not each.operation.from_me:
                transaction.usage.count(each.session_id, "received")
            transaction.emit(each, NewEvent(type=each.operation.event_type, data=each.operation.event))
    await add_media(transaction, numbered)


def _keeping(placed: Placed) -> Keeping:
    op = placed.operation
    return placed.session_id, op.about, names(op.chat, *op.chats), op.content


def names(*known: str) -> str:
    """Names of a chat or a person, as the statements take them."""
    return "\n".join(known)


def _place(placed: Placed) -> tuple[int, int]:
    return placed.write, placed.index


def _row(transaction: Transaction, placed: Placed) -> tuple[Any, ...]:
    op = placed.operation
    return (
        placed.session_id,
        *key_columns(op),
        op.kind,
        placed.fence.epoch,
        op.timestamp,
        op.expires_at,
        op.about,
        transaction.session(placed).content.encrypt(dumps(op.content), "content", op.message_id),
        op.about is None and op.event_type == MESSAGE_RECEIVED.type,
    )


def key_columns(message: Any) -> tuple[Any, ...]:
    """What tells a message from others, as the statements that store one take it.

    Its id, chat and sender under all known names, the names of its journal entry, whose it is: of a `ReceiveMessage`,
    and of a message of the history.
    """
    return (
        message.message_id,
        message.chat,
        names(message.chat, *message.chats),
        message.sender,
        names(message.sender, *message.senders),
        None if message.entry is None else names(*message.entry),
        message.from_me,
    )
