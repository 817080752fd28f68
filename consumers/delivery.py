"""One arrival of a message, as the rest of this package sees it. No driver in here: tests make their own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from gateway_worker.broker.headers import HeaderValue
from gateway_worker.broker.outgoing import Outgoing

FORWARDED: Final = "x-gateway-forwarded"
"""Header that counts how often a command was moved to another queue."""


class Receiver(Protocol):
    """Where a delivery came in, and the only way to settle it."""

    @property
    def is_open(self) -> bool:
        """Whether its deliveries can still be settled; otherwise the broker delivers them again."""
        ...

    def ack(self, tag: int) -> None:
        """The broker may forget this delivery. Nothing happens on a receiver that is not open."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One arrival of a message.

    Attributes:
        queue: the queue it came through.
        exchange, routing_key: where it was published to.
        headers: those that can be published again as they are.
        header_names: of all there are; `leniency.UNREADABLE` among them says that the rest could not be read.
        arrived: monotonic seconds.
        tag: names it at its `receiver`.
    """

    queue: str
    exchange: str
    routing_key: str
    body: bytes = field(repr=False)
    redelivered: bool
    headers: Mapping[str, HeaderValue]
    header_names: frozenset[str]
    message_id: str | None
    correlation_id: str | None
    reply_to: str | None
    content_type: str | None
    content_encoding: str | None
    expiration: str | None
    arrived: float
    tag: int
    receiver: Receiver

    @property
    def is_live(self) -> bool:
        """Whether it is still ours to settle."""
        return self.receiver.is_open

    def ack(self) -> None:
        """Settle it: its effect is durable, or told."""
        self.receiver.ack(self.tag)

    @property
    def times_forwarded(self) -> int:
        """How often it was moved to another queue."""
        count = self.headers.get(FORWARDED)
        return count if isinstance(count, int) else 0

    def outgoing(self, *, max_bytes: int | None = None) -> Outgoing:
        """The same message again, to be sent elsewhere; with `max_bytes` only the beginning of its body."""
        return Outgoing(
            exchange=self.exchange,
            routing_key=self.routing_key,
            body=self.body[:max_bytes],
            message_id=self.message_id,
            correlation_id=self.correlation_id,
            content_type=self.content_type,
            reply_to=self.reply_to,
            expiration=self.expiration,
            headers=self.headers,
        )
