"""JSON Schemas of the contract's models, in the form a reader of ``asyncapi.yaml`` wants them. Pure.

Commands' schemas are closed (an unknown key is an error), those of events and results open (they may grow). ``null``
is left out: in a command it means the same as leaving the key out, and we never send it. Every object, enumeration and
choice is a component with a name of its own (and the same `title`), so that generated types have names; every property
is described.
"""

import json
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final, Literal, cast

from pydantic import BaseModel, TypeAdapter
from pydantic.alias_generators import to_camel, to_snake

from schemas.asyncapi.docstrings import attributes_of, types_in, values_of, without_attributes
from schemas.asyncapi.property_words import PROPERTY_WORDS
from schemas.commands.commands import COMMANDS
from schemas.commands.messages import DisappearingSeconds
from schemas.commands.session_settings import Pairing
from schemas.content.content import Content
from schemas.content.outgoing import OutgoingContent
from schemas.envelope import Envelope
from schemas.error_details import DETAILS
from schemas.errors import error_types
from schemas.events.answers import CommandRejected
from schemas.events.events import EVENTS
from schemas.events.failures import ErrorCode, Failure
from schemas.events.sessions import ReasonCode
from schemas.reasons import REASON_CODES
from schemas.sequence import SequenceAsked

REF_TEMPLATE: Final = "#/components/schemas/{model}"

Schema = dict[str, Any]

ERROR_DETAIL: Final = "ErrorDetail"
_SHARED: Final[Mapping[str, Any]] = {
    "Content": Content,
    "OutgoingContent": OutgoingContent,
    "Pairing": Pairing,
    "DisappearingSeconds": DisappearingSeconds,
    "SequenceAsked": SequenceAsked,
    "ErrorCode": ErrorCode,
    "ReasonCode": ReasonCode,
}
"""What is no model and stands in several; what else is none is named by its model and property."""

_MORE_TO_COME: Final = "Later versions may have more."
_SAID: Final[Mapping[str, str]] = {
    "Content": "What a message says, by `kind`.",
    "OutgoingContent": "What is sent, by `kind`.",
    "Pairing": "How a device is to be linked, by `method`.",
    "DisappearingSeconds": "How long messages stay: for ever, a day, a week, 90 days.",
    "SequenceAsked": "A sequence as it was told, or as a person types it: without the zeros, or as a number.",
}


def reference(model: type[BaseModel] | str) -> Schema:
    """A reference to a schema among the components."""
    return {"$ref": REF_TEMPLATE.format(model=model if isinstance(model, str) else model.__name__)}


def component_schemas() -> dict[str, Schema]:
    """The schema of everything in the contract that has a name, by that name, in alphabetical order."""
    commands = [kind.model for kind in COMMANDS.values()]
    results = [kind.result for kind in COMMANDS.values() if kind.result is not None]
    events = [event.model for event in EVENTS.values()]
    published = [*events, *results, *DETAILS.values()]
    words = Words(types_in([Envelope, *commands, *published]))
    schemas = {"Envelope": words.describe("Envelope", _tidied(Envelope.model_json_schema()))}
    schemas["Envelope"]["required"] = ["specversion", "id", "source", "type"]
    for models, mode in ((commands, "validation"), (published, "serialization")):
        for name, schema in _parts(models, cast("Literal['validation', 'serialization']", mode)):
            described = words.describe(name, schema)
            assert schemas.setdefault(name, described) == described, f"two models are called {name}"
    schemas[ERROR_DETAIL] = _error_detail()
    for model in (Failure, CommandRejected):
        _refer(schemas[model.__name__]["properties"], "detail", ERROR_DETAIL)
    named = Hoist(schemas).all()
    return {name: _titled(name, named[name]) for name in sorted(named)}


def described_schema(model: type[BaseModel]) -> Schema:
    """The schema of a command's data alone, with its parts under ``$defs``."""
    schema = model.model_json_schema(mode="validation")
    words = Words(types_in([model]))
    parts = {name: words.describe(name, _tidied(part)) for name, part in schema.pop("$defs", {}).items()}
    return {**words.describe(model.__name__, _tidied(schema)), "$defs": parts}


def _parts(models: Iterable[type[BaseModel]], mode: Literal["validation", "serialization"]) -> Iterable[Any]:
    for model in models:
        schema = model.model_json_schema(mode=mode, ref_template=REF_TEMPLATE)
        parts: Mapping[str, Schema] = {**schema.pop("$defs", {}), model.__name__: schema}
        yield from ((name, _tidied(part)) for name, part in parts.items())


