"""The one place that settles a delivery.

How::

    unreadable, unknown, against the schema   → dead queue, rejected, ack
    not for its sender to ask (`fence`)       → dead queue, rejected, ack
    a gateway error  REJECT                   → rejected, ack
                     DEAD_LETTER              → dead queue, rejected, ack
                     RETRY                    → held, backed off, tried again, for as long as it takes
    anything unexpected                       → tried a few times, logged once; then like DEAD_LETTER, ``internal``;
                                                a message that was accepted fails by its status instead
    carried out                               → the reply if one was asked for, ack
    cancelled                                 → nothing: the broker delivers it again
    no longer ours (connection lost)          → nothing: the broker delivers it again

Nothing is ever rejected or requeued at the broker by us.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, assert_never

import structlog

from consumers.dead_letters import dead_letter_headers
from consumers.delivery import Delivery
from consumers.fence import Fence
from consumers.pending_reply import PendingReply, ReplyContext
from consumers.ports import CommandObserver
from consumers.reading import read
from consumers.replies import GOOD, Reply, rejected
from consumers.retry_gate import RetryGate
from consumers.traced import command_span, with_context
from schemas.commands.commands import Command
from schemas.errors import CommandInvalid, Disposition, GatewayError, Internal, Origin, Unavailable
from schemas.model import StrictModel
from schemas.names import MAX_COMMAND_BYTES, WorkerId

log = structlog.get_logger(__name__)

_PAUSES: Final = (0.1, 0.5, 2.0)  # seconds between the attempts at a command that fails in a way nobody expected
ATTEMPTS: Final = len(_PAUSES) + 1
_TRUNCATED_BYTES: Final = 4_096  # of an oversized body, for a person to recognise it by
_UNREADABLE: Final = "unreadable"

Receive = Callable[[Command[StrictModel], PendingReply], Awaitable[Reply | None]]
"""Carries a command out. Answers with the reply to give, or None if it was given on the way (or there is none)."""


class Settler:
    """Settles deliveries, many at a time."""

    def __init__(
        self,
        reply_context: ReplyContext,
        fence: Fence,
        *,
        worker_id: WorkerId,
        observer: CommandObserver,
        retry_gate: RetryGate,
        monotonic: Callable[[], float],
    ) -> None:
        self._reply_context = reply_context
        self._fence = fence
        self._worker_id = worker_id
        self._observer = observer
        self._retry_gate = retry_gate
        self._monotonic = monotonic

    async def settle(self, delivery: Delivery, receive: Receive) -> None:
        """Give the delivery its one outcome. Only a cancellation comes out of here."""
        command_type = _UNREADABLE
        try:
            command = read(delivery, self._reply_context.now())
        except CommandInvalid as error:
            answer = PendingReply(self._reply_context, delivery, self._fence.audience(delivery, error.origin))
            await self._dead_letter(answer, error, error.origin)
        else:
            command_type = command.kind.type
            answer = await self._settle_command(delivery, command, self._fenced(receive))
        if delivery.is_live:
            delivery.ack()
            self._observer.command_settled(command_type, answer.outcome or "done", self._monotonic() - delivery.arrived)

    async def _settle_command(
        self, delivery: Delivery, command: Command[StrictModel], receive: Receive
    ) -> PendingReply:
        """Whatever is logged meanwhile has the command's ids, and what takes time lies in its span."""
        ids = {"command_id": command.id, "correlation_id": command.correlation_id or delivery.correlation_id}
        known = {name: value for name, value in ids.items() if value is not None}
        with (
            structlog.contextvars.bound_contextvars(command_type=command.kind.type, **known),
            command_span(delivery, command) as span,
        ):
            command = with_context(command)
            answer = PendingReply(
                self._reply_context, delivery, self._fence.audience(delivery, command.envelope.origin)
            )
            log.debug("command.received", queue=delivery.queue, subject=command.subject, again=delivery.redelivered)
            await self._carry_out(command, answer, receive)
            if answer.outcome is not None and answer.outcome not in GOOD:
                span.fail(answer.outcome)
            log.debug("command.settled", outcome=answer.outcome)
        return answer

    def _fenced(self, receive: Receive) -> Receive:
        """Nothing is carried out, moved or told to have expired that its sender may not ask."""

        async def check_first(command: Command[StrictModel], answer: PendingReply) -> Reply | None:
            self._fence.check(command, answer.delivery)
            return await receive(command, answer)

        return check_first

    async def _carry_out(self, command: Command[StrictModel], answer: PendingReply, receive: Receive) -> None:
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
                    await self._retry_gate.hold(held_for)
                    continue
                await self._refuse(answer, error, origin)
            except Exception:
                failures += 1
                if failures < ATTEMPTS:
                    await asyncio.sleep(_PAUSES[failures - 1])
                    continue
                log.exception("command.failed", attempts=failures)
                await self._dead_letter(answer, Internal(), origin)
            else:
                if reply is not None:
                    await answer.give(reply)
            if held_for is not None:
                self._retry_gate.over(held_for)
            return

    async def _refuse(self, answer: PendingReply, error: GatewayError, origin: Origin) -> None:
        match error.disposition:
            case Disposition.REJECT:
                await answer.give(rejected(error, origin))
            case Disposition.DEAD_LETTER:
                await self._dead_letter(answer, error, origin)
            case Disposition.RETRY:
                raise AssertionError("held, not refused")
            case _:
                assert_never(error.disposition)

    async def _take_back(self, answer: PendingReply, error: GatewayError) -> bool:
        """Whether it was accepted before; then that it failed is told by its status, for as long as it takes."""
        held_for: str | None = None
        while answer.take_back is not None and answer.delivery.is_live:
            try:
                was_accepted = await answer.take_back(error)
            except Unavailable as unavailable:
                held_for = type(unavailable).__name__
                await self._retry_gate.hold(held_for)
            else:
                if held_for is not None:
                    self._retry_gate.over(held_for)
                return was_accepted
        return False

    async def _dead_letter(self, answer: PendingReply, error: GatewayError, origin: Origin) -> None:
        """Put it into the dead queue with its reasons, then say so.

        A crash between the two brings the delivery again: then it lies there twice, under the same id.
        """
        delivery = answer.delivery
        if not delivery.is_live:
            return
        truncated = len(delivery.body) > MAX_COMMAND_BYTES
        message = delivery.outgoing(max_bytes=_TRUNCATED_BYTES if truncated else None)
        headers = dead_letter_headers(
            delivery, error, worker_id=self._worker_id, now=self._reply_context.now(), truncated=truncated
        )
        key = self._fence.routing_key(delivery)
        await self._reply_context.publisher.dead_letter(replace(message, expiration=None, routing_key=key), headers)
        log.warning("command.buried", code=error.code, queue=delivery.queue)
        if await self._take_back(answer, error):
            answer.outcome = error.code
        else:
            await answer.give(rejected(error, origin))
