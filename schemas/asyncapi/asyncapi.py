"""The machine-readable twin of the contract: an AsyncAPI 3 document made from the models. Pure.

Seen from the worker: it *receives* commands and *sends* events and replies. ``asyncapi.yaml`` holds what `render`
returns; a test fails when it does not.
"""

import re
from typing import Any, Final

import yaml

from schemas.asyncapi.json_schemas import Schema, component_schemas, summary_of
from schemas.asyncapi.messages import BINDING, Messages, event_name, pascal, result_name, subject_kind
from schemas.commands.commands import COMMANDS, CommandClass, CommandQueue, CommandType, Subject
from schemas.envelope import CONTENT_TYPE
from schemas.events.events import COMMAND_ACCEPTED, COMMAND_REJECTED, COMMAND_RESULT, EVENTS
from schemas.topology.channels import BACKEND_QUEUE_BYTES, BACKEND_TTL, DAY, Topology

_VERSION: Final = "1.0.0"
_PUBLISHED: Final = tuple(event for event in EVENTS.values() if event not in (COMMAND_ACCEPTED, COMMAND_RESULT))
"""What is published as an event; a rejection only when its command named no `reply_to`."""
_BACKEND_QUEUE: Final = "gateway.backend"
_WORDS: Final = {
    Subject.SESSION: "The session id: 1-64 of A-Z a-z 0-9 _ -",
    Subject.WORKER: "The worker id: 1-64 of A-Z a-z 0-9 _ -",
}
_TITLES: Final = {
    CommandQueue.SESSIONS: "The fleet's queue: only a worker with a free slot reads it",
    CommandQueue.CONTROL: "Life cycle and queries: every worker reads it, always",
    CommandQueue.SESSION: "What needs a session's live connection, in order",
    CommandQueue.WORKER: "What is for one worker",
}
_REPETITION: Final = {
    CommandClass.M: "A repetition is the same message, under the same WhatsApp id.",
    CommandClass.I: "A repetition is harmless.",
    CommandClass.N: "It is never repeated by itself: where a crash left its outcome open, `command.outcome_unknown`.",
    CommandClass.Q: "A repetition is answered afresh.",
}
_DESCRIPTION: Final = (
    "Commands go to the topic exchange `gateway.commands`, events come from the topic exchange `gateway.events`, a "
    "reply goes to the command's `reply_to`, a queue of its sender's own. The routing key of a command names its "
    "subject, or is `control`, or `sessions.create` for a creation; otherwise it is rejected with `command.forbidden`. "
    "`sessions.create.{sessionId}` creates that session alone: by these keys the broker's topic permissions separate "
    "tenants. Every message is a CloudEvent in structured JSON mode. Extension attributes of a command, its "
    "`correlationid`, `traceparent` and `tracestate` come back with everything that answers it. `gateway` is the "
    "namespace (`GATEWAY_NAMESPACE`). The contract's prose says what the schemas cannot."
)
_PERMISSIONS: Final = (
    "A user of RabbitMQ's. A backend's needs: write to the exchange `gateway.commands`, read of its event queue and of "
    "its reply queue; topic permissions limit it to sessions by their ids. `gateway-worker topology --definitions` "
    "prints such users. Who may publish the routing key `control` alone is trusted with every session."
)


