"""Idempotency of what is not a message: the ledger of commands, and who is at work on one right now.

The same key with another body is a conflict. A duplicate gets the first one's answer; while the first is at work, here
or at another worker, it waits. A command that a crash interrupted is carried out again if that is harmless (class I);
if not (class N), its outcome is unknown. Rejections are answers too, except those that say "not now": a repetition of
these is a new try. So is a command that a person redrives, unless it has succeeded meanwhile; one of class N is begun
by each redrive once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, assert_never

from consumers.pending_reply import PendingReply
from consumers.ports import CommandLedger
from consumers.replies import Reply, rejected
from gateway_worker.connections.base.signals import until_stored
from gateway_worker.store.operations.commands import Conflict, Done, Fresh, InProgress, Recorded
from gateway_worker.store.records import Json
from schemas.commands.commands import Command, CommandClass, CommandKey
from schemas.errors import (
    CommandConflict,
    Disposition,
    FleetFull,
    GatewayError,
    OutcomeUnknownError,
    RateLimited,
    SessionNotConnected,
    SessionNotPairing,
)
from schemas.events.events import COMMAND_REJECTED
from schemas.model import StrictModel

WAIT_SECONDS: Final = 5.0  # for another worker that is at work on the same command; after that it is taken for dead
WAIT_SECONDS_N: Final = 60.0  # the same, where the answer afterwards is that nobody knows
_LOOK_SECONDS: Final = 0.2
_NOT_NOW: Final = (FleetFull, RateLimited, SessionNotConnected, SessionNotPairing)

CarryOut = Callable[[Command[StrictModel]], Awaitable[Reply]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """A command somebody in this process is at work on."""

    body_hash: bytes
    over: asyncio.Event = field(default_factory=asyncio.Event)


class IdempotencyGuard:
    """Carries each command out once, as far as its class allows."""

    def __init__(
        self, ledger: CommandLedger, *, wait_seconds: float = WAIT_SECONDS, wait_seconds_n: float = WAIT_SECONDS_N
    ) -> None:
        self._ledger = ledger
        self._wait_seconds = {CommandClass.I: wait_seconds, CommandClass.N: wait_seconds_n}
        self._at_work: dict[CommandKey, _Work] = {}

    async def carry_out(self, command: Command[StrictModel], answer: PendingReply, carry_out: CarryOut) -> Reply:
        """The command's answer, whether it is worked out now or was earlier.

        Raises:
            CommandConflict: the key was seen with another body.
            OutcomeUnknownError: it is of class N and was begun before.
            GatewayError: what it was refused for, now or earlier (then as a reply).
        """
        body_hash = command.envelope.body_hash()
        while (first := self._at_work.get(command.key)) is not None:
            if first.body_hash != body_hash:
                raise CommandConflict
            await first.over.wait()
        work = self._at_work[command.key] = _Work(body_hash=body_hash)
        try:
            return await self._recorded(command, body_hash, answer, carry_out)
        finally:
            del self._at_work[command.key]
            work.over.set()

    async def _recorded(
        self, command: Command[StrictModel], body_hash: bytes, answer: PendingReply, carry_out: CarryOut
    ) -> Reply:
        known = await self._record(command, body_hash)
        begun_before = answer.interrupted or answer.delivery.redelivered
        if isinstance(known, InProgress) and not begun_before:
            known = await self._wait(command, body_hash, known)
        match known:
            case Conflict():
                raise CommandConflict
            case Done(reply=reply) if reply is not None and not (command.redriven and _is_rejection(reply)):
                return Reply.from_json(reply)
            case InProgress() if command.kind.klass is CommandClass.N and (begun_before or not command.redriven):
                raise OutcomeUnknownError
            case Fresh() | InProgress() | Done():
                return await self._work_out(command, answer, carry_out)
            case _:
                assert_never(known)

    async def _record(self, command: Command[StrictModel], body_hash: bytes) -> Recorded:
        return await self._ledger.record(command.key, body_hash, command.kind.type)

    async def _wait(self, command: Command[StrictModel], body_hash: bytes, known: InProgress) -> Recorded:
        """Another worker may be at work on it: look again for a while."""
        looks = round(self._wait_seconds[command.kind.klass] / _LOOK_SECONDS)
        latest: Recorded = known
        for _ in range(looks):
            if not isinstance(latest, InProgress):
                break
            await asyncio.sleep(_LOOK_SECONDS)
            latest = await self._record(command, body_hash)
        return latest

    async def _work_out(self, command: Command[StrictModel], answer: PendingReply, carry_out: CarryOut) -> Reply:
        answer.interrupted = True
        try:
            reply = await carry_out(command)
        except GatewayError as error:
            if error.disposition is Disposition.REJECT:
                lasting = not isinstance(error, _NOT_NOW)
                await self._finish(command, rejected(error, command.envelope.origin).to_json() if lasting else None)
            raise
        await self._finish(command, reply.to_json())
        return reply

    async def _finish(self, command: Command[StrictModel], reply: Json | None) -> None:
        """What is known is not forgotten because the database is away just now."""
        await until_stored(lambda: self._ledger.finish(command.key, reply))


def _is_rejection(reply: Json) -> bool:
    return reply["type"] == COMMAND_REJECTED.type
