"""An observer in a backend's place: publishes any command, right or wrong, and sees all that comes, however often.

It does not stand on `gateway_worker.client`: that leaves out what comes twice, puts in order what does not come in
order, and repeats what got no answer, and these are the faults that tests look for. The client has tests of its own.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage, AbstractQueue

from gateway_worker.client.commands import routing_key_of

T = TypeVar("T")
Document = dict[str, Any]
PATIENCE = 90.0  # seconds before a test says that something never came; nothing depends on it, also on a busy machine


@dataclass(slots=True)
class Backend:
    """One backend with an event queue and a reply queue of its own."""

    namespace: str
    channel: AbstractChannel
    commands: AbstractExchange
    replies: AbstractQueue
    events: list[Document] = field(default_factory=list[Document])
    answers: list[tuple[str | None, Document]] = field(default_factory=list[tuple[str | None, Document]])
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def publish(
        self,
        kind: str,
        subject: str,
        data: Document,
        *,
        command_id: str | None = None,
        source: str = "/backend/test",
        reply: bool = True,
        routing_key: str | None = None,
        expiration: float | None = None,
        **attributes: Any,
    ) -> str:
        """Publish a command, confirmed; returns its id, which is also its correlation id."""
        command_id = command_id or str(uuid.uuid4())
        envelope = {
            "specversion": "1.0",
            "id": command_id,
            "source": source,
            "type": kind,
            "subject": subject,
            "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            **attributes,
            "data": data,
        }
        if not subject:
            del envelope["subject"]
        await self.publish_raw(
            routing_key or routing_key_of(kind, subject or None),
            json.dumps(envelope).encode(),
            message_id=command_id,
            correlation_id=command_id,
            reply_to=self.replies.name if reply else None,
            expiration=expiration,
        )
        return command_id

    async def publish_raw(self, routing_key: str, body: bytes, **properties: Any) -> None:
        """Publish any bytes as a command, confirmed."""
        properties.setdefault("content_type", "application/cloudevents+json")
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, **properties)
        await self.commands.publish(message, routing_key, mandatory=True)

    async def reply_to(self, correlation_id: str, patience: float = PATIENCE) -> Document:
        """The reply to a command."""

        def find() -> Document | None:
            return next((reply for given, reply in self.answers if given == correlation_id), None)

        return await self._until(find, patience, f"no reply to {correlation_id}; replies: {self.answers[-5:]}")

    async def ask(self, kind: str, subject: str, data: Document | None = None, **more: Any) -> Document:
        """Publish and wait for the reply."""
        return await self.reply_to(await self.publish(kind, subject, data or {}, **more))

    async def event(
        self, kind: str, where: Callable[[Document], bool] = lambda _: True, patience: float = PATIENCE
    ) -> Document:
        """The first event of a type (``session.status.v1``) for which `where(event)` holds, past or to come."""
        find = self._finder(lambda event: event["type"] == kind and where(event))
        return await self._until(find, patience, lambda: f"no such {kind}; have {self._summary()}")

    async def state(self, session_id: str, state: str, *, after: int = 0, patience: float = PATIENCE) -> Document:
        """The first ``session.status`` of a session with this state, among the events after the `after`-th."""

        def wanted(event: Document) -> bool:
            its = event["type"] == "session.status.v1" and event["subject"] == session_id
            return its and event["data"]["state"] == state

        find = self._finder(wanted, after)
        return await self._until(find, patience, lambda: f"{session_id} is never {state}; have {self._summary()}")

    def of(self, session_id: str, kind: str | None = None) -> list[Document]:
        """All events of a session so far, in order of arrival."""
        return [e for e in self.events if e.get("subject") == session_id and kind in (None, e["type"])]

    def statuses(self, command_id: str) -> list[str]:
        """The message statuses told of one command so far."""
        return [
            e["data"]["status"]
            for e in self.events
            if e["type"] == "message.status.v1" and e["data"].get("commandId") == command_id
        ]

    async def until(self, holds: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
        """Wait until `holds()`; looked at whenever an event or a reply arrives."""
        await self._until(lambda: True if holds() else None, patience, what)

    def _finder(self, wanted: Callable[[Document], bool], after: int = 0) -> Callable[[], Document | None]:
        """Looks at each event once, however often it is called: a world that many tests share has thousands."""
        seen = after

        def find() -> Document | None:
            nonlocal seen
            while seen < len(self.events):
                seen += 1
                if wanted(self.events[seen - 1]):
                    return self.events[seen - 1]
            return None

        return find

    async def _until(self, find: Callable[[], T | None], patience: float, why: str | Callable[[], str]) -> T:
        try:
            async with asyncio.timeout(patience), self._changed:
                while (found := find()) is None:
                    await self._changed.wait()
                return found
        except TimeoutError:
            raise AssertionError(why if isinstance(why, str) else why()) from None

    def _summary(self) -> list[str]:
        return [
            f"{e['type']}:{e.get('subject')}:{e['data'].get('state') or e['data'].get('status') or ''}"
            for e in self.events[-40:]
        ]

    async def on_event(self, message: AbstractIncomingMessage) -> None:
        async with self._changed:
            self.events.append(json.loads(message.body) | {"_routing_key": message.routing_key})
            self._changed.notify_all()

    async def on_reply(self, message: AbstractIncomingMessage) -> None:
        async with self._changed:
            self.answers.append((message.correlation_id, json.loads(message.body)))
            self._changed.notify_all()


@asynccontextmanager
async def backend(amqp_url: str, namespace: str) -> AsyncGenerator[Backend]:
    """Connect. The topology must exist (a worker, or ``gateway-worker topology --declare``, makes it)."""
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        commands = await channel.get_exchange(f"{namespace}.commands")
        inbox = await channel.declare_queue(exclusive=True)
        await inbox.bind(f"{namespace}.events", "#")
        replies = await channel.declare_queue(exclusive=True)
        made = Backend(namespace=namespace, channel=channel, commands=commands, replies=replies)
        await inbox.consume(made.on_event, no_ack=True)
        await replies.consume(made.on_reply, no_ack=True)
        yield made
