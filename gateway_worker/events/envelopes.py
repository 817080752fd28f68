"""From what happened to the envelope that tells it. Pure."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from pydantic_core import to_json

from gateway_worker.store.records import CausedBy, OutboxEvent
from schemas.envelope import TRACE_CONTEXT, Envelope
from schemas.events.events import EVENTS, session_source, worker_source
from schemas.names import SessionId, WorkerId
from schemas.sequence import write as write_sequence

_TOO_LARGE: Final = {"kind": "unsupported", "whatsappType": "too_large"}


def encode(event: OutboxEvent, namespace: str) -> bytes:
    """A durable event as JSON: what `Envelope.to_json` says, without building one (a worker does this all the time)."""
    attributes = {
        "specversion": "1.0",
        "id": event.event_id,
        "source": session_source(namespace, event.session_id),
        "type": event.type,
        "subject": event.session_id,
        "time": event.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
    }
    trace = {name: event.carried[name] for name in TRACE_CONTEXT if name in event.carried}
    ids: dict[str, str] = {}
    if event.correlation_id is not None:
        ids["correlationid"] = event.correlation_id
    if event.causation_id is not None:
        ids["causationid"] = event.causation_id
    numbers = {"sequence": write_sequence(event.sequence), "epoch": event.epoch}
    # `trace` stands in both: first in its place, then under the value that it has there already
    return to_json({**attributes, **trace, **ids, **numbers, **event.carried, "data": event.data})


def announcement(
    namespace: str,
    event_type: str,
    subject: str,
    data: dict[str, Any],
    *,
    event_id: str,
    time: datetime,
    caused_by: CausedBy | None = None,
) -> Envelope:
    """The envelope of an event that has no sequence. Its source is the worker's or the session's, as the type says."""
    kind = EVENTS[event_type]
    source = (
        worker_source(namespace, WorkerId(subject)) if kind.of_worker else session_source(namespace, SessionId(subject))
    )
    ids: dict[str, Any] = {}
    if caused_by is not None:
        ids = {**caused_by.carried, "correlationid": caused_by.correlation_id, "causationid": caused_by.command_id}
    return Envelope(id=event_id, source=source, type=event_type, subject=subject, time=time, data=data, **ids)


def without_content(event: OutboxEvent) -> OutboxEvent:
    """The same event with its content left out: what a backend gets instead of an event larger than 1 MiB."""
    if "content" not in event.data:
        return event
    return replace(event, data={**event.data, "content": _TOO_LARGE})
