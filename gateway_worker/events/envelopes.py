"""From what happened to the envelope that tells it. Pure."""

from datetime import datetime
from typing import Any, Final

from gateway_worker.store.records import OutboxEvent
from schemas.envelope import Envelope
from schemas.events import EVENTS, session_source, worker_source
from schemas.names import SessionId, WorkerId

_TOO_LARGE: Final = {"kind": "unsupported", "whatsappType": "too_large"}


def envelope_of(event: OutboxEvent, namespace: str) -> Envelope:
    """The envelope of a durable event: the same one, byte for byte, whoever publishes it and whenever."""
    return Envelope(
        id=event.event_id,
        source=session_source(namespace, event.session_id),
        type=event.type,
        subject=event.session_id,
        time=event.time,
        traceparent=event.traceparent,
        correlationid=event.correlation_id,
        causationid=event.causation_id,
        sequence=event.sequence,
        epoch=event.epoch,
        data=dict(event.data),
    )


def announcement(
    namespace: str,
    event_type: str,
    subject: str,
    data: dict[str, Any],
    *,
    event_id: str,
    time: datetime,
    causation_id: str | None = None,
    correlation_id: str | None = None,
) -> Envelope:
    """The envelope of an event that has no sequence. Its source is the worker's or the session's, as the type says."""
    kind = EVENTS[event_type]
    source = (
        worker_source(namespace, WorkerId(subject)) if kind.of_worker else session_source(namespace, SessionId(subject))
    )
    return Envelope(
        id=event_id,
        source=source,
        type=event_type,
        subject=subject,
        time=time,
        correlationid=correlation_id,
        causationid=causation_id,
        data=data,
    )


def without_content(envelope: Envelope) -> Envelope:
    """The same event with its content left out: what a backend gets instead of an event larger than 1 MiB."""
    if "content" not in envelope.data:
        return envelope
    return envelope.model_copy(update={"data": {**envelope.data, "content": _TOO_LARGE}})
