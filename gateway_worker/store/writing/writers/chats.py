"""Chats that turn out to be one: a person's LID and number, and each spelling of that number, are names of it."""

from collections.abc import Sequence
from typing import Final

from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import Transaction, columns

_JOIN: Final = """
    UPDATE messages AS m SET chat = j.chat
    FROM unnest($1::text[], $2::text[], $3::text[]) AS j (session_id, name, chat)
    WHERE m.session_id = j.session_id AND m.chat = j.name
"""


async def join(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `JoinChats`; most find nothing to do."""
    rows = [(each.session_id, *names) for each in placed for names in each.operation.chats.items()]
    await transaction.wire.execute(_JOIN, *columns(rows))
