"""Sessions that should connect while no worker has room for them: their backend is told, once."""

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from gateway_worker.connections.base.context import SessionContext
from gateway_worker.connections.base.signals import until_stored
from gateway_worker.connections.base.writer import Writer
from gateway_worker.connections.lifecycle.lifecycle import Lifecycle
from gateway_worker.connections.lifecycle.reasons import WAITING
from gateway_worker.connections.lifecycle.states import Trigger
from gateway_worker.store.errors import StaleEpoch
from gateway_worker.store.records import SessionRecord
from schemas.names import SessionId

_log = structlog.get_logger()

LIMIT: Final = 50  # sessions told of at a time


async def notify_waiting(context: SessionContext, incarnation: str, held: set[SessionId]) -> int:
    """Tell of those that nobody owns, if the whole fleet is full. For a worker that has no room itself.

    Each is claimed, written, and released: so one worker tells it, under a fence of its own, whoever else looks. It
    waits in the database; whoever has room takes it as it takes every session that nobody owns.

    Returns:
        How many sessions should be connected and find room nowhere.
    """
    ownership = context.storage.ownership
    room = await until_stored(lambda: context.storage.moves.room(context.worker_id))
    if room.free or not room.waiting:
        return 0
    claimed = await until_stored(lambda: ownership.claim_waiting(context.worker_id, incarnation, LIMIT))
    names = {record.session_id for record in claimed}
    held |= names
    try:
        for record in claimed:
            try:
                await _notify(record, context)
            finally:
                await until_stored(lambda record=record: ownership.release(record.session_id, record.epoch))
    finally:
        held -= names
    return room.unserved


async def _notify(record: SessionRecord, context: SessionContext) -> None:
    lifecycle = Lifecycle(
        record,
        Writer(record.fence, context.storage, lambda: None),
        announcer=context.announcer,
        clock=context.clock,
        worker_id=context.worker_id,
    )
    with suppress(StaleEpoch):  # somebody has room after all
        await lifecycle.follow(Trigger.NO_ROOM, reason=WAITING)
    with suppress(TimeoutError):
        async with asyncio.timeout(context.timeouts.flushing):
            await context.announcer.flushed(record.session_id)
