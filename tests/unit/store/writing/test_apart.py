"""Writes that are set apart leave in groups of bounded weight, in their order."""

import asyncio

from gateway_worker.store.operations.sessions import AppendEvent
from gateway_worker.store.records import Fence
from gateway_worker.store.writing.apart import Apart, Waiting
from gateway_worker.store.writing.transaction import Writing
from schemas.names import SessionId

ANNA = SessionId("anna")


async def test_what_waited_is_no_larger_a_transaction_than_any_other() -> None:
    room, apart = asyncio.Semaphore(10), Apart()
    writing = Writing(Fence(session_id=ANNA, epoch=1), [AppendEvent(type="x", data={})])
    waiting = [Waiting(writing, weight, weight == 1, room) for weight in (9, 3, 3, 4, 1, 2, 2)]
    apart.put_first(ANNA, waiting[:2])
    for each in waiting[2:]:
        apart.join(each)
    groups: list[list[int]] = []
    while ANNA in apart:
        session_id, group = apart.next_group(3, 8)
        groups.append([each.weight for each in group])
        apart.succeeded(session_id)
    assert groups == [[9], [3, 3], [4], [1], [2, 2]]
