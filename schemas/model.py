"""What every model of the contract shares: camelCase on the wire, snake_case in Python, times in UTC, bounds."""

import re
from datetime import UTC, datetime
from itertools import combinations
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Strict,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from schemas.names import SESSION_ID_PATTERN, WORKER_ID_PATTERN, SessionId, UserId, WorkerId

MAX_TEXT: Final = 65_536  # characters of a WhatsApp text
MAX_ATTRIBUTE: Final = 256  # characters of an envelope's id, source, subject …
_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


def exactly_one(*names: str) -> dict[str, Any]:
    """JSON Schema's words for: one of these properties is there, and no other of them.

    Said with ``not`` alone: of a ``oneOf`` beside ``properties`` generators of types make a class for each alternative.
    """
    none = {"not": {"anyOf": [{"required": [name]} for name in names]}}
    return {"not": {"anyOf": [none, *({"required": list(pair)} for pair in combinations(names, 2))]}}


class Model(BaseModel):
    """A model we fill ourselves (event data, results). What a backend reads stays open for more keys."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, validate_by_alias=True, validate_by_name=True, serialize_by_alias=True
    )

    def to_data(self) -> dict[str, Any]:
        """The JSON value: camelCase keys, times as strings with ``Z``, what is None left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class StrictModel(Model):
    """A model a stranger fills (command data): no coercion, and a key we do not know is an error."""

    model_config = ConfigDict(strict=True, extra="forbid")


def parse_instant(value: object) -> datetime:
    """Turn an RFC 3339 string with an offset, or an aware datetime, into a datetime in UTC.

    Raises:
        ValueError: anything else, including bare dates and numbers.
    """
    match value:
        case str() if _RFC_3339.fullmatch(value):
            moment = _from_text(value)
        case datetime():
            moment = value
        case _:
            raise ValueError("must be an RFC 3339 date and time with an offset, e.g. 2026-11-22T10:30:00Z")
    if moment.tzinfo is None:
        raise ValueError("must have a time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is out of range") from error


def _from_text(value: str) -> datetime:
    try:
        return datetime.fromisoformat(value.upper())
    except ValueError as error:
        raise ValueError("is not a date and time that exists") from error


def printable(value: str) -> str:
    """Check that a string is one line of printable characters.

    Raises:
        ValueError: it is not.
    """
    if not value.isprintable():
        raise ValueError("must hold printable characters only")
    return value


def _no_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not hold U+0000")
    return value


def _visible(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


Item = TypeVar("Item")

Instant = Annotated[datetime, BeforeValidator(parse_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A moment in UTC; RFC 3339 with ``Z`` on the wire."""

Many = Annotated[tuple[Item, ...], Strict(strict=False), FailFast()]
"""A JSON array; its items stay strict. The first bad one ends it: there may be a million of them."""

Attribute = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ATTRIBUTE), AfterValidator(printable)]
"""A short line of printable characters: ids, sources, correlation ids."""

SessionIdField = Annotated[SessionId, StringConstraints(pattern=SESSION_ID_PATTERN)]
WorkerIdField = Annotated[WorkerId, StringConstraints(pattern=WORKER_ID_PATTERN)]
UserIdField = Annotated[UserId, StringConstraints(min_length=1, max_length=128), AfterValidator(printable)]
MessageIdField = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,128}$")]
"""WhatsApp's id of a message: visible ASCII, usually upper-case hexadecimal."""

Prose = AfterValidator(_no_nul)
"""Text for people: anything but U+0000, which neither WhatsApp nor PostgreSQL holds."""

Visible = AfterValidator(_visible)
"""More than white space."""
