"""The one place that settles a delivery.

How::

    unreadable, unknown, against the schema   → dead queue, rejected, ack
    a gateway error  REJECT                   → rejected, ack
                     DEAD_LETTER              → dead queue, rejected, ack
                     RETRY                    → held, backed off, tried again, for as long as it takes
    anything unexpected                       → tried a few times, logged once; then like DEAD_LETTER, ``internal``
    carried out                               → the reply if one was asked for, ack
    cancelled                                 → nothing: the broker delivers it again
    no longer ours (connection lost)          → nothing: the broker delivers it again

Nothing is ever rejected or requeued at the broker by us.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, assert_never

import structlog
from pamqp.common import FieldValue

from consumers.answer import Answer, Desk
from consumers.delivery import Delivery
from consumers.patience import Patience
from consumers.ports import Observer
from consumers.reading import read
from consumers.replies import Reply, rejected
from schemas.commands import Command
from schemas.errors import CommandInvalid, Disposition, GatewayError, Internal, Origin
from schemas.model import StrictModel
from schemas.names import MAX_COMMAND_BYTES, WorkerId

log = structlog.get_logger(__name__)

ATTEMPTS: Final = 4  # of a command that fails in a way nobody expected
_DELAYS: Final = (0.1, 0.5, 2.0)
_TRUNCATED_BYTES: Final = 4_096  # of an oversized body, for a person to recognise it by
_UNREADABLE: Final = "unreadable"

Receive = Callable[[Command[StrictModel], Answer], Awaitable[Reply | None]]
"""Carries a command out. Answers with the reply to give, or None if it was given on the way (or there is none)."""


class Settler:
    """Settles deliveries, many at a time."""

    def __init__(
        self,
        desk: Desk,
        *,
        worker_id: WorkerId,
        observer: Observer,
        patience: Patience,
        monotonic: Callable[[], float],
        delays: tuple[float, ...] = _DELAYS,
    ) -> None:
        self._desk = desk
        self._worker_id = worker_id
        self._observer = observer
        self._patience = patience
        self._monotonic = monotonic
        self._delays = delays

    async def settle(self, delivery: Delivery, receive: Receive) -> None:
        """Give the delivery its one outcome. Only a cancellation comes out of here."""
        command_type = _UNREADABLE
        try:
            command = read(delivery, self._desk.now())
        except CommandInvalid as error:
            answer = Answer(self._desk, delivery, error.origin)
            await self._dead_letter(answer, error, error.origin)
        else:
            command_type = command.kind.type
            answer = Answer(self._desk, delivery, command.envelope.origin)
            with structlog.contextvars.bound_contextvars(command_id=command.id, command_type=command_type):
                await self._carry_out(command, answer, receive)
        if delivery.is_live:
            delivery.ack()
            self._observer.command_settled(command_type, answer.outcome or "done", self._monotonic() - delivery.arrived)

    async def _carry_out(self, command: Command[StrictModel], answer: Answer, receive: Receive) -> None:
        """Try until there is an outcome. The first try reaches `receive` without waiting for anything."""
        origin = command.envelope.origin
        held_for: str | None = None
        failures = 0
        while answer.delivery.is_live:
            try:
                reply = await receive(command, answer)
            except GatewayError as error:
                if error.disposition is Disposition.RETRY:
                    held_for = type(error).__name__
                    await self._patience.hold(held_for)
                    continue
                await self._refuse(answer, error, origin)
            except Exception:
                failures += 1
                if failures < ATTEMPTS:
                    await asyncio.sleep(self._delays[min(failures, len(self._delays)) - 1])
                    continue
                log.exception("command.failed", attempts=failures)
                await self._dead_letter(answer, Internal(), origin)
            else:
                if reply is not None:
                    await answer.give(reply)
            if held_for is not None:
                self._patience.over(held_for)
            return

    async def _refuse(self, answer: Answer, error: GatewayError, origin: Origin) -> None:
        match error.disposition:
            case Disposition.REJECT:
                await answer.give(rejected(error, origin))
            case Disposition.DEAD_LETTER:
                await self._dead_letter(answer, error, origin)
            case Disposition.RETRY:
                raise AssertionError("held, not refused")
            case _:
                assert_never(error.disposition)

    async def _dead_letter(self, answer: Answer, error: GatewayError, origin: Origin) -> None:
        """Bury it with its reasons, then say so."""
        delivery = answer.delivery
        if not delivery.is_live:
            return
        message = delivery.outgoing()
        headers = self._epitaph(delivery, error)
        if len(delivery.body) > MAX_COMMAND_BYTES:
            message = delivery.outgoing(max_bytes=_TRUNCATED_BYTES)
            headers["x-gateway-truncated-from"] = len(delivery.body)
        await self._desk.publisher.bury(message, headers)
        log.warning("command.buried", code=error.code, queue=delivery.queue)
        await answer.give(rejected(error, origin))

    def _epitaph(self, delivery: Delivery, error: GatewayError) -> dict[str, FieldValue]:
        """The headers by which `gateway-worker dead` tells what happened, and where to redrive it."""
        return {
            "x-gateway-code": error.code,
            "x-gateway-message": error.message,
            "x-gateway-queue": delivery.queue,
            "x-gateway-exchange": delivery.exchange,
            "x-gateway-routing-key": delivery.routing_key,
            "x-gateway-worker": self._worker_id,
            "x-gateway-time": self._desk.now().isoformat().replace("+00:00", "Z"),
        }
