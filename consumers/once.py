"""Idempotency of what is not a message: the ledger of commands, and who is at work on one right now.

The same key with another body is a conflict. A duplicate gets the first one's answer; while the first is at work, it
waits. A command that a crash interrupted is carried out again if that is harmless (class I); if not (class N), its
outcome is unknown. Rejections are answers too, except those that say "not now": a repetition of these is a new try.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, assert_never

from consumers.delivery import Delivery
from consumers.ports import Ledger
from consumers.replies import Reply, rejected
from gateway_worker.store.operations import Conflict, Done, Fresh, InProgress
from schemas.commands import Command, CommandClass, CommandKey, Subject
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
from schemas.model import StrictModel

WAIT_SECONDS: Final = 5.0  # for another worker that is at work on the same command; after that it is taken for dead
_LOOK_SECONDS: Final = 0.2
_NOT_NOW: Final = (FleetFull, RateLimited, SessionNotConnected, SessionNotPairing)

CarryOut = Callable[[Command[StrictModel]], Awaitable[Reply]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """A command somebody in this process is at work on."""

    body_hash: bytes
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Once:
    """Carries each command out once, as far as its class allows."""

    def __init__(self, ledger: Ledger, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._ledger = ledger
        self._wait_seconds = wait_seconds
        self._at_work: dict[CommandKey, _Work] = {}

    async def carry_out(self, command: Command[StrictModel], delivery: Delivery, carry_out: CarryOut) -> Reply:
        """The command's answer, whether it is worked out now or was earlier."""
        body_hash = command.envelope.body_hash()
        while (first := self._at_work.get(command.key)) is not None:
            if first.body_hash != body_hash:
                raise CommandConflict
            await first.over.wait()
        work = self._at_work[command.key] = _Work(body_hash=body_hash)
        try:
            return await self._recorded(command, body_hash, delivery, carry_out)
        finally:
            del self._at_work[command.key]
            work.over.set()

    async def _recorded(
        self, command: Command[StrictModel], body_hash: bytes, delivery: Delivery, carry_out: CarryOut
    ) -> Reply:
        known = await self._record(command, body_hash)
        if isinstance(known, InProgress) and not delivery.redelivered:
            known = await self._wait(command, body_hash, known)
        match known:
            case Conflict():
                raise CommandConflict
            case Done(reply=reply) if reply is not None:
                return Reply.from_json(reply)
            case InProgress() if command.kind.klass is CommandClass.N:
                raise OutcomeUnknownError
            case Fresh() | InProgress() | Done():
                return await self._work_out(command, carry_out)
            case _:
                assert_never(known)

    async def _record(self, command: Command[StrictModel], body_hash: bytes) -> Fresh | InProgress | Done | Conflict:
        session_id = command.session_id if command.kind.subject is Subject.SESSION else None
        return await self._ledger.record(command.key, body_hash, command.kind.type, session_id)

    async def _wait(
        self, command: Command[StrictModel], body_hash: bytes, known: InProgress
    ) -> Fresh | InProgress | Done | Conflict:
        """Another worker may be at work on it: look again for a while."""
        looks = round(self._wait_seconds / _LOOK_SECONDS)
        latest: Fresh | InProgress | Done | Conflict = known
        for _ in range(looks):
            if not isinstance(latest, InProgress):
                break
            await asyncio.sleep(_LOOK_SECONDS)
            latest = await self._record(command, body_hash)
        return latest

    async def _work_out(self, command: Command[StrictModel], carry_out: CarryOut) -> Reply:
        try:
            reply = await carry_out(command)
        except GatewayError as error:
            if error.disposition is Disposition.REJECT:
                lasting = not isinstance(error, _NOT_NOW)
                answer = rejected(error, command.envelope.origin).to_json() if lasting else None
                await self._ledger.finish(command.key, answer)
            raise
        await self._ledger.finish(command.key, reply.to_json())
        return reply
