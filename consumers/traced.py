"""The span of a command, by OpenTelemetry's conventions for messaging; and the trace context that answers carry."""

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TypeVar

from consumers.delivery import Delivery
from gateway_worker.timing.spans import Span, SpanKind, carrier, is_on, span
from schemas.commands.commands import Command
from schemas.model import StrictModel

Data = TypeVar("Data", bound=StrictModel)


def command_span(delivery: Delivery, command: Command[StrictModel]) -> AbstractContextManager[Span]:
    """From a delivery's arrival to its outcome, within the trace that its sender has begun."""
    if not is_on():
        return span("")
    attributes = {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": f"{delivery.exchange}:{delivery.routing_key}:{delivery.queue}",
        "messaging.rabbitmq.destination.routing_key": delivery.routing_key,
        "messaging.message.id": command.id,
        "messaging.message.body.size": len(delivery.body),
        "cloudevents.event_id": command.id,
        "cloudevents.event_source": command.envelope.source,
        "cloudevents.event_type": command.kind.type,
        "cloudevents.event_subject": command.subject or "",
    }
    if (conversation := command.correlation_id or delivery.correlation_id) is not None:
        attributes["messaging.message.conversation_id"] = conversation
    name = f"process {delivery.exchange or delivery.queue}"
    return span(name, SpanKind.CONSUMER, parent=command.envelope.carried, attributes=attributes)


def with_context(command: Command[Data]) -> Command[Data]:
    """A command that began no trace of its own carries ours, so that all that answers it is found in one."""
    context = carrier()
    if not context or command.envelope.traceparent is not None:
        return command
    return replace(command, envelope=command.envelope.model_copy(update=dict(context)))
