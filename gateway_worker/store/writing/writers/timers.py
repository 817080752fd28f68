"""Timers of disappearing chats: read, compared, written and told in one transaction."""

from collections.abc import Sequence
from typing import Final

from gateway_worker.store.operations.timers import ChatTimer
from gateway_worker.store.records import Timer
from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import NewEvent, Transaction, columns
from schemas.names import SessionId

_READ: Final = """
    SELECT t.session_id, t.chat, t.seconds, t.changed_at FROM timers AS t
    JOIN unnest($1::text[], $2::text[]) AS w (session_id, chat) ON t.session_id = w.session_id AND t.chat = w.chat
"""
_PUT: Final = """
    INSERT INTO timers (session_id, chat, seconds, changed_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::timestamptz[])
    ON CONFLICT (session_id, chat) DO UPDATE SET seconds = excluded.seconds, changed_at = excluded.changed_at
"""
_REMOVE: Final = """
    DELETE FROM timers AS t USING unnest($1::text[], $2::text[]) AS r (session_id, chat)
    WHERE t.session_id = r.session_id AND t.chat = r.chat
"""

Name = tuple[SessionId, str]


async def set_timers(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """Write `SetTimers`, each as the ones before have left things. Two names of one chat become one row."""
    stored = await _stored(transaction, placed)
    known = dict(stored)
    for each in placed:
        changed = [timer for timer in each.operation.timers if _set(known, each.session_id, timer)]
        for timer in changed:
            transaction.emit(each, NewEvent(type=each.operation.event_type, data=timer.event))
        transaction.answer(each, len(changed))
    put = [(*name, timer.seconds, timer.changed_at) for name, timer in known.items() if stored.get(name) != timer]
    if put:
        await transaction.wire.execute(_PUT, *columns(put))
    if removed := [name for name in stored if name not in known]:
        await transaction.wire.execute(_REMOVE, *columns(removed))


def _set(known: dict[Name, Timer], session_id: SessionId, reported: ChatTimer) -> bool:
    names = [(session_id, name) for name in {reported.chat, *reported.names}]
    before = max((known[name] for name in names if name in known), key=lambda timer: timer.changed_at, default=None)
    if before is not None and reported.changed_at < before.changed_at:
        return False
    for name in names:
        known.pop(name, None)
    known[session_id, reported.chat] = Timer(seconds=reported.seconds, changed_at=reported.changed_at)
    return reported.seconds != (0 if before is None else before.seconds)


async def _stored(transaction: Transaction, placed: Sequence[Placed]) -> dict[Name, Timer]:
    names = {
        (each.session_id, name): None
        for each in placed
        for timer in each.operation.timers
        for name in (timer.chat, *timer.names)
    }
    rows = await transaction.wire.fetch(_READ, *columns(names)) if names else ()
    return {
        (row["session_id"], row["chat"]): Timer(seconds=row["seconds"], changed_at=row["changed_at"]) for row in rows
    }