def render() -> str:
    """The document as YAML, the same text for the same models."""
    return yaml.dump(document(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.CSafeDumper):
    """Writes a part that occurs twice out twice: anchors are for machines. libyaml's, ten times as fast."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 (yaml's signature)
        return True


# YAML 1.2 reads a plain row of digits as a number, also where YAML 1.1 does not: a text of digits is quoted.
_Dumper.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[0-9]+"), list("0123456789"))


def document() -> dict[str, Any]:
    """The document as JSON values."""
    topology = Topology(backend_queue=_BACKEND_QUEUE)
    schemas = component_schemas()
    made = Messages(schemas)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "WhatsApp gateway worker",
            "version": _VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "MIT"},
            "tags": [{"name": "whatsapp"}, {"name": "rabbitmq"}, {"name": "cloudevents"}],
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": _servers(),
        "channels": {
            **_command_channels(topology),
            **_event_channels(topology),
            "defaultEventQueue": _default_queue(topology),
            "replies": _reply_channel(),
        },
        "operations": {**_receiving(), **_sending()},
        "components": {
            "schemas": dict(sorted({**schemas, **made.payloads}.items())),
            "messages": made.messages,
            "securitySchemes": {"user": {"type": "userPassword", "description": _PERMISSIONS}},
        },
    }


def _servers() -> Schema:
    common = {
        "protocolVersion": "0-9-1",
        "description": "RabbitMQ 3.10 or any 4.x; the setting `GATEWAY_AMQP_URL` names it",
        "security": [{"$ref": "#/components/securitySchemes/user"}],
    }
    return {
        "rabbitmq": {"host": "localhost:5672", "protocol": "amqp", **common},
        "rabbitmqWithTls": {"host": "localhost:5671", "protocol": "amqps", **common},
    }


def _channel_name(kind: CommandType) -> str:
    """A queue is a channel; what is for the whole fleet has a routing key, and so a channel, of its own."""
    return "controlOfFleet" if kind.subject is Subject.FLEET else kind.queue.value


def _command_channels(topology: Topology) -> dict[str, Any]:
    kinds: dict[str, list[CommandType]] = {}
    for kind in COMMANDS.values():
        kinds.setdefault(_channel_name(kind), []).append(kind)
    return {name: _command_channel(topology, inside) for name, inside in kinds.items()}


def _command_channel(topology: Topology, kinds: list[CommandType]) -> Schema:
    first = kinds[0]
    has_parameter = first.subject is not Subject.FLEET and first.queue is not CommandQueue.SESSIONS
    parameter = f"{{{first.subject.value}}}" if has_parameter else None
    return {
        "address": topology.routing_key(first.queue, parameter),
        "title": _TITLES[first.queue],
        "messages": {kind.type: _component("messages", kind.type) for kind in kinds},
        **(_parameters(first.subject) if has_parameter else {}),
        "bindings": _routed_through(topology.commands),
    }


def _event_channels(topology: Topology) -> dict[str, Any]:
    return {
        _camel(event.type): {
            "address": f"{event.type.rpartition('.')[0]}.{{{subject_kind(event).value}}}",
            "title": f"Events `{event.type}`",
            "messages": {event.type: _component("messages", event_name(event.type))},
            **_parameters(subject_kind(event)),
            "bindings": _routed_through(topology.events),
        }
        for event in _PUBLISHED
    }


def _default_queue(topology: Topology) -> Schema:
    gibibytes, days = BACKEND_QUEUE_BYTES >> 30, BACKEND_TTL // DAY
    return {
        "address": topology.backend_queue,
        "title": "The default event queue: every event, until a backend binds a queue of its own",
        "description": (
            f"It drops what has waited for {days} days, and, when it holds more than {gibibytes} GiB, the oldest. That "
            "is not told; `sequence` shows the gap, and `events.replay.v1` brings again what is not older than 7 days. "
            "A setting names the queue (`GATEWAY_BACKEND_QUEUE`); an empty one declares none."
        ),
        "messages": {event.type: _component("messages", event_name(event.type)) for event in _PUBLISHED},
        "bindings": {
            "amqp": {
                "is": "queue",
                "queue": {
                    "name": topology.backend_queue,
                    "durable": True,
                    "exclusive": False,
                    "autoDelete": False,
                    "vhost": "/",
                },
                "bindingVersion": BINDING,
            }
        },
        "x-queue-arguments": _arguments_of(topology, _BACKEND_QUEUE),
    }


def _arguments_of(topology: Topology, queue: str) -> Schema:
    return next(dict(each.arguments) for each in topology.fleet().queues if each.name == queue)


def _reply_channel() -> Schema:
    return {
        "address": None,
        "title": "Replies, at the queue a command named in `reply_to`",
        "description": (
            "Exactly one reply to each command that names a queue of its sender's own: `amq.rabbitmq.reply-to`, an "
            "exclusive one, or one under the tenant's prefix. It goes through the default exchange, with the command's "
            "`correlation_id`."
        ),
        "messages": {name: _component("messages", name) for name in _reply_messages()},
    }


def _reply_messages() -> list[str]:
    results = [result_name(kind) for kind in COMMANDS.values() if kind.result is not None]
    return [COMMAND_ACCEPTED.type, *results, COMMAND_REJECTED.type]


def _receiving() -> dict[str, Any]:
    return {f"receive{pascal(kind.type)}": _receive(kind) for kind in COMMANDS.values()}


def _receive(kind: CommandType) -> Schema:
    channel = _channel_name(kind)
    answer = COMMAND_ACCEPTED.type if kind.result is None else result_name(kind)
    return {
        "action": "receive",
        "title": kind.type,
        "summary": summary_of(kind.model),
        "description": _REPETITION[kind.klass],
        "tags": [{"name": kind.klass.value, "description": "what a repetition does"}],
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{kind.type}"}],
        "bindings": {"amqp": {"ack": True, "bindingVersion": BINDING}},
        "reply": {
            "address": {"location": "$message.header#/replyTo", "description": "the AMQP property `reply_to`"},
            "channel": {"$ref": "#/channels/replies"},
            "messages": [{"$ref": f"#/channels/replies/messages/{name}"} for name in (answer, COMMAND_REJECTED.type)],
        },
    }


def _sending() -> dict[str, Any]:
    return {
        f"send{pascal(event.type)}": {
            "action": "send",
            "title": event.type,
            "summary": summary_of(event.model),
            "channel": {"$ref": f"#/channels/{_camel(event.type)}"},
            "messages": [{"$ref": f"#/channels/{_camel(event.type)}/messages/{event.type}"}],
            "bindings": {"amqp": {"deliveryMode": 2, "mandatory": True, "bindingVersion": BINDING}},
        }
        for event in _PUBLISHED
    }


def _parameters(subject: Subject) -> Schema:
    return {"parameters": {subject.value: {"description": _WORDS[subject], "location": "$message.payload#/subject"}}}


def _component(section: str, name: str) -> Schema:
    return {"$ref": f"#/components/{section}/{name}"}


def _routed_through(exchange: str) -> Schema:
    return {
        "amqp": {
            "is": "routingKey",
            "exchange": {"name": exchange, "type": "topic", "durable": True, "autoDelete": False, "vhost": "/"},
            "bindingVersion": BINDING,
        }
    }


def _camel(event_type: str) -> str:
    """``session.status.v1`` → ``sessionStatus``."""
    name = pascal(event_type)
    return name[0].lower() + name[1:]
