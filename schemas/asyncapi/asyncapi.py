"""The machine-readable twin of the contract: an AsyncAPI 3 document made from the models. Pure.

Seen from the worker: it *receives* commands and *sends* events and replies. ``asyncapi.yaml`` holds what `render`
returns; a test fails when it does not.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from schemas.asyncapi.json_schemas import Schema, component_schemas, reference
from schemas.commands.commands import COMMANDS, CommandQueue, CommandType, Subject
from schemas.envelope import CONTENT_TYPE, Envelope
from schemas.events.events import (
    COMMAND_ACCEPTED,
    COMMAND_REJECTED,
    COMMAND_RESULT,
    EPHEMERAL_STATES,
    EVENTS,
    EventType,
    SessionStatus,
)
from schemas.examples.examples import (
    COMMAND_DATA,
    EVENT_DATA,
    command_envelope,
    event_envelope,
    reply_envelope,
    result_of,
    subject_of,
)
from schemas.model import Model
from schemas.names import SESSION_ID_PATTERN, WORKER_ID_PATTERN
from schemas.topology.channels import Topology

_VERSION: Final = "1.0.0"
_BINDING: Final = "0.3.0"
_REPLIES: Final = (COMMAND_ACCEPTED, COMMAND_RESULT, COMMAND_REJECTED)
_TOLD: Final = tuple(event for event in EVENTS.values() if event not in (COMMAND_ACCEPTED, COMMAND_RESULT))
"""What is published as an event; a rejection only when its command named no `reply_to`."""
_PATTERNS: Final = {Subject.SESSION: SESSION_ID_PATTERN, Subject.WORKER: WORKER_ID_PATTERN}
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
_DESCRIPTION: Final = (
    "Commands go to the topic exchange `gateway.commands`, events come from the topic exchange `gateway.events`, a "
    "reply goes to the command's `reply_to`, a queue of its sender's own. The routing key of a command names its "
    "subject, or is `control`, or `sessions.create` for a creation; otherwise it is rejected with `command.forbidden`. "
    "`sessions.create.{sessionId}` creates that session alone: by these keys the broker's topic permissions separate "
    "tenants. Every message is a CloudEvent in structured JSON mode. `gateway` is the namespace (`GATEWAY_NAMESPACE`). "
    "The contract's prose says what the schemas cannot."
)


def render() -> str:
    """The document as YAML, the same text for the same models."""
    return yaml.dump(document(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    """Writes a part that occurs twice out twice: anchors are for machines."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 (yaml's signature)
        return True


# YAML 1.2 reads a plain row of digits as a number, also where YAML 1.1 does not: a text of digits is quoted.
_Dumper.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[0-9]+"), list("0123456789"))


def document() -> dict[str, Any]:
    """The document as JSON values."""
    topology = Topology()
    schemas = component_schemas()
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
        "servers": {
            "rabbitmq": {
                "host": "localhost:5672",
                "protocol": "amqp",
                "protocolVersion": "0-9-1",
                "description": "RabbitMQ 3.10 or any 4.x; the setting `GATEWAY_AMQP_URL` names it",
            }
        },
        "channels": {**_command_channels(topology), **_event_channels(topology), "replies": _reply_channel()},
        "operations": {**_receiving(), **_sending()},
        "components": {"schemas": schemas, "messages": _messages(schemas)},
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
            "address": f"{event.type.rpartition('.')[0]}.{{{_subject_kind(event).value}}}",
            "title": f"Events `{event.type}`",
            "messages": {event.type: _component("messages", event_name(event.type))},
            **_parameters(_subject_kind(event)),
            "bindings": _routed_through(topology.events),
        }
        for event in _TOLD
    }


def _reply_channel() -> Schema:
    return {
        "address": None,
        "title": "Replies, at the queue a command named in `reply_to`",
        "messages": {name: _component("messages", name) for name in _reply_messages()},
    }


def _reply_messages() -> list[str]:
    results = [_result_name(kind) for kind in COMMANDS.values() if kind.result is not None]
    return [COMMAND_ACCEPTED.type, *results, COMMAND_REJECTED.type]


def _receiving() -> dict[str, Any]:
    return {f"receive{_pascal(kind.type)}": _receive(kind) for kind in COMMANDS.values()}


def _receive(kind: CommandType) -> Schema:
    channel = _channel_name(kind)
    answer = COMMAND_ACCEPTED.type if kind.result is None else _result_name(kind)
    return {
        "action": "receive",
        "title": kind.type,
        "summary": _summary(kind.model),
        "tags": [{"name": kind.klass.value, "description": "what a repetition does"}],
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{kind.type}"}],
        "bindings": {"amqp": {"ack": True, "bindingVersion": _BINDING}},
        "reply": {
            "address": {"location": "$message.header#/replyTo", "description": "the AMQP property `reply_to`"},
            "channel": {"$ref": "#/channels/replies"},
            "messages": [{"$ref": f"#/channels/replies/messages/{name}"} for name in (answer, COMMAND_REJECTED.type)],
        },
    }


def _sending() -> dict[str, Any]:
    return {
        f"send{_pascal(event.type)}": {
            "action": "send",
            "title": event.type,
            "summary": _summary(event.model),
            "channel": {"$ref": f"#/channels/{_camel(event.type)}"},
            "messages": [{"$ref": f"#/channels/{_camel(event.type)}/messages/{event.type}"}],
            "bindings": {"amqp": {"deliveryMode": 2, "mandatory": True, "bindingVersion": _BINDING}},
        }
        for event in _TOLD
    }


