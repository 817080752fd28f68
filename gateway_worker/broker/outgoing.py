"""Something to be published, and the pipe it goes through."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiormq.channel import Channel
from pamqp import commands as spec
from pamqp.common import FieldValue

from gateway_worker.broker.errors import BrokerLost, translated
from schemas.envelope import CONTENT_TYPE

_PERSISTENT: Final = 2
_SHORT_TEXT: Final = 255  # bytes: AMQP's limit for properties and routing keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One publish.

    Attributes:
        exchange: ``""`` is the default exchange: `routing_key` then names a queue.
        message_id, correlation_id: left out of the AMQP properties when they do not fit there (255 bytes).
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
    headers: Mapping[str, FieldValue] | None = None

    def properties(self) -> spec.Basic.Properties:
        """The AMQP properties; always persistent."""
        return spec.Basic.Properties(
            content_type=self.content_type,
            delivery_mode=_PERSISTENT,
            message_id=_short(self.message_id),
            correlation_id=_short(self.correlation_id),
            reply_to=self.reply_to,
            expiration=self.expiration,
            headers=dict(self.headers) if self.headers else None,
        )


def _short(text: str | None) -> str | None:
    return text if text is not None and len(text.encode()) <= _SHORT_TEXT else None


class Pipe:
    """Publishes on one channel, in the order of the calls, many at a time.

    It breaks once and for good: what was published before it broke is stored, or will be, as a prefix of what was
    asked. Whoever cares for order repeats the rest through another pipe, after all calls on this one have returned.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    @property
    def is_open(self) -> bool:
        """Whether publishing through it still makes sense."""
        return not self._channel.is_closed and self._channel.connection.is_opened

    async def publish(self, message: Outgoing) -> None:
        """Publish, mandatory, and return when the broker has confirmed it. There is no deadline.

        Raises:
            Unroutable: no queue took it.
            PublishRefused: a queue refused it.
            BrokerLost: it may or may not have been stored.
            QueueMissing: there is no such exchange; the pipe is broken.
        """
        if not self.is_open:
            raise BrokerLost("the pipe is broken")
        with translated():
            await self._channel.basic_publish(
                message.body,
                exchange=message.exchange,
                routing_key=message.routing_key,
                properties=message.properties(),
                mandatory=True,
                wait=False,
            )

    async def close(self) -> None:
        """Give the channel back. Call it when nothing is under way."""
        if self.is_open:
            with translated():
                async with asyncio.timeout(5):
                    await self._channel.close()
