"""What docstrings say of a model's properties, and of an enumeration's values. Pure.

The section ``Attributes:`` of Google's style; a model has its bases' too.
"""

import inspect
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final, get_args

from pydantic import BaseModel

_ENTRY: Final = re.compile(r"^    ([\w, ]+): (.*)$")
_SECTION: Final = "\nAttributes:\n"


def attributes_of(kind: type) -> Mapping[str, str]:
    """What the docstring of a class, or of the nearest of its bases, says of each attribute, by its name in Python."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        found |= _entries(vars(base).get("__doc__") or "")
    return found


def without_attributes(docstring: str) -> str:
    """A docstring without that section."""
    return inspect.cleandoc(docstring).partition(_SECTION)[0].rstrip()


def values_of(kind: type[Enum]) -> str:
    """The values of an enumeration with what each means, as Markdown; empty where its docstring does not say."""
    said = _entries(kind.__doc__ or "")
    return "; ".join(f"`{each.value}`: {said[each.name]}" for each in kind if each.name in said)


def types_in(models: Iterable[type[BaseModel]]) -> Mapping[str, type]:
    """All models and enumerations that these hold, at any depth, by name."""
    found: dict[str, type] = {}
    waiting: list[object] = list(models)
    while waiting:
        kind = waiting.pop()
        waiting += get_args(kind)
        if not isinstance(kind, type) or found.get(kind.__name__) is kind:
            continue
        if issubclass(kind, BaseModel):
            found[kind.__name__] = kind
            waiting += [field.annotation for field in kind.model_fields.values()]
            waiting += [field.return_type for field in kind.model_computed_fields.values()]
        elif issubclass(kind, Enum):
            found[kind.__name__] = kind
    return found


def _entries(docstring: str) -> dict[str, str]:
    section = inspect.cleandoc(docstring).partition(_SECTION)[2]
    found: dict[str, str] = {}
    names: list[str] = []
    for line in section.split("\n"):
        if (entry := _ENTRY.match(line)) is not None:
            names = entry[1].split(", ")
            found |= dict.fromkeys(names, entry[2])
        elif line.strip():
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
        else:
            break
    return found
