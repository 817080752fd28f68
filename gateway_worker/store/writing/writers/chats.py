"""Rows of chats: made and moved on by the messages in them, joined when two names turn out to be one chat."""

from collections.abc import Iterable, Sequence
from typing import Final

from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import Transaction, columns

NO_CHAT: Final = "status@broadcast"

UNSET: Final = """
    UPDATE chats SET
        unread = 0, marked_unread = false, archived = false, pinned_at = NULL, muted_until = 0, told_as = NULL,
        labels = ''
"""
"""Forgets what is set of chats, of those that follow; their messages stay."""

TALKED: Final = f"""
    INSERT INTO chats AS c (session_id, chat, last_at, last_message, last_number, unread)
    SELECT session_id, chat, max(created_at), (array_agg(message_id ORDER BY created_at DESC))[1],
        (array_agg(number ORDER BY created_at DESC))[1], count(*) FILTER (WHERE is_unread)
    FROM {{new}}
    WHERE chat <> '{NO_CHAT}'
    GROUP BY session_id, chat
    ORDER BY session_id, chat
    ON CONFLICT (session_id, chat) DO UPDATE SET
        last_at = greatest(c.last_at, excluded.last_at),
        last_message = CASE WHEN excluded.last_at >= c.last_at THEN excluded.last_message ELSE c.last_message END,
        last_number = CASE WHEN excluded.last_at >= c.last_at THEN excluded.last_number ELSE c.last_number END,
        unread = c.unread + excluded.unread
"""  # noqa: S608 (our own words)
"""Has the chats of new messages go on. `new` has session_id, chat, message_id, number, created_at, is_unread."""

_JOIN: Final = """
    UPDATE messages AS m SET chat = j.chat
    FROM unnest($1::text[], $2::text[], $3::text[]) AS j (session_id, name, chat)
    WHERE m.session_id = j.session_id AND m.chat = j.name
"""
# Of two rows of one chat the newer one's last message counts, and what is set in either.
_MERGE: Final = """
    WITH renamed AS (
        DELETE FROM chats AS c USING unnest($1::text[], $2::text[], $3::text[]) AS j (session_id, name, chat)
        WHERE c.session_id = j.session_id AND c.chat = j.name AND j.name <> j.chat
        RETURNING c.*, j.chat AS joined
    )
    INSERT INTO chats AS c (
        session_id, chat, last_at, last_message, last_number, unread, marked_unread, archived, pinned_at, muted_until,
        told_as, labels
    )
    SELECT session_id, joined, max(last_at), (array_agg(last_message ORDER BY last_at DESC))[1],
        (array_agg(last_number ORDER BY last_at DESC))[1], sum(unread), bool_or(marked_unread), bool_or(archived),
        max(pinned_at), (array_agg(muted_until ORDER BY muted_until = 0, last_at DESC))[1],
        (array_agg(told_as ORDER BY told_as IS NULL, last_at DESC))[1],
        coalesce(string_agg(nullif(labels, ''), ','), '')
    FROM renamed GROUP BY session_id, joined
    ON CONFLICT (session_id, chat) DO UPDATE SET
        last_at = greatest(c.last_at, excluded.last_at),
        last_message = CASE WHEN excluded.last_at > c.last_at THEN excluded.last_message ELSE c.last_message END,
        last_number = CASE WHEN excluded.last_at > c.last_at THEN excluded.last_number ELSE c.last_number END,
        unread = c.unread + excluded.unread,
        marked_unread = c.marked_unread OR excluded.marked_unread,
        archived = c.archived OR excluded.archived,
        pinned_at = coalesce(c.pinned_at, excluded.pinned_at),
        muted_until = CASE WHEN c.muted_until = 0 THEN excluded.muted_until ELSE c.muted_until END,
        told_as = coalesce(c.told_as, excluded.told_as),
        labels = concat_ws(',', nullif(c.labels, ''), nullif(excluded.labels, ''))
"""

Renamed = tuple[str, str, str]
"""Session, the name of a chat, and the name under which it is kept from now on."""


async def join(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `JoinChats`; most find nothing to do."""
    rows = [(each.session_id, *names) for each in placed for names in each.operation.chats.items()]
    await transaction.wire.execute(_JOIN, *columns(rows))
    await merge(transaction, rows)


async def merge(transaction: Transaction, renamed: Iterable[Renamed]) -> None:
    """Have chats go on under other names."""
    rows = list(dict.fromkeys(renamed))
    if rows:
        await transaction.wire.execute(_MERGE, *columns(rows))
