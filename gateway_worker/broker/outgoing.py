"""Something to be published. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway_worker.broker.headers import HeaderValue
from schemas.envelope import CONTENT_TYPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One publish; always persistent and mandatory.

    Attributes:
        exchange: ``""`` is the default exchange: `routing_key` then names a queue.
        message_id, correlation_id, reply_to: left out of the AMQP properties when they do not fit there (255 bytes).
        expiration: milliseconds, as AMQP writes them.
    """

    exchange: str
    routing_key: str
    body: bytes
    message_id: str | None
    correlation_id: str | None = None
    content_type: str | None = CONTENT_TYPE
    reply_to: str | None = None
    expiration: str | None = None
    headers: Mapping[str, HeaderValue] | None = None
