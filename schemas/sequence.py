"""Sequence numbers: integers inside, on the wire what CloudEvents' extension `sequence` is, a string.

Twenty digits, padded with zeros: the order of the texts is the order of the numbers, and a JSON reader whose numbers
are doubles (or, as CloudEvents' Integer, 32 bits wide) loses nothing.
"""

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

MAX_SEQUENCE: Final = 2**63 - 1
MAX_EPOCH: Final = 2**31 - 1  # CloudEvents' Integer
DIGITS: Final = 20

_TEXT: Final = re.compile(rf"[0-9]{{1,{DIGITS}}}")
_WIRE: Final[dict[str, Any]] = {"type": "string", "pattern": f"^[0-9]{{{DIGITS}}}$"}
_ASKED: Final[dict[str, Any]] = {
    "oneOf": [
        {"type": "string", "pattern": f"^[0-9]{{1,{DIGITS}}}$"},
        {"type": "integer", "minimum": 1, "maximum": MAX_SEQUENCE},
    ]
}


def write(number: int) -> str:
    """``118`` → ``"00000000000000000118"``."""
    return f"{number:0{DIGITS}}"


def _read(value: object) -> object:
    match value:
        case str() if _TEXT.fullmatch(value):
            return int(value)
        case str():
            raise ValueError(f"must be a string of {DIGITS} digits")
        case _:
            return value


SequenceNumber = Annotated[
    int,
    Field(ge=0, le=MAX_SEQUENCE),
    BeforeValidator(_read),
    PlainSerializer(write, return_type=str, when_used="json"),
    WithJsonSchema(_WIRE),
]
"""The sequence of a durable event, from 1; 0 is that of a session that has told nothing yet."""

SequenceAsked = Annotated[
    int,
    Field(ge=1, le=MAX_SEQUENCE),
    BeforeValidator(_read),
    PlainSerializer(write, return_type=str, when_used="json"),
    WithJsonSchema(_ASKED),
]
"""A sequence in a question: as it was told, or as a person types it, without the zeros or as a JSON number."""
