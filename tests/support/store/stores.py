"""What tests of the store share."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from gateway_worker.store.operations.commands import BeginMessage
from gateway_worker.store.operations.messages import ReceiveMessage
from gateway_worker.store.operations.receipts import AdvanceStatus
from gateway_worker.store.records import Json, OutboxEvent, Status
from gateway_worker.store.store import Store
from schemas.commands.commands import CommandKey
from schemas.names import MessageId

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class TestClock:
    """Stands still until it is moved."""

    __test__ = False

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def pass_by(self, span: timedelta) -> None:
        self.time += span


class OutboxListener:
    """A listener of the outbox."""

    def __init__(self, store: Store) -> None:
        self.events: list[OutboxEvent] = []
        store.outbox.subscribe(self._on_events)

    def _on_events(self, events: Sequence[OutboxEvent]) -> None:
        self.events.extend(events)


@asynccontextmanager
async def opened(
    url: str, clock: TestClock, *keys: bytes, message_retention: timedelta = timedelta(days=90)
) -> AsyncGenerator[Store]:
    """A started store; it is stopped afterwards."""
    store = Store(url, encryption_keys=keys, clock=clock, message_retention=message_retention)
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


def key(number: int = 1) -> CommandKey:
    return CommandKey(source="/backend", id=f"command-{number}")


def begin(number: int = 1, *, text: str = "Hello", body_hash: bytes = b"hash") -> BeginMessage:
    return BeginMessage(
        key=key(number),
        body_hash=body_hash,
        message_id=message_id(number),
        to="+15550001111",
        kind="text",
        content={"kind": "text", "text": text},
        correlation_id="order-77",
        carried={"traceparent": "00-1", "tracestate": "a=1", "tenant": "acme", "hops": 3},
    )


def message_id(number: int = 1) -> MessageId:
    return MessageId(f"3EB0{number:018X}")


def advance(status: Status, number: int = 1, *, error: Json | None = None) -> AdvanceStatus:
    return AdvanceStatus(message_id=message_id(number), status=status, at=NOON, error=error)


def arrived(number: int = 1, *, text: str = "Hi there") -> ReceiveMessage:
    return ReceiveMessage(
        message_id=MessageId(f"ABCD{number:018X}"),
        chat="15550001111@s.whatsapp.net",
        sender="15550001111@s.whatsapp.net",
        from_me=False,
        kind="text",
        content={"kind": "text", "text": text},
        timestamp=NOON,
        event={"text": text, "number": number},
    )