class Words:
    """Descriptions, from docstrings. `types` are all models and enumerations by name."""

    def __init__(self, types: Mapping[str, type]) -> None:
        self._types = types
        models = [kind for kind in types.values() if issubclass(kind, BaseModel)]
        values = {str(each.value) for kind in types.values() if issubclass(kind, Enum) for each in kind}
        names = {name for model in models for name in model.model_fields if "_" in name} - values
        self._keys = {name: to_camel(name) for name in names}

    def describe(self, name: str, schema: Schema) -> Schema:
        """The schema with what the docstring of its type says of it and of its properties."""
        kind = self._types[name]
        if issubclass(kind, Enum):
            values = values_of(kind)
            said = without_attributes(kind.__doc__ or "")
            return {**schema, "description": self.markdown(f"{said} {values}." if values else said)}
        assert issubclass(kind, BaseModel)
        said = attributes_of(kind)
        properties = cast("dict[str, Schema]", schema.get("properties", {}))
        for each, inside in properties.items():
            described = inside.get("description") or said.get(_attribute(kind, each)) or PROPERTY_WORDS.get(each)
            assert described, f"nothing says what `{each}` of {name} is: its docstring should, under Attributes"
            inside["description"] = _sentence(self.markdown(described))
        return {**schema, "description": self.markdown(without_attributes(kind.__doc__ or ""))}

    def markdown(self, text: str) -> str:
        """One line; a docstring speaks of attributes (`push_name`), a schema of keys (`pushName`)."""
        line = " ".join(text.replace("``", "`").split())
        return re.sub(r"(?<=`)\w+(?=`)", lambda name: self._keys.get(name[0], name[0]), line)


def _attribute(model: type[BaseModel], key: str) -> str:
    named = (name for name, field in model.model_fields.items() if key in {field.alias, name})
    return next(named, to_snake(key))


def _sentence(text: str) -> str:
    text = text[0].upper() + text[1:]
    return text if text.endswith((".", "…", ")")) else f"{text}."


def summary_of(model: type[BaseModel]) -> str:
    """The first line of a model's docstring, without the type it begins with."""
    line = without_attributes(model.__doc__ or "").split("\n", 1)[0].rpartition("``: ")[2]
    return Words(types_in([model])).markdown(line)


def _tidied(schema: Schema) -> Schema:
    """Without generated titles and ``null``, and with discriminators required."""
    return cast("Schema", _tidy(schema))


def _tidy(node: Any) -> Any:
    match node:
        case {"anyOf": [only, {"type": "null"}], **rest}:
            return _tidy({**only, **rest})
        case {"const": _, "default": _, **rest}:
            return _tidy({"const": node["const"], **rest})
        case {"properties": properties, **rest}:
            named = {name: _tidy(part) for name, part in cast("Schema", properties).items()}
            outer = cast("Schema", _tidy(rest))
            required = [name for name in named if name in rest.get("required", ()) or "const" in named[name]]
            return {**outer, "properties": named, **({"required": required} if required else {})}
        case dict():
            return {key: _tidy(part) for key, part in cast("Schema", node).items() if _stays(key, part)}
        case list():
            return [_tidy(part) for part in cast("list[Any]", node)]
        case _:
            return node


def _stays(key: str, value: object) -> bool:
    return not (key == "title" and isinstance(value, str)) and not (key == "default" and value is None)


def _titled(name: str, schema: Schema) -> Schema:
    return {"title": name, **schema}


def _refer(properties: dict[str, Schema], name: str, to: str) -> None:
    properties[name] = {**reference(to), "description": properties[name]["description"]}


def _error_detail() -> Schema:
    codes: dict[str, list[str]] = {}
    for code, model in DETAILS.items():
        codes.setdefault(model.__name__, []).append(f"`{code}`")
    said = "; ".join(f"{', '.join(found)}: `{name}`" for name, found in codes.items())
    return {
        "description": f"An error's `detail`, by its code. {said}. Other codes have none. {_MORE_TO_COME}",
        "anyOf": [reference(name) for name in codes],
    }


class Hoist:
    """Makes a component of each enumeration, choice and object that stands inside another one."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self._schemas = dict(schemas)
        self._known = {_key(_shape(kind)): name for name, kind in _SHARED.items()}

    def all(self) -> dict[str, Schema]:
        """All components, with those that were inside."""
        for owner, schema in list(self._schemas.items()):
            for name, inside in schema.get("properties", {}).items():
                schema["properties"][name] = self._named(owner + name[0].upper() + name[1:], inside)
        return self._schemas

    def _named(self, name: str, schema: Schema) -> Schema:
        if "items" in schema:
            return {**schema, "items": self._named(name, schema["items"])}
        if not {"enum", "oneOf", "anyOf", "properties"} & schema.keys():
            return schema
        beside = {key: schema[key] for key in ("description", "default") if key in schema}
        shape = {key: value for key, value in schema.items() if key not in beside}
        name = self._known.setdefault(_key(shape), name)
        described = {**shape, "description": _said_of(name) or beside.get("description", "")}
        assert self._schemas.setdefault(name, described) == described, f"two schemas are called {name}"
        return {**reference(name), **beside}


def _shape(kind: Any) -> Schema:
    schema = cast("Schema", _tidy(TypeAdapter(kind).json_schema(ref_template=REF_TEMPLATE)))
    schema.pop("$defs", None)
    return schema


def _key(shape: Schema) -> str:
    return json.dumps(shape, sort_keys=True)


def _said_of(name: str) -> str | None:
    match name:
        case "ErrorCode":
            sentences = {each.code: each.sentence for each in error_types()}
            return f"Why something failed. {_listed(sentences)} {_MORE_TO_COME}"
        case "ReasonCode":
            return f"Why a session is in its state. {_listed(REASON_CODES)} {_MORE_TO_COME}"
        case _:
            return _SAID.get(name)


def _listed(meanings: Mapping[str, str]) -> str:
    return "; ".join(f"`{code}`: {' '.join(meanings[code].split()).rstrip('.')}" for code in sorted(meanings)) + "."
