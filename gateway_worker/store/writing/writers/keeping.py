"""Messages that somebody keeps from disappearing, or no longer."""

from collections.abc import Iterable
from typing import Any, Final

from gateway_worker.store.records import Json
from gateway_worker.store.writing.transaction import Transaction, columns

KEPT: Final = "kept"
_KEEP: Final = """
    UPDATE messages AS m SET kept = k.kept
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bool[]) AS k (session_id, message_id, chat_names, kept)
    WHERE m.session_id = k.session_id AND m.message_id = k.message_id AND m.about IS NULL
        AND m.chat = ANY (string_to_array(k.chat_names, E'\n'))
"""

Keeping = tuple[str, str, str, Json]
"""Session, the message, all names of its chat, and what is stored of the change."""


async def keep(transaction: Transaction, changes: Iterable[Keeping]) -> None:
    """Write what these changes do, oldest first: of one message the last counts."""
    last: dict[tuple[str, str], tuple[Any, ...]] = {}
    for session_id, about, chat_names, content in changes:
        last[session_id, about] = (session_id, about, chat_names, bool(content["kept"]))
    if last:
        await transaction.wire.execute(_KEEP, *columns(last.values()))
