"""An event as a backend reads it: the envelope, and its data as the contract's model. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

from pydantic import ValidationError
from pydantic_core import from_json

from schemas.envelope import Envelope
from schemas.events.events import EVENTS
from schemas.model import Model
from schemas.names import CommandId, SessionId

MAX_BYTES: Final = 16 * 1024 * 1024  # an event has 1 MiB, a reply up to 16


class NotAnEventError(Exception):
    """What came is no event of the gateway's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownData:
    """The data of an event of a later version of the contract than this client's. `data` as it came."""

    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Events of the session that can never come: older than is kept (7 days), or jumped over by a restore."""

    first: int
    last: int


class Event:
    """An event.

    Attributes:
        envelope: its attributes; extension attributes too.
        routing_key: with which it came.
        missed: what lies between the event before it, of its session, and this one, and is gone for good.
    """

    def __init__(self, envelope: Envelope, *, routing_key: str = "", missed: Missed | None = None) -> None:
        self.envelope = envelope
        self.routing_key = routing_key
        self.missed = missed

    @property
    def id(self) -> str:
        """Unique per `envelope.source`."""
        return self.envelope.id

    @property
    def type(self) -> str:
        """With its version, e.g. ``message.received.v1``."""
        return self.envelope.type

    @property
    def subject(self) -> str | None:
        """The session's id, or the worker's."""
        return self.envelope.subject

    @property
    def session_id(self) -> SessionId | None:
        """The session it is of; None for events of workers."""
        known = EVENTS.get(self.type)
        return None if self.subject is None or (known is not None and known.of_worker) else SessionId(self.subject)

    @property
    def sequence(self) -> int | None:
        """Of a durable event: per session 1, 2, 3 … None for the others."""
        return self.envelope.sequence

    @property
    def command_id(self) -> CommandId | None:
        """The command that led to it."""
        return None if self.envelope.causationid is None else CommandId(self.envelope.causationid)

    @cached_property
    def data(self) -> Model | UnknownData:
        """What is said: a model of `schemas.events`, to be told apart with ``match``."""
        return read_data(self.type, self.envelope.data)

    @property
    def document(self) -> dict[str, Any]:
        """As JSON, as the contract shows it."""
        return {
            **self.envelope.model_dump(mode="json", exclude_none=True, exclude={"data"}),
            "data": self.envelope.data,
        }

    def __repr__(self) -> str:
        return f"Event({self.type} of {self.subject}, id={self.id}, sequence={self.sequence})"


def read_data(kind: str, data: Mapping[str, Any]) -> Model | UnknownData:
    """The data of an event or reply of that type; `UnknownData` where this client's models do not fit."""
    known = EVENTS.get(kind)
    if known is None:
        return UnknownData(type=kind, data=data)
    try:
        return known.model.model_validate(data, by_alias=True, by_name=False)
    except ValidationError:
        return UnknownData(type=kind, data=data)


def read_envelope(body: bytes) -> Envelope:
    """The envelope in a body. What it holds beside the contract's attributes is carried through.

    Raises:
        NotAnEventError: it is none.
    """
    if len(body) > MAX_BYTES:
        raise NotAnEventError(f"larger than {MAX_BYTES} bytes")
    try:
        document = from_json(body)
        if not isinstance(document, dict):
            raise NotAnEventError("no JSON object")
        present = {name: value for name, value in cast("dict[str, Any]", document).items() if value is not None}
        return Envelope.model_validate(present)
    except ValueError as error:  # pydantic's ValidationError is one
        raise NotAnEventError(type(error).__name__) from None
