"""The envelope: CloudEvents 1.0 in structured JSON mode, one shape for commands, events and replies (contract, 2)."""

import hashlib
import json
import re
from collections.abc import Mapping
from itertools import islice
from typing import Annotated, Any, Final, Literal, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import from_json

from schemas.errors import CommandInvalid, Origin, Problem
from schemas.model import MAX_ATTRIBUTE, Attribute, Instant, printable
from schemas.names import MAX_COMMAND_BYTES
from schemas.problems import problem_at, problems_of
from schemas.sequence import MAX_EPOCH, SequenceNumber

CONTENT_TYPE: Final = "application/cloudevents+json"
MAX_EXTENSIONS: Final = 32
MAX_MEMBERS: Final = 256  # of one JSON object: each unknown key costs an error, so a bound on them bounds our time
MAX_EXTENSION_TEXT: Final = 1024
TRACE_CONTEXT: Final = ("traceparent", "tracestate")
"""CloudEvents' extension for distributed tracing: W3C's Trace Context."""
MAX_TRACESTATE: Final = 512  # characters: what W3C's Trace Context asks everybody to carry at least

_EXTENSION_NAME: Final = re.compile(r"[a-z0-9]{1,64}")
_JSON_TYPE: Final = re.compile(r"application/json\s*(;.*)?|[\w.+-]+/[\w.-]+\+json\s*(;.*)?", re.IGNORECASE)


def _json_type(value: str) -> str:
    if not _JSON_TYPE.fullmatch(value):
        raise ValueError("must be application/json")
    return value


class Envelope(BaseModel):
    """A CloudEvent. Attributes that are not listed here (extensions) are carried through.

    Attributes:
        specversion: of CloudEvents.
        id: unique per `source`; together they are a command's idempotency key.
        source: who speaks, a URI reference such as ``/backend/eu-1``.
        type: e.g. ``message.send.v1``.
        subject: the session id; the worker id for worker commands and events.
        time: when it was written.
        datacontenttype: of `data`: JSON.
        expiresat: a command is not started after that.
        traceparent: W3C trace context of whoever sent it; carried to everything that answers a command.
        tracestate: what belongs to that trace context, in the words of the tracing systems it came through.
        correlationid: the sender's own mark, carried through.
        causationid: the id of the command that led to this event.
        sequence: of a durable event, per session, from 1 without a gap (but for one jump when it is restored); on the
            wire a string of 20 digits.
        epoch: of an event, rises whenever the session changes its owner; below 2³¹.
        data: what is said; a model of `schemas.commands` or `schemas.events` as JSON.
    """

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    specversion: Literal["1.0"] = "1.0"
    id: Attribute
    source: Attribute
    type: Attribute
    subject: Attribute | None = None
    time: Instant | None = None
    datacontenttype: Annotated[str, StringConstraints(max_length=MAX_ATTRIBUTE), AfterValidator(_json_type)] = (
        "application/json"
    )
    expiresat: Instant | None = None
    traceparent: Attribute | None = None
    tracestate: (
        Annotated[str, StringConstraints(min_length=1, max_length=MAX_TRACESTATE), AfterValidator(printable)] | None
    ) = None
    correlationid: Attribute | None = None
    causationid: Attribute | None = None
    sequence: Annotated[SequenceNumber, Field(ge=1)] | None = None
    epoch: Annotated[int, Field(ge=0, le=MAX_EPOCH)] | None = None
    data: dict[str, Any] = Field(default_factory=dict[str, Any], repr=False)

    @model_validator(mode="after")
    def _extensions_are_allowed(self) -> "Envelope":
        extensions = self.extensions
        if len(extensions) > MAX_EXTENSIONS:
            raise ValueError(f"has more than {MAX_EXTENSIONS} extension attributes")
        for name, value in extensions.items():
            if (problem := _extension_problem(name, value)) is not None:
                raise problem_at(name, problem)
        return self

    @property
    def extensions(self) -> Mapping[str, bool | int | str]:
        """The attributes that are neither CloudEvents' nor ours."""
        return self.model_extra or {}

    @property
    def carried(self) -> Mapping[str, bool | int | str]:
        """What comes back with everything that answers a command, beside its ids: trace context and extensions."""
        trace = {name: getattr(self, name) for name in TRACE_CONTEXT}
        return {name: value for name, value in trace.items() if value is not None} | dict(self.extensions)

    @classmethod
    def from_json(cls, body: bytes) -> "Envelope":
        """Read an envelope. Attributes that are ``null`` count as absent, as CloudEvents says.

        Raises:
            CommandInvalid: it is none; `origin` names what could be read.
        """
        document = _read_object(body)
        present = {name: value for name, value in document.items() if value is not None}
        present.setdefault("specversion", "")
        try:
            return cls.model_validate(present)
        except ValidationError as error:
            raise CommandInvalid(problems_of(error), origin=_origin_of(document)) from None

    def to_json(self) -> bytes:
        """The JSON as the contract shows it: camelCase, times with ``Z``, nothing that is null, `data` last."""
        attributes = self.model_dump(mode="json", exclude_none=True, exclude={"data"})
        return json.dumps({**attributes, "data": self.data}, ensure_ascii=False, separators=(",", ":")).encode()

    def body_hash(self) -> bytes:
        """SHA-256 over type, subject and data: what makes one command another under the same key."""
        canonical = json.dumps([self.type, self.subject, self.data], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).digest()

    @property
    def origin(self) -> Origin:
        """What a rejection says of this command."""
        return Origin(
            id=self.id,
            source=self.source,
            type=self.type,
            subject=self.subject,
            correlation_id=self.correlationid,
            carried=self.carried,
        )


