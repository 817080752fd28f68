"""What is noted of a published event: a line for whoever follows one message, a span in the trace of its command."""

import structlog

from gateway_worker.store.records import OutboxEvent
from gateway_worker.timing.spans import SpanKind, is_on, past

log = structlog.get_logger(__name__)


def note_published(event: OutboxEvent) -> None:
    """The broker has it; from when it was stored."""
    log.debug(
        "event.published",
        type=event.type,
        session=event.session_id,
        sequence=event.sequence,
        event_id=event.event_id,
        command_id=event.causation_id,
        correlation_id=event.correlation_id,
        message_id=event.data.get("messageId"),
        status=event.data.get("status"),
    )
    if not is_on() or "traceparent" not in event.carried:
        return
    attributes = {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": "send",
        "messaging.operation.name": "publish",
        "messaging.message.id": event.event_id,
        "cloudevents.event_id": event.event_id,
        "cloudevents.event_type": event.type,
        "cloudevents.event_subject": event.session_id,
    }
    past(f"publish {event.type}", event.time, SpanKind.PRODUCER, parent=event.carried, attributes=attributes)
