"""A group commit at work on a server in memory."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from gateway_worker.store.operations.identity import DropCredentials, PutKeys
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.operations.sessions import AppendEvent
from gateway_worker.store.postgres.encryption import Ciphers
from gateway_worker.store.records import Fence, OutboxEvent
from gateway_worker.store.writing.committer import Committer
from gateway_worker.store.writing.event_ids import new_event_id
from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import GroupWriter, NewEvent, Transaction
from gateway_worker.store.writing.writers import WRITERS
from schemas.names import SessionId
from tests.support.connections.virtual_time import VirtualClock
from tests.support.store.memory_server import MemoryServer


@dataclass(kw_only=True)
class Scene:
    server: MemoryServer
    committer: Committer
    heard: list[OutboxEvent] = field(default_factory=list[OutboxEvent])

    async def write(self, session: str, *types: str, epoch: int = 1) -> tuple[Any, ...]:
        return await self.write_all(session, *(AppendEvent(type=each, data={}) for each in types), epoch=epoch)

    async def write_all(self, session: str, *operations: Operation[Any], epoch: int = 1) -> tuple[Any, ...]:
        return await self.committer.commit(Fence(session_id=SessionId(session), epoch=epoch), operations)

    async def together(self, *writes: tuple[str, str]) -> Sequence[Any]:
        """Write one event each, all at once; answers or errors in their order."""
        return await asyncio.gather(*(self.write(*each) for each in writes), return_exceptions=True)


async def drop(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """In place of the writer of what must stand alone: it tells of nothing."""
    (one,) = placed
    await transaction.wire.execute(f"DROP {one.fence.session_id}")


async def put_keys(transaction: Transaction, placed: Sequence[Placed]) -> None:
    """In place of the writer of what is here for its weight: it tells and answers how many keys there are."""
    for each in placed:
        transaction.emit(each, NewEvent(type=f"{each.operation.weight} keys", data={}))
        transaction.answer(each, each.operation.weight)


def keys(count: int) -> PutKeys:
    return PutKeys(keys={("pre-key", str(number)): b"" for number in range(count)})


@asynccontextmanager
async def committing(*sessions: str) -> AsyncGenerator[Scene]:
    server = MemoryServer()
    for each in sessions or ("anna", "ben"):
        server.add_session(each)
    heard: list[OutboxEvent] = []
    writer = GroupWriter(
        keyring=server.keyring,
        ciphers=Ciphers(server.keyring),
        writers={**WRITERS, DropCredentials: drop, PutKeys: put_keys},
        new_event_id=new_event_id,
    )
    committer = Committer(wire=server.kept(), writer=writer, listeners=[heard.extend], now=VirtualClock().now)
    async with asyncio.TaskGroup() as group:
        group.create_task(committer.run())
        await asyncio.sleep(0)  # it waits: what is written in one turn of the loop is one group
        try:
            yield Scene(server=server, committer=committer, heard=heard)
        finally:
            committer.stop()
    assert server.connections == 0, "all are given back"
