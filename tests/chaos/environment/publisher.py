"""The backend's mouth: publishes commands with confirms. Whoever calls it repeats what was not confirmed."""

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractExchange

from gateway_worker.broker.errors import BrokerError, BrokerLost, translated

SOURCE: Final = "/chaos"
_CONNECT_SECONDS: Final = 5.0
_READY_SECONDS: Final = 10.0
"""To connect and open a channel: a broker that is killed in between answers nobody."""
_CONFIRM_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 2.0


class Publisher:
    """One connection at a time, made anew when it is gone."""

    def __init__(self, amqp_url: str, exchange: str) -> None:
        self._url = amqp_url
        self._name = exchange
        self._connection: AbstractConnection | None = None
        self._exchange: AbstractExchange | None = None
        self._lock = asyncio.Lock()

    async def publish(self, command_id: str, kind: str, subject: str, routing_key: str, data: dict[str, Any]) -> bool:
        """Whether the broker confirmed it. If not, it may have it all the same."""
        envelope = {
            "specversion": "1.0",
            "id": command_id,
            "source": SOURCE,
            "type": kind,
            "subject": subject,
            "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": data,
        }
        message = aio_pika.Message(
            json.dumps(envelope).encode(),
            message_id=command_id,
            content_type="application/cloudevents+json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        exchange: AbstractExchange | None = None
        try:
            with translated():
                exchange = await self._there()
                await exchange.publish(message, routing_key, mandatory=True, timeout=_CONFIRM_SECONDS)
        except BrokerLost:
            await self._let_go(exchange)
            return False
        except BrokerError:
            return False
        return True

    async def close(self) -> None:
        """End the connection."""
        connection, self._connection, self._exchange = self._connection, None, None
        if connection is not None:
            with suppress(BrokerError), translated():
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await connection.close()

    async def _let_go(self, exchange: AbstractExchange | None) -> None:
        """Use this one no more: a channel whose broker was killed does not always say that it is closed."""
        async with self._lock:
            if exchange is self._exchange:
                await self.close()

    async def _there(self) -> AbstractExchange:
        async with self._lock, asyncio.timeout(_READY_SECONDS):
            if self._exchange is None:
                self._connection = await aio_pika.connect(self._url, timeout=_CONNECT_SECONDS)
                channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
                self._exchange = await channel.get_exchange(self._name, ensure=False)
            return self._exchange
