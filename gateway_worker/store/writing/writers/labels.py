"""Labels: read, compared, written and told in one transaction."""

import json
from collections.abc import Sequence
from typing import Final

from gateway_worker.store.compact_json import dumps
from gateway_worker.store.operations.labels import LabelStoredMessage, SetLabel, with_label
from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import NewEvent, Transaction
from schemas.events.events import LABEL_UPDATED
from schemas.events.labels import LabelChange, LabelUpdated

_READ: Final = "SELECT value FROM labels WHERE session_id = $1 AND label_id = $2"
_PUT: Final = """
    INSERT INTO labels (session_id, label_id, value) VALUES ($1, $2, $3)
    ON CONFLICT (session_id, label_id) DO UPDATE SET value = excluded.value
"""
_LABELS: Final = """
    SELECT coalesce(labels, '') AS labels, number FROM messages
    WHERE session_id = $1 AND message_id = $2 AND chat = ANY($3) AND from_me = $4 LIMIT 1
"""
_SET: Final = """
    UPDATE messages SET labels = $5
    WHERE session_id = $1 AND message_id = $2 AND chat = ANY($3) AND from_me = $4
"""
COLUMN: Final = "labels"


async def set_labels(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `SetLabel`s. One that is gone keeps its id: no other label gets it."""
    for each in placed:
        op: SetLabel = each.operation
        cipher = transaction.session(each).identity
        stored = await transaction.wire.fetchval(_READ, each.session_id, op.label_id)
        before = None if stored is None else json.loads(cipher.decrypt(stored, COLUMN, op.label_id))
        after = None if op.name is None else [op.name, op.color]
        transaction.answer(each, before != after)
        if before == after:
            continue
        value = None if after is None else cipher.encrypt(dumps(after), COLUMN, op.label_id)
        await transaction.wire.execute(_PUT, each.session_id, op.label_id, value)
        if not op.from_before:
            change = LabelChange.DELETED if after is None else LabelChange.CHANGED if before else LabelChange.CREATED
            color = None if after is None else op.color
            told = LabelUpdated(
                session_id=each.session_id,
                label_id=op.label_id,
                change=change,
                name=op.name,
                color=color,
                timestamp=op.at,
            )
            transaction.emit(each, NewEvent(type=LABEL_UPDATED.type, data=told.to_data()))


async def label_messages(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `LabelStoredMessage`s. One that is not stored has no label."""
    for each in placed:
        op: LabelStoredMessage = each.operation
        which = (each.session_id, op.message_id, [op.chat, *op.names], op.from_me)
        row = await transaction.wire.fetchrow(_LABELS, *which)
        after = "" if row is None else with_label(row["labels"], op.label_id, on=op.on)
        is_news = row is not None and after != row["labels"]
        transaction.answer(each, is_news)
        if not is_news:
            continue
        await transaction.wire.execute(_SET, *which, after or None)
        if not op.from_before:
            told = LabelUpdated(
                session_id=each.session_id,
                label_id=op.label_id,
                change=LabelChange.ADDED if op.on else LabelChange.REMOVED,
                chat=op.chat,
                message_id=op.message_id,
                timestamp=op.at,
            )
            transaction.emit(each, NewEvent(type=LABEL_UPDATED.type, data=told.to_data()))