def _messages(schemas: Mapping[str, Schema]) -> dict[str, Any]:
    commands = {kind.type: _command_message(kind, schemas[kind.model.__name__]) for kind in COMMANDS.values()}
    events = {event_name(event.type): _event_message(event) for event in EVENTS.values() if event is not COMMAND_RESULT}
    results = {_result_name(kind): _result_message(kind) for kind in COMMANDS.values() if kind.result is not None}
    return {**commands, **events, **results}


def _command_message(kind: CommandType, data: Schema) -> Schema:
    properties: Schema = {"type": {"const": kind.type}, "data": reference(kind.model)}
    required = ["data"] if data.get("required") else []
    if kind.subject is not Subject.FLEET:
        properties["subject"] = {"type": "string", "pattern": _PATTERNS[kind.subject]}
        required = ["subject", *required]
    subject = subject_of(kind.subject.value)
    examples = [command_envelope(kind.type, example, subject) for example in COMMAND_DATA[kind.type]]
    return {
        **_message(kind.type, _summary(kind.model), _payload(properties, required), examples),
        "headers": _PROPERTIES_OF_COMMANDS,
    }


def _event_message(event: EventType) -> Schema:
    is_reply = event in _REPLIES
    properties: Schema = {"type": {"const": event.type}, "data": reference(event.model)}
    required = ["time", "data"]
    if not is_reply:
        required = [*required, "subject"]
        properties["subject"] = {"type": "string", "pattern": _PATTERNS[_subject_kind(event)]}
    if event.durable and event.model is not SessionStatus:
        required = [*required, "sequence", "epoch"]
    examples = [
        reply_envelope(event.type, data)
        if is_reply
        else event_envelope(event.type, data, durable=_is_durable(event, data), of_worker=event.of_worker)
        for data in EVENT_DATA[event.type]
    ]
    return _message(event.type, _summary(event.model), _payload(properties, required), examples)


def _is_durable(event: EventType, data: Model) -> bool:
    return event.durable and not (isinstance(data, SessionStatus) and data.state in EPHEMERAL_STATES)


def _result_message(kind: CommandType) -> Schema:
    assert kind.result is not None
    data = {
        "allOf": [
            reference(COMMAND_RESULT.model),
            {
                "type": "object",
                "properties": {"commandType": {"const": kind.type}, "result": reference(kind.result)},
            },
        ]
    }
    payload = _payload({"type": {"const": COMMAND_RESULT.type}, "data": data}, ["time", "data"])
    examples = [reply_envelope(COMMAND_RESULT.type, result_of(kind.type))]
    return {**_message(COMMAND_RESULT.type, _summary(kind.result), payload, examples), "title": _result_name(kind)}


def event_name(event_type: str) -> str:
    """What an event's message is called in the document: its type, unless a command has the same."""
    return f"event.{event_type}" if event_type in COMMANDS else event_type


def _result_name(kind: CommandType) -> str:
    return f"command.result.v1.{kind.type}"


def _payload(properties: Schema, required: list[str]) -> Schema:
    return {"allOf": [reference(Envelope), {"type": "object", "properties": properties, "required": required}]}


def _message(name: str, summary: str, payload: Schema, examples: list[Envelope]) -> Schema:
    shown = [envelope.model_dump(mode="json", exclude_none=True) for envelope in examples]
    return {
        "name": name,
        "title": name,
        "summary": summary,
        "contentType": CONTENT_TYPE,
        "correlationId": {"location": "$message.payload#/correlationid"},
        "payload": payload,
        "examples": [{"name": f"example{number}", "payload": each} for number, each in enumerate(shown, 1)],
    }


_PROPERTIES_OF_COMMANDS: Final = {
    "type": "object",
    "description": "AMQP properties",
    "properties": {
        "replyTo": {"type": "string", "description": "`reply_to`: the queue that gets exactly one reply"},
        "correlationId": {"type": "string", "description": "`correlation_id`: carried through to the reply"},
        "messageId": {"type": "string", "description": "`message_id`: the envelope's id"},
        "expiration": {"type": "string", "description": "`expiration`: milliseconds until it is answered as expired"},
    },
}


def _parameters(subject: Subject) -> Schema:
    return {"parameters": {subject.value: {"description": _WORDS[subject], "location": "$message.payload#/subject"}}}


def _subject_kind(event: EventType) -> Subject:
    return Subject.WORKER if event.of_worker else Subject.SESSION


def _component(section: str, name: str) -> Schema:
    return {"$ref": f"#/components/{section}/{name}"}


def _routed_through(exchange: str) -> Schema:
    return {
        "amqp": {
            "is": "routingKey",
            "exchange": {"name": exchange, "type": "topic", "durable": True, "autoDelete": False, "vhost": "/"},
            "bindingVersion": _BINDING,
        }
    }


def _summary(model: type[Model]) -> str:
    """The first line of the model's docstring, without the type it begins with."""
    line = (model.__doc__ or "").strip().split("\n", 1)[0]
    return line.rpartition("``: ")[2].replace("``", "`")


def _pascal(event_type: str) -> str:
    return "".join(part.capitalize() for part in event_type.rpartition(".")[0].split("."))


def _camel(event_type: str) -> str:
    """``session.status.v1`` → ``sessionStatus``."""
    pascal = _pascal(event_type)
    return pascal[0].lower() + pascal[1:]
