"""From a command to its handler: at the right queue, in time, once.

A command that came through the wrong queue is moved to the right one. So the same dispatcher serves the unroutable
queue: nothing is at home there, and what has no queue to go to is answered `SessionNotFound` or `WorkerNotFound`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final, Protocol, assert_never

import structlog

from consumers.delivery import FORWARDED
from consumers.idempotency import IdempotencyGuard
from consumers.pending_reply import PendingReply
from consumers.ports import Manager, Publisher
from consumers.replies import MOVED, Reply, accepted
from gateway_worker.broker.errors import PublishRefused, Unroutable
from schemas.commands.commands import Command, CommandClass, CommandQueue
from schemas.errors import (
    CommandExpired,
    Internal,
    SessionNotFound,
    SessionNotPairing,
    Unavailable,
    WorkerNotFound,
)
from schemas.model import StrictModel
from schemas.names import MessageId, SessionId
from schemas.topology.channels import Topology

log = structlog.get_logger(__name__)

MOST_FORWARDS: Final = 3  # workers of two versions could disagree about a queue

Handler = Callable[[Command[Any]], Awaitable[Reply]]
"""Carries out one kind of command and says what to reply. Raises gateway errors."""


class QueueMaker(Protocol):
    """Makes sure that a session's queue exists."""

    async def declare(self, session_id: SessionId) -> None:
        """Returns when it does."""
        ...


def home_of(command: Command[StrictModel], topology: Topology) -> str:
    """The queue in which a command belongs."""
    subject = command.subject or ""
    match command.kind.queue:
        case CommandQueue.SESSIONS:
            return topology.sessions_queue
        case CommandQueue.CONTROL:
            return topology.control_queue
        case CommandQueue.SESSION:
            return topology.session_queue_name(subject)
        case CommandQueue.WORKER:
            return topology.worker_queue_name(subject)
        case _:
            assert_never(command.kind.queue)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher:
    """Receives commands at every queue where they may be at home (and at the unroutable queue, where none is)."""

    topology: Topology
    manager: Manager
    publisher: Publisher
    queues: QueueMaker
    guard: IdempotencyGuard
    handlers: Mapping[str, Handler]
    now: Callable[[], datetime]

    async def receive(self, command: Command[StrictModel], answer: PendingReply) -> Reply | None:
        """Carry out, or move. A message reaches its session without waiting for anything: that keeps the order."""
        home = await self._home(command)
        if home != answer.delivery.queue:
            await self._move(command, answer, home)
            return None
        match command.kind.klass:
            case CommandClass.M:
                return await self._send(command, answer)
            case CommandClass.Q:
                self._check_time(command)
                return await self.handlers[command.kind.type](command)
            case CommandClass.I | CommandClass.N:
                return await self.guard.carry_out(command, answer, self._in_time)
            case _:
                assert_never(command.kind.klass)

    async def _home(self, command: Command[StrictModel]) -> str:
        """What only its owner can do is at home in the owner's own queue, though it is published to everybody's."""
        if not command.kind.for_owner:
            return home_of(command, self.topology)
        owner = await self.manager.owner(command.session_id)
        if owner is None:
            raise SessionNotPairing
        return self.topology.worker_queue_name(owner)

    async def _send(self, command: Command[Any], answer: PendingReply) -> None:
        """The message's row is the record of it, so neither the ledger nor the clock is asked here.

        Its reply goes out while it is being sent: a broker that takes no publishes for now holds no message up.
        """
        answer.take_back = partial(self.manager.fail, command)
        failure: Exception | None = None
        async with asyncio.TaskGroup() as acceptances:

            async def accept(message_id: MessageId) -> None:
                acceptances.create_task(answer.give(accepted(command, message_id)))

            try:
                await self.manager.of(command.session_id).send(command, accept)
            except Exception as error:  # noqa: BLE001 (it is not the affair of the group, which would wrap it)
                failure = error
        if isinstance(failure, SessionNotFound) and await answer.take_back(failure):
            answer.outcome = failure.code  # deleted after it was accepted: that was told by its status, not once more
        elif failure is not None:
            raise failure

    async def _in_time(self, command: Command[StrictModel]) -> Reply:
        self._check_time(command)
        return await self.handlers[command.kind.type](command)

    def _check_time(self, command: Command[StrictModel]) -> None:
        if command.expires_at is not None and command.expires_at <= self.now():
            raise CommandExpired

    async def _move(self, command: Command[StrictModel], answer: PendingReply, home: str) -> None:
        """Publish it to its own queue, confirmed. There is no way around twice: the queue is named, not routed to."""
        delivery = answer.delivery
        if command.kind.for_owner:
            self._check_time(command)
        times = delivery.times_forwarded + 1
        if times > MOST_FORWARDS:
            log.error("command.has_no_home", home=home, queue=delivery.queue)
            raise Internal
        await self._check_addressee(command)
        message = delivery.outgoing()
        message = replace(message, headers={**(message.headers or {}), FORWARDED: times})
        try:
            await self.publisher.forward(home, message)
        except PublishRefused as error:
            raise Unavailable("The command's queue is full.") from error
        except Unroutable:
            await self._make_home(command)
            raise Unavailable("The command's queue has only just been made.") from None
        if delivery.queue == self.topology.unroutable and command.kind.queue is CommandQueue.SESSION:
            await self.queues.declare(command.session_id)  # the queue is there, and nothing led to it
        answer.outcome = MOVED

    async def _check_addressee(self, command: Command[StrictModel]) -> None:
        """Nothing is put into the queue of a session that is gone, or going: it might be removed with it."""
        if command.kind.queue is CommandQueue.SESSION and not await self.manager.queries.knows(command.session_id):
            raise SessionNotFound

    async def _make_home(self, command: Command[StrictModel]) -> None:
        """The queue is missing: make it if there should be one."""
        if command.kind.for_owner:
            return  # its owner is going; there will be another, or none
        match command.kind.queue:
            case CommandQueue.SESSION:
                await self._check_addressee(command)  # it may have gone with its session just now
                await self.queues.declare(command.session_id)
            case CommandQueue.WORKER:
                raise WorkerNotFound
            case CommandQueue.SESSIONS | CommandQueue.CONTROL:
                log.error("topology.queue_missing", queue=command.kind.queue)  # it is declared when it is opened again
            case _:
                assert_never(command.kind.queue)
