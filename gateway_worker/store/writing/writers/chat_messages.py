"""Messages that this account stars, or deletes for itself alone.

What is deleted disappears as a message of a disappearing chat does: nobody reads it from then on, and its content is
erased when such messages' is.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from gateway_worker.store.operations.chats import DropMessage, EmptyChat, ReadTo, SetStar
from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import NewEvent, Transaction
from gateway_worker.store.writing.writers.chat_states import unread_after
from schemas.addresses import GROUP_SERVER
from schemas.content.content import CONTENT_KINDS
from schemas.events.chats import ChatCleared, ChatDeleted, MessageDeleted, MessageStarred
from schemas.events.events import CHAT_CLEARED, CHAT_DELETED, MESSAGE_DELETED, MESSAGE_STARRED

_STAR: Final = """
    UPDATE messages SET starred = $5
    WHERE session_id = $1 AND message_id = $2 AND chat = ANY($3) AND from_me = $4 AND starred <> $5
    RETURNING message_id
"""
_THERE: Final = "(expires_at IS NULL OR expires_at > $1 OR kept)"
_DROP: Final = f"""
    UPDATE messages SET expires_at = $1, kept = false
    WHERE session_id = $2 AND message_id = $3 AND chat = ANY($4) AND from_me = $5 AND {_THERE} AND status <> 'pending'
    RETURNING message_id
"""  # noqa: S608 (our own words)
# What has not left yet will stand in the chat when it does.
_EMPTY: Final = f"""
    UPDATE messages SET expires_at = $1, kept = false
    WHERE session_id = $2 AND chat = ANY($3) AND ($4::timestamptz IS NULL OR at < $4) AND (NOT $5 OR NOT starred)
        AND {_THERE} AND status <> 'pending'
"""  # noqa: S608 (our own words)
_LAST: Final = f"""
    SELECT message_id, number, created_at FROM messages
    WHERE session_id = $2 AND chat = ANY($3) AND about IS NULL AND kind = ANY($4) AND {_THERE}
    ORDER BY created_at DESC LIMIT 1
"""  # noqa: S608 (our own words)
_SET_LAST: Final = """
    UPDATE chats SET last_message = $3, last_number = $4, unread = $5 WHERE session_id = $1 AND chat = ANY($2)
"""
_UNREAD: Final = "SELECT coalesce(max(unread), 0) FROM chats WHERE session_id = $1 AND chat = ANY($2)"
_FORGET: Final = "DELETE FROM chats WHERE session_id = $1 AND chat = ANY($2) RETURNING chat"
_SECOND: Final = timedelta(seconds=1)


async def star_messages(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `SetStar`s."""
    for each in placed:
        op: SetStar = each.operation
        names = [op.chat, *op.names]
        starred = (each.session_id, op.message_id, names, op.from_me, op.starred)
        is_news = await transaction.wire.fetchval(_STAR, *starred) is not None
        transaction.answer(each, is_news)
        if is_news and not op.from_before:
            told = MessageStarred(
                session_id=each.session_id,
                message_id=op.message_id,
                chat=op.chat,
                starred=op.starred,
                timestamp=op.at,
            )
            transaction.emit(each, NewEvent(type=MESSAGE_STARRED.type, data=told.to_data()))


async def drop_messages(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `DropMessage`s."""
    for each in placed:
        op: DropMessage = each.operation
        names = frozenset({op.chat, *op.names})
        dropped = (transaction.now, each.session_id, op.message_id, list(names), op.from_me)
        is_news = await transaction.wire.fetchval(_DROP, *dropped) is not None
        transaction.answer(each, is_news)
        if is_news:
            await _settle_last(transaction, each, names, ReadTo(message_ids=[op.message_id]), is_read=False)
        if is_news and not op.from_before:
            told = MessageDeleted(session_id=each.session_id, message_id=op.message_id, chat=op.chat, timestamp=op.at)
            transaction.emit(each, NewEvent(type=MESSAGE_DELETED.type, data=told.to_data()))


async def empty_chats(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `EmptyChat`s. A chat of which nothing is known is not told to be gone."""
    for each in placed:
        op: EmptyChat = each.operation
        names = frozenset({op.chat, *op.names})
        through = None if op.through is None else op.through + _SECOND  # it is told in whole seconds
        emptied = (transaction.now, each.session_id, list(names), through, op.spares_starred)
        count = int((await transaction.wire.execute(_EMPTY, *emptied)).rpartition(" ")[2])
        is_left = await _settle_last(transaction, each, names, ReadTo(through=op.through), is_read=True)
        is_gone = False
        if op.with_chat and not is_left:
            is_gone = await transaction.wire.fetchval(_FORGET, each.session_id, list(names)) is not None
        is_news = (count > 0 or is_gone) and not op.from_before
        transaction.answer(each, is_news)
        if is_news:
            model, kind = (ChatDeleted, CHAT_DELETED) if op.with_chat else (ChatCleared, CHAT_CLEARED)
            is_group = op.chat.endswith(f"@{GROUP_SERVER}")
            told = model(session_id=each.session_id, chat=op.chat, is_group=is_group, timestamp=op.at)
            transaction.emit(each, NewEvent(type=kind.type, data=told.to_data()))


async def _settle_last(
    transaction: Transaction, placed: Placed, names: frozenset[str], read: ReadTo, *, is_read: bool
) -> bool:
    """Has the chat's row name its last message as it is now; answers whether there is one."""
    session_id, known = placed.session_id, list(names)
    last = await transaction.wire.fetchrow(_LAST, transaction.now, session_id, known, list(CONTENT_KINDS))
    unread = int(await transaction.wire.fetchval(_UNREAD, session_id, known))
    if last is None:
        unread = 0
    elif is_read:
        unread = await unread_after(transaction, session_id, names, read, unread)
    where = (None, None) if last is None else (last["message_id"], last["number"])
    await transaction.wire.execute(_SET_LAST, session_id, known, *where, unread)
    return last is not None
