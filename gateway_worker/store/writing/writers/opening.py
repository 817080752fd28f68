"""Changes that came sealed, before the message that they are about, and are opened now."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from gateway_worker.store.compact_json import dumps
from gateway_worker.store.operations.history import HistoricMessage
from gateway_worker.store.operations.messages import ReceiveMessage
from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import NewEvent, Transaction, columns
from schemas.names import SessionId

# Which of the changes under an id it is, is told as in `receiving.KNOWN`. Row and body keep their time: so changes of a
# message stay in the order in which they came, whenever they were opened.
_REPLACE: Final = """
    WITH opened AS (
        SELECT *, string_to_array(chat_names, E'\\n') AS chats, string_to_array(sender_names, E'\\n') AS senders
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bool[], $6::text[], $7::text[], $8::bytea[])
            AS o (session_id, message_id, chat_names, sender_names, from_me, about, kind, body)
    ), replaced AS (
        UPDATE messages AS m SET kind = o.kind FROM opened AS o
        WHERE m.session_id = o.session_id AND m.message_id = o.message_id AND m.number > 0 AND m.about = o.about
            AND m.from_me = o.from_me AND m.chat = ANY (o.chats) AND (m.from_me OR m.sender = ANY (o.senders))
        RETURNING m.session_id, m.message_id, m.number, m.created_at, o.body
    ), written AS (
        UPDATE bodies AS b SET value = r.body FROM replaced AS r
        WHERE b.session_id = r.session_id AND b.message_id = r.message_id AND b.number = r.number
            AND b.part = 'content' AND b.created_at = r.created_at
    )
    SELECT DISTINCT session_id, message_id FROM replaced
"""


async def replace_sealed(transaction: Transaction, placed: Sequence[Placed]) -> Collection[tuple[int, int]]:
    """Say what these `ReceiveMessage`s say where they stand sealed, and tell it; answers the places of those."""
    if not placed:
        return ()
    rows = await replace_rows(transaction, [(each, each.operation) for each in placed])
    replaced = [each for each in placed if (each.session_id, each.operation.message_id) in rows]
    for each in replaced:
        transaction.answer(each, True)
        transaction.emit(each, NewEvent(type=each.operation.event_type, data=each.operation.event))
    return {(each.write, each.index) for each in replaced}


async def replace_rows(
    transaction: Transaction, opened: Sequence[tuple[Placed, ReceiveMessage | HistoricMessage]]
) -> Collection[tuple[SessionId, str]]:
    """Have these rows say what these say; answers the sessions and ids of those that there are."""
    if not opened:
        return ()
    found = await transaction.wire.fetch(_REPLACE, *columns([_row(transaction, *each) for each in opened]))
    return {(row["session_id"], row["message_id"]) for row in found}


def _row(transaction: Transaction, placed: Placed, op: ReceiveMessage | HistoricMessage) -> tuple[Any, ...]:
    return (
        placed.session_id,
        op.message_id,
        "\n".join((op.chat, *op.chats)),
        "\n".join((op.sender, *op.senders)),
        op.from_me,
        op.about,
        op.kind,
        transaction.session(placed).content.encrypt(dumps(op.content), "content", op.message_id),
    )
