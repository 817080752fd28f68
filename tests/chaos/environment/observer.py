"""The backend's ear: records every event that comes out of the durable queue, over any number of connections."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from gateway_worker.broker.errors import BrokerError, translated
from tests.chaos.accounts.ledgers import Event

_PREFETCH: Final = 200
_PAUSE_SECONDS: Final = 0.2
_STEP_SECONDS: Final = 5.0


@dataclass(slots=True, kw_only=True)
class Observer:
    """Everything that was told, in order of arrival. `qr` holds each session's latest code."""

    amqp_url: str
    queue: str
    events: list[Event] = field(default_factory=list[Event])
    qr: dict[str, str] = field(default_factory=dict[str, str])
    listeners: list[Callable[[Event], None]] = field(default_factory=list[Callable[[Event], None]])
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Listen for ever; a broker that dies is waited for."""
        while True:
            with suppress(BrokerError):
                await self._listen()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def until(self, holds: Callable[[], bool], patience: float) -> bool:
        """Whether `holds()` came true in time; looked at with every event."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        return holds()

    async def _listen(self) -> None:
        """One connection's life. A broker that is killed while we connect answers nobody: nothing waits for long."""
        ended = asyncio.Event()
        with translated():
            connection = await aio_pika.connect(self.amqp_url, timeout=_STEP_SECONDS)
        try:
            with translated():
                async with asyncio.timeout(_STEP_SECONDS):
                    await self._consume(connection, ended)
            await ended.wait()
        finally:
            with suppress(BrokerError), translated():
                async with asyncio.timeout(_STEP_SECONDS):
                    await connection.close()

    async def _consume(self, connection: AbstractConnection, ended: asyncio.Event) -> None:
        channel = await connection.channel()
        for end in (connection, channel):
            end.close_callbacks.add(_Setter(ended))
        await channel.set_qos(prefetch_count=_PREFETCH)
        queue = await channel.get_queue(self.queue)
        await queue.consume(self._on_event)

    async def _on_event(self, message: AbstractIncomingMessage) -> None:
        document = json.loads(message.body)
        event = read_event(document, redelivered=bool(message.redelivered), at=time.time())
        if event.session_id and "qrString" in document["data"]:
            self.qr[event.session_id] = document["data"]["qrString"]
        self.events.append(event)
        self._changed.set()
        for listener in self.listeners:
            listener(event)
        with suppress(BrokerError), translated():  # the connection is gone: it comes again, flagged
            await message.ack()


@dataclass(frozen=True, slots=True)
class _Setter:
    """Sets an event, whatever it is called with."""

    event: asyncio.Event

    def __call__(self, *_: object) -> None:
        self.event.set()


def read_event(document: dict[str, Any], *, redelivered: bool, at: float) -> Event:
    """What the ledger keeps of an event."""
    data = document["data"]
    failure = data.get("error") or data
    return Event(
        id=document["id"],
        type=document["type"],
        session_id=document.get("subject") or "",
        at=at,
        received_at=datetime.fromisoformat(document["time"]).timestamp(),
        sequence=int(document["sequence"]) if "sequence" in document else None,
        epoch=document.get("epoch"),
        redelivered=redelivered,
        command_id=data.get("commandId"),
        message_id=data.get("messageId"),
        status=data.get("status") if document["type"] == "message.status.v1" else None,
        participant=data.get("participant"),
        code=failure.get("code"),
        state=data.get("state"),
        worker_id=data.get("workerId"),
    )
