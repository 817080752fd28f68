"""The one answer to a delivery."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from consumers.delivery import Delivery
from consumers.fence import Audience
from consumers.ports import Publisher
from consumers.replies import Reply, ReplyFactory
from schemas.envelope import Envelope
from schemas.errors import GatewayError
from schemas.events.events import COMMAND_REJECTED
from schemas.names import NewId

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyContext:
    """What answering takes."""

    publisher: Publisher
    factory: ReplyFactory
    now: Callable[[], datetime]
    new_id: NewId


class PendingReply:
    """Given at most once. To the sender's queue if it named one of its own; else only a rejection is told, as an event.

    Attributes:
        interrupted: carrying the command out was begun for this delivery; if it comes to that again, it broke off.
        take_back: tells the failure of what was accepted, perhaps in an earlier life; False: it never was. None: what
            is accepted needs no such word.
    """

    __slots__ = ("_audience", "_origin", "_reply_context", "delivery", "interrupted", "outcome", "take_back")

    def __init__(self, reply_context: ReplyContext, delivery: Delivery, audience: Audience) -> None:
        self._reply_context = reply_context
        self._audience = audience
        self._origin = audience.origin
        self.delivery = delivery
        self.interrupted = False
        self.take_back: Callable[[GatewayError], Awaitable[bool]] | None = None
        self.outcome: str | None = None

    async def give(self, reply: Reply) -> None:
        """Publish it. Nothing is said for a delivery that is no longer ours: its next arrival is answered."""
        if self.outcome is not None:
            log.debug("answer.given_before", first=self.outcome, now=reply.outcome)
            return
        if not self.delivery.is_live:
            return
        self.outcome = reply.outcome
        delivery = self.delivery
        if self._audience.reply_to is not None:
            await self._reply_context.publisher.reply(
                self._audience.reply_to, self._correlation_id, self._envelope(reply), is_due=lambda: delivery.is_live
            )
        elif self._audience.receives_events and reply.type == COMMAND_REJECTED.type:
            await self._reply_context.publisher.publish_event(self._envelope(reply))

    @property
    def _correlation_id(self) -> str | None:
        return self.delivery.correlation_id or self._origin.correlation_id

    def _envelope(self, reply: Reply) -> Envelope:
        return self._reply_context.factory.envelope(
            reply,
            self._origin,
            message_id=self.delivery.message_id,
            correlation_id=self.delivery.correlation_id,
            new_id=self._reply_context.new_id,
            time=self._reply_context.now(),
        )
