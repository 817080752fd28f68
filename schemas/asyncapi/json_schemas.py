"""JSON Schemas of the contract's models, in the form a reader of ``asyncapi.yaml`` wants them. Pure.

Commands' schemas are closed (an unknown key is an error), those of events and results open (they may grow). ``null``
is left out: in a command it means the same as leaving the key out, and we never send it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, cast

from pydantic import BaseModel
from pydantic.alias_generators import to_snake

from schemas.commands.commands import COMMANDS
from schemas.envelope import Envelope
from schemas.events.events import EVENTS

REF_TEMPLATE: Final = "#/components/schemas/{model}"

Schema = dict[str, Any]


def reference(model: type[BaseModel]) -> Schema:
    """A reference to a model's schema among the components."""
    return {"$ref": REF_TEMPLATE.format(model=model.__name__)}


def component_schemas() -> dict[str, Schema]:
    """The schema of every model of the contract, by the model's name, in alphabetical order."""
    commands = [kind.model for kind in COMMANDS.values()]
    results = [kind.result for kind in COMMANDS.values() if kind.result is not None]
    events = [event.model for event in EVENTS.values()]
    schemas: dict[str, Schema] = {"Envelope": _envelope()}
    _add(schemas, commands, "validation")
    _add(schemas, [*events, *results], "serialization")
    return dict(sorted(schemas.items()))


def _envelope() -> Schema:
    schema = tidy(Envelope.model_json_schema())
    schema["required"] = ["specversion", "id", "source", "type"]
    schema["description"] = "CloudEvents 1.0, structured JSON mode. Extension attributes are carried through."
    return schema


def _add(
    schemas: dict[str, Schema], models: Iterable[type[BaseModel]], mode: Literal["validation", "serialization"]
) -> None:
    for model in models:
        schema = model.model_json_schema(mode=mode, ref_template=REF_TEMPLATE)
        parts: Mapping[str, Schema] = {**schema.pop("$defs", {}), model.__name__: schema}
        for name, part in parts.items():
            tidied = tidy(part)
            assert schemas.setdefault(name, tidied) == tidied, f"two models are called {name}"


def tidy(schema: Schema) -> Schema:
    """Without generated titles and ``null``, with discriminators required, and descriptions in Markdown."""
    tidied = _tidy(schema)
    assert isinstance(tidied, dict)
    return cast("Schema", tidied)


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
            if "description" in outer:
                outer["description"] = _with_wire_names(outer["description"], named)
            return {**outer, "properties": named, **({"required": required} if required else {})}
        case dict():
            return {key: _worded(key, _tidy(part)) for key, part in cast("Schema", node).items() if _stays(key, part)}
        case list():
            return [_tidy(part) for part in cast("list[Any]", node)]
        case _:
            return node


def _stays(key: str, value: object) -> bool:
    return not (key == "title" and isinstance(value, str)) and not (key == "default" and value is None)


def _worded(key: str, value: Any) -> Any:
    return " ".join(value.replace("``", "`").split()) if key == "description" and isinstance(value, str) else value


def _with_wire_names(description: str, names: Iterable[str]) -> str:
    """A docstring speaks of attributes (`push_name`), a schema of keys (`pushName`)."""
    for name in names:
        description = description.replace(f"`{to_snake(name)}`", f"`{name}`")
    return description
