"""The messages of the document: each command, event and reply as an envelope around its data. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from schemas.asyncapi.json_schemas import Schema, reference, summary_of
from schemas.commands.commands import COMMANDS, CommandType, Subject
from schemas.envelope import CONTENT_TYPE, Envelope
from schemas.events.events import (
    COMMAND_ACCEPTED,
    COMMAND_REJECTED,
    COMMAND_RESULT,
    EPHEMERAL_STATES,
    EVENTS,
    EventType,
)
from schemas.events.sessions import SessionStatus
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

BINDING: Final = "0.3.0"  # of AsyncAPI's AMQP bindings
_REPLIES: Final = (COMMAND_ACCEPTED, COMMAND_RESULT, COMMAND_REJECTED)
_PATTERNS: Final = {Subject.SESSION: SESSION_ID_PATTERN, Subject.WORKER: WORKER_ID_PATTERN}
_SUBJECTS: Final = {Subject.SESSION: "The session id.", Subject.WORKER: "The worker id."}
_PERSISTENT: Final = {"amqp": {"contentEncoding": "utf-8", "bindingVersion": BINDING}}


class Messages:
    """All messages, and the schemas of their payloads, which belong to the document's other schemas.

    Attributes:
        messages: by the name that the document gives each.
        payloads: by name.
    """

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self.payloads: dict[str, Schema] = {}
        self.messages: dict[str, Schema] = {}
        for kind in COMMANDS.values():
            self.messages[kind.type] = self._command(kind, schemas[kind.model.__name__])
        for event in EVENTS.values():
            if event is not COMMAND_RESULT:
                self.messages[event_name(event.type)] = self._event(event)
        for kind in COMMANDS.values():
            if kind.result is not None:
                self.messages[result_name(kind)] = self._result(kind, kind.result)
        assert not self.payloads.keys() & schemas.keys(), "a payload is called as a model is"

    def _command(self, kind: CommandType, data: Schema) -> Schema:
        summary = summary_of(kind.model)
        required = ["data"] if data.get("required") else []
        properties: Schema = {}
        if kind.subject is not Subject.FLEET:
            properties["subject"] = _subject(kind.subject)
            required = ["subject", *required]
        properties["data"] = reference(kind.model)
        payload = self._payload(f"{pascal(kind.type)}Command", kind.type, summary, properties, required)
        subject = subject_of(kind.subject.value)
        examples = [command_envelope(kind.type, example, subject) for example in COMMAND_DATA[kind.type]]
        return {**_message(kind.type, summary, payload, examples), "headers": _PROPERTIES_OF_COMMANDS}

    def _event(self, event: EventType) -> Schema:
        is_reply = event in _REPLIES
        properties: Schema = {}
        required = ["time", "data"]
        if not is_reply:
            required = [*required, "subject"]
            properties["subject"] = _subject(subject_kind(event))
        if event.durable and event.model is not SessionStatus:
            required = [*required, "sequence", "epoch"]
        summary = summary_of(event.model)
        name = f"{pascal(event.type)}{'Reply' if is_reply else 'Event'}"
        properties["data"] = reference(event.model)
        payload = self._payload(name, event.type, summary, properties, required)
        return _message(event.type, summary, payload, _examples(event, is_reply=is_reply))

    def _result(self, kind: CommandType, result: type[Model]) -> Schema:
        summary = summary_of(result)
        name = pascal(kind.type)
        data = f"{name}ResultData"
        self.payloads[data] = {
            "title": data,
            "description": f"The data of the result of `{kind.type}`.",
            "type": "object",
            "allOf": [reference(COMMAND_RESULT.model)],
            "properties": {
                "commandType": {"const": kind.type, "type": "string", "description": "The command's type."},
                "result": {**reference(result), "description": "What was asked for."},
            },
        }
        inside = {"data": reference(data)}
        payload = self._payload(f"{name}Result", COMMAND_RESULT.type, summary, inside, ["time", "data"])
        examples = [reply_envelope(COMMAND_RESULT.type, result_of(kind.type))]
        return {**_message(COMMAND_RESULT.type, summary, payload, examples), "title": result_name(kind)}

    def _payload(self, name: str, type_: str, summary: str, properties: Schema, required: list[str]) -> Schema:
        """Put the payload's schema among the others, and refer to it."""
        self.payloads[name] = {
            "title": name,
            "description": f"{summary[0].upper()}{summary[1:]}",
            "type": "object",
            "allOf": [reference(Envelope)],
            "properties": {
                "type": {"const": type_, "type": "string", "description": "What it is."},
                **properties,
                "data": {**properties["data"], "description": "What it says."},
            },
            "required": required,
        }
        return reference(name)


def _examples(event: EventType, *, is_reply: bool) -> list[Envelope]:
    return [
        reply_envelope(event.type, data)
        if is_reply
        else event_envelope(event.type, data, durable=_is_durable(event, data), of_worker=event.of_worker)
        for data in EVENT_DATA[event.type]
    ]


def _is_durable(event: EventType, data: Model) -> bool:
    return event.durable and not (isinstance(data, SessionStatus) and data.state in EPHEMERAL_STATES)


def event_name(event_type: str) -> str:
    """What an event's message is called in the document: its type, unless a command has the same."""
    return f"event.{event_type}" if event_type in COMMANDS else event_type


def result_name(kind: CommandType) -> str:
    """What the message of a query's result is called."""
    return f"{COMMAND_RESULT.type}.{kind.type}"


def subject_kind(event: EventType) -> Subject:
    """What the subject of an event names."""
    return Subject.WORKER if event.of_worker else Subject.SESSION


def pascal(event_type: str) -> str:
    """``session.status.v1`` → ``SessionStatus``."""
    return "".join(part.capitalize() for part in event_type.rpartition(".")[0].split("."))


def _subject(kind: Subject) -> Schema:
    return {"type": "string", "pattern": _PATTERNS[kind], "description": _SUBJECTS[kind]}


def _message(name: str, summary: str, payload: Schema, examples: list[Envelope]) -> Schema:
    shown = [envelope.model_dump(mode="json", exclude_none=True) for envelope in examples]
    return {
        "name": name,
        "title": name,
        "summary": summary,
        "contentType": CONTENT_TYPE,
        "correlationId": {"location": "$message.payload#/correlationid"},
        "payload": payload,
        "bindings": {"amqp": {**_PERSISTENT["amqp"], "messageType": name}},
        "examples": [{"name": f"example{number}", "payload": each} for number, each in enumerate(shown, 1)],
    }


_PROPERTIES_OF_COMMANDS: Final[Mapping[str, Any]] = {
    "title": "CommandProperties",
    "type": "object",
    "description": "AMQP properties",
    "properties": {
        "replyTo": {"type": "string", "description": "`reply_to`: the queue that gets exactly one reply"},
        "correlationId": {"type": "string", "description": "`correlation_id`: carried through to the reply"},
        "messageId": {"type": "string", "description": "`message_id`: the envelope's id"},
        "expiration": {"type": "string", "description": "`expiration`: milliseconds until it is answered as expired"},
    },
}
