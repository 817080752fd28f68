"""Reads what the bridge says by the types it is said in: a field that is missing, or another, is named. Pure."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, Generic, TypeVar

from pydantic import GetCoreSchemaHandler, TypeAdapter, ValidationError
from pydantic_core import CoreSchema, core_schema

T = TypeVar("T")


class _Unchecked:
    """Marks a field that is read later: bit by bit, or by a model of the contract that checks it itself."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.any_schema()


UNCHECKED: Final = _Unchecked()


class Reader(Generic[T]):
    """Reads payloads of one type. Nothing is converted: a number is no text.

    What it takes to read them is made with the first one: it costs milliseconds, and few programs read all of them.

    Attributes:
        read: what a payload says; fields that the type does not have are left out. Raises ValidationError when it is
            something else.
    """

    __slots__ = ("_kind", "read")

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self.read: Callable[[object], T] = self._read_first

    def _read_first(self, payload: object) -> T:
        self.read = partial(TypeAdapter(self._kind).validator.validate_python, strict=True)
        return self.read(payload)


def named(error: BaseException) -> str:
    """What is wrong, without a word of what was said: the field and what is the matter, or the error's class."""
    if not isinstance(error, ValidationError):
        return type(error).__name__
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'payload'}: {first['type']}"