def _extension_problem(name: str, value: object) -> str | None:
    """CloudEvents: names of lower-case letters and digits; booleans, 32-bit integers and strings."""
    if not _EXTENSION_NAME.fullmatch(name):
        return "is not a known attribute, nor a name CloudEvents allows for an extension (a-z 0-9)"
    match value:
        case bool():
            return None
        case int():
            return None if -(2**31) <= value < 2**31 else "must be a 32-bit integer"
        case str() if len(value) > MAX_EXTENSION_TEXT:
            return f"must have at most {MAX_EXTENSION_TEXT} characters"
        case str():
            return None if value.isprintable() else "must hold printable characters only"
        case _:
            return "must be a string, an integer or a boolean, as CloudEvents' extensions are"


def _read_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object strictly: UTF-8, no NaN, no lone surrogate, bounded size and depth, no key twice."""
    if len(body) > MAX_COMMAND_BYTES:
        raise CommandInvalid.at("", f"is larger than {MAX_COMMAND_BYTES} bytes")
    try:
        document = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise CommandInvalid.at("", f"is not JSON: {_without_body(error)}") from None
    if not isinstance(document, dict):
        raise CommandInvalid.at("", "must be a JSON object")
    document = cast("dict[str, Any]", document)
    try:
        json.loads(body, object_pairs_hook=_few_keys_each_once)
    except _BadObjectError as error:
        raise CommandInvalid([error.problem], origin=_origin_of(document)) from None
    return document


def _without_body(error: ValueError) -> str:
    return str(error)[:200]


class _BadObjectError(Exception):
    """An object somewhere in the body that no model would show us."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.problem)
        self.problem = problem


def _few_keys_each_once(pairs: list[tuple[str, object]]) -> None:
    """Hook of `json.loads`, called for each object; the objects themselves are not needed."""
    if len(pairs) > MAX_MEMBERS:
        raise _BadObjectError(Problem(path="", problem=f"holds an object with more than {MAX_MEMBERS} fields"))
    if len({key for key, _ in pairs}) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _BadObjectError(Problem(path=twice[:64], problem="is given twice in one object"))


def _origin_of(document: Mapping[str, Any]) -> Origin:
    """What of an invalid envelope can be told back: short printable strings only."""

    def attribute(name: str) -> str | None:
        value = document.get(name)
        return value if isinstance(value, str) and 0 < len(value) <= MAX_ATTRIBUTE and value.isprintable() else None

    return Origin(
        id=attribute("id"),
        source=attribute("source"),
        type=attribute("type"),
        subject=attribute("subject"),
        correlation_id=attribute("correlationid"),
        carried=_carried_of(document),
    )


def _carried_of(document: Mapping[str, Any]) -> Mapping[str, bool | int | str]:
    """What of an invalid envelope comes back with its rejection: what would have been allowed, as far as that goes."""
    limits = {"traceparent": MAX_ATTRIBUTE, "tracestate": MAX_TRACESTATE}
    trace = [name for name, limit in limits.items() if 0 < len(str(document.get(name) or "")) <= limit]
    extensions = (name for name in document if name not in Envelope.model_fields and document[name] is not None)
    names = [*trace, *islice(extensions, MAX_EXTENSIONS)]
    return {name: document[name] for name in names if _extension_problem(name, document[name]) is None}
