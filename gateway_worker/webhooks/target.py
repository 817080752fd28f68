"""One target: its events come from a queue of its own, and go out in order per session."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Final

import structlog

from gateway_worker.client import Delivery, Event, EventQueue, Gateway, Subscription
from gateway_worker.timing.clock import Clock
from gateway_worker.timing.spans import Span, SpanKind, is_on, span
from gateway_worker.webhooks.calls import Call, CallFailedError, GivenUpError, TargetGoneError
from gateway_worker.webhooks.delivering import FRESH, Deliverer
from gateway_worker.webhooks.jobs import EventJob
from gateway_worker.webhooks.lines import Lines
from gateway_worker.webhooks.metrics import TargetMetrics
from gateway_worker.webhooks.names import EXPIRES, WebhookNames
from gateway_worker.webhooks.shelf import Shelf

log = structlog.get_logger(__name__)

PREFETCH: Final = 256  # events in hand: with 1 MiB each, the most that an event has, 256 MiB
UNDELIVERED: Final = "webhook.undelivered"

CallsOf = Callable[[Event], Awaitable[Sequence[Call]]]
"""What tells of an event, in this order."""


class Target:
    """Whoever is told.

    Args:
        name: of its queue, in metrics and logs.
        sessions, types: what it is told; see `EventQueue`.
        wants: what of that it is told indeed: a queue may still be bound as an earlier configuration had it.
        calls_of: how.
    """

    def __init__(
        self,
        name: str,
        *,
        sessions: Sequence[str] | None,
        types: Sequence[str],
        wants: Callable[[str], bool],
        calls_of: CallsOf,
        deliverer: Deliverer,
        shelf: Shelf,
        metrics: TargetMetrics,
        names: WebhookNames,
        clock: Clock,
        leaving: asyncio.Event,
    ) -> None:
        self.name = name
        self.is_gone = False
        self.listening = asyncio.Event()
        self._queue = EventQueue(
            name=names.queue(name),
            sessions=sessions,
            types=types,
            expires=EXPIRES,
            dead_letter_exchange=names.dead,
            fill_gaps=False,  # lines that are parked leave some
            single_active=True,
        )
        self._sessions = None if sessions is None else frozenset(sessions)
        self._wants = wants
        self._calls_of = calls_of
        self._deliverer = deliverer
        self._shelf = shelf
        self._metrics = metrics
        self._clock = clock
        self._leaving = leaving
        self._lines: Lines | None = None
        self._last: dict[str, int] = {}

    @property
    def is_away(self) -> bool:
        """Its breaker is not closed."""
        return self._deliverer.is_away

    @property
    def in_hand(self) -> int:
        """Events in hand."""
        return 0 if self._lines is None else self._lines.in_hand

    @property
    def parked(self) -> int:
        """Sessions whose events are parked."""
        return 0 if self._lines is None else self._lines.parked

    @property
    def late_seconds(self) -> float:
        """How long the oldest event in hand is due."""
        oldest = None if self._lines is None else self._lines.oldest
        return 0.0 if oldest is None else max(0.0, (self._clock.now() - oldest).total_seconds())

    async def run(self, gateway: Gateway) -> None:
        """Tell it of events until the process ends, or it says that it is gone."""
        await self._shelf.prepare()
        async with gateway.events(self._queue, prefetch=PREFETCH) as events:
            self.listening.set()
            try:
                await self._serve(events)
            except* TargetGoneError:
                self._end()

    def _end(self) -> None:
        """It wants nothing any more. Its events wait in its queue, until it is restarted or its queue is removed."""
        self.is_gone = True
        self._lines = None
        self._metrics.gone()
        log.error("webhooks.target_gone", target=self.name, do="restart once its URL is right, or remove it")

    async def _serve(self, events: Subscription) -> None:
        async with asyncio.TaskGroup() as group:
            lines = self._lines = Lines(self._deliver, self._deliverer, self._shelf, group)
            background = [
                group.create_task(self._take(events, lines)),
                group.create_task(self._shelf.redriven(lines.put)),
            ]
            await self._deliverer.watch()
            for task in background:
                task.cancel()

    async def _take(self, events: Subscription, lines: Lines) -> None:
        while True:
            delivery = await events.take()
            if self._is_for_it(delivery.event):
                lines.put(self._job(delivery))
            else:
                await delivery.ack()

    def _job(self, delivery: Delivery) -> EventJob:
        event = delivery.event
        since = event.envelope.time or self._clock.now()
        return EventJob(event=event, since=since, ack=delivery.ack, is_repeated=delivery.redelivered)

    def _is_for_it(self, event: Event) -> bool:
        """Whether it wants it, and has not been told of it, or of a later one: somebody's replay reaches us too."""
        if not self._wants(event.type) or (self._sessions is not None and event.subject not in self._sessions):
            return False
        if event.sequence is None or event.subject is None:
            return True
        if event.sequence <= self._last.get(event.subject, 0):
            return False
        self._last[event.subject] = event.sequence
        return True

    async def _deliver(self, job: EventJob, trouble: Callable[[], None]) -> None:
        """Delivers one event, and acknowledges it."""
        with _span(job.event, self.name) as span:
            await self._deliver_within(job, trouble, span)

    async def _deliver_within(self, job: EventJob, trouble: Callable[[], None], span: Span) -> None:
        attempts = _Attempts(self.name, job, trouble)
        for call in await self._calls_of(job.event):
            if call.is_fleeting and self._clock.now() - job.since > FRESH:
                self._metrics.skipped()
                continue
            try:
                await self._deliverer.deliver(call, job.since, attempts.failed)
            except GivenUpError as error:
                if call.is_fleeting:
                    self._metrics.skipped()
                    continue
                await self._give_up(job, error)
                span.fail("given_up")
                return
        late = self._clock.now() - job.since
        self._metrics.delivered(late.total_seconds())
        log.debug("webhook.delivered", target=self.name, **_ids(job.event), late_ms=late // timedelta(milliseconds=1))

    async def _give_up(self, job: EventJob, error: GivenUpError) -> None:
        await self._shelf.shelve(job, UNDELIVERED, f"{self.name} did not take it in time; the last attempt: {error}")
        self._metrics.given_up()
        log.error("webhook.given_up", target=self.name, error=str(error), **_ids(job.event))


class _Attempts:
    """The failed attempts at one event: the first is told, then every tenth."""

    def __init__(self, target: str, job: EventJob, trouble: Callable[[], None]) -> None:
        self._target = target
        self._job = job
        self._trouble = trouble
        self._count = 0

    def failed(self, failure: CallFailedError) -> None:
        """One attempt failed, and another one follows."""
        self._trouble()
        self._count += 1
        if self._count % 10 == 1:
            log.warning(
                "webhook.refused",
                target=self._target,
                reason=str(failure),
                attempts=self._count,
                **_ids(self._job.event),
            )


def _span(event: Event, target: str) -> AbstractContextManager[Span]:
    """In the trace of the command that it answers."""
    if not is_on():
        return span("")
    attributes = {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.consumer.group.name": target,
        "messaging.message.id": event.id,
        "cloudevents.event_id": event.id,
        "cloudevents.event_type": event.type,
        "cloudevents.event_subject": event.subject or "",
    }
    return span("process webhooks", SpanKind.CONSUMER, parent=event.envelope.carried, attributes=attributes)


def _ids(event: Event) -> dict[str, object]:
    """By what an event is found in logs."""
    envelope = event.envelope
    ids = {
        "event_id": event.id,
        "type": event.type,
        "subject": event.subject,
        "sequence": event.sequence,
        "command_id": envelope.causationid,
        "correlation_id": envelope.correlationid,
    }
    return {name: value for name, value in ids.items() if value is not None}
