"""The queue of commands that ran out: of time (AMQP `expiration`), or of deliveries (the broker's crash guard)."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import structlog

from consumers.pending_reply import PendingReply
from consumers.ports import Manager
from consumers.replies import Reply
from schemas.commands.commands import Command, CommandClass, CommandQueue
from schemas.errors import CommandExpired, FleetFull, GatewayError, Internal
from schemas.model import StrictModel

log = structlog.get_logger(__name__)

_REASON: Final = "x-first-death-reason"
_OUT_OF_TIME: Final = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """Receives what the broker took out of a command queue."""

    manager: Manager

    async def receive(self, command: Command[StrictModel], answer: PendingReply) -> Reply | None:
        """Say that it expired; a message that was accepted earlier is told by its ``message.status`` instead.

        Raises:
            CommandExpired: it was never started; a create says so if it could not be, for want of a free slot.
            Internal: it was delivered again and again without an outcome: it may bring workers down, a dead letter.
        """
        if command.kind.klass is CommandClass.M:
            answer.take_back = partial(self._fail, command)
        reason = answer.delivery.headers.get(_REASON)
        if reason != _OUT_OF_TIME:
            log.error("command.delivered_too_often", reason=str(reason))
            raise Internal
        if answer.take_back is not None and await answer.take_back(CommandExpired()):
            answer.outcome = CommandExpired.code
            return None
        if command.kind.queue is CommandQueue.SESSIONS and await self.manager.fleet_is_full():
            raise CommandExpired(detail={"reason": FleetFull.code})
        raise CommandExpired

    async def _fail(self, command: Command[Any], error: GatewayError) -> bool:
        return await self.manager.fail(command, error)
