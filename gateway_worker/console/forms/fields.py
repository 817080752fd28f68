"""A command's JSON schema as fields, and what was typed into them as its data. Pure.

What a field cannot show (a list of objects) is typed as JSON. A field that is left empty is left out. Names are paths:
``content.media.url``. Of a choice between several forms (``content``) that field decides which tells them apart
(``kind``).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final, cast

from schemas.asyncapi.json_schemas import described_schema
from schemas.model import StrictModel

Schema = Mapping[str, Any]
_LONG: Final = 1_000  # characters from which a text gets more than a line
_REF: Final = "#/$defs/"


class FieldKind(StrEnum):
    """How a field is typed."""

    TEXT = "text"
    LONG = "long"
    NUMBER = "number"
    FLAG = "flag"
    CHOICE = "choice"
    LINES = "lines"
    JSON = "json"
    GROUP = "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field. `decides`: another choice here makes another form. `parts`: of a group."""

    name: str
    kind: FieldKind
    help: str = ""
    is_required: bool = False
    is_whole: bool = False  # of a number
    choices: Sequence[str] = ()
    fixed: str | None = None  # the only value it may have
    decides: bool = False
    parts: "Sequence[Field]" = ()

    @property
    def label(self) -> str:
        """Its own name."""
        return self.name.rpartition(".")[2]


class NotJsonError(Exception):
    """What was typed into a field for JSON is none; the text is its name."""


def fields_of(model: type[StrictModel], typed: Mapping[str, str], left_out: frozenset[str]) -> Sequence[Field]:
    """The fields of a command's data, as far as choices were made. `left_out` are typed elsewhere."""
    schema = _schema_of(model)
    return [each for each in _Reader(schema["$defs"], typed).parts(schema, "") if each.name not in left_out]


@cache
def _schema_of(model: type[StrictModel]) -> Schema:
    """Made once for each command: a form is read anew with each letter that is typed."""
    return described_schema(model)


def data_of(fields: Sequence[Field], typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, as JSON. What does not fit stays as it was typed: the contract's own check says so better.

    Raises:
        NotJsonError: a field for JSON holds none.
    """
    return {each.label: value for each in fields if (value := _value(each, typed)) is not None}


@dataclass(frozen=True, slots=True)
class _Reader:
    definitions: Mapping[str, Schema]
    typed: Mapping[str, str]

    def parts(self, schema: Schema, path: str) -> Iterator[Field]:
        """The properties of an object."""
        required = schema.get("required", ())
        for name, part in cast("Mapping[str, Schema]", schema.get("properties", {})).items():
            yield self.field(part, f"{path}.{name}" if path else name, is_required=name in required)

    def field(self, schema: Schema, name: str, *, is_required: bool, decides: bool = False) -> Field:
        """One of them."""
        schema = self._whole(schema)
        plain = _plain(schema, name, is_required=is_required)
        if plain is not None:
            return plain
        variants = self._variants(schema)
        if variants:
            return self._chosen(schema, name, variants, is_required=is_required)
        if schema.get("properties"):
            parts = tuple(self.parts(schema, name))
            return Field(name=name, kind=FieldKind.GROUP, help=_help(schema), is_required=is_required, parts=parts)
        if (lines := self._lines(schema, name, is_required=is_required)) is not None:
            return lines
        items = self._whole(schema.get("items", {}))
        kind = FieldKind.LINES if schema.get("type") == "array" and items.get("type") == "string" else FieldKind.JSON
        return Field(name=name, kind=kind, help=_help(schema), is_required=is_required, decides=decides)

    def _chosen(
        self, schema: Schema, name: str, variants: Mapping[str, tuple[str, Schema]], *, is_required: bool
    ) -> Field:
        """One form of several: which, and its fields."""
        tag = next(iter(variants.values()))[0]
        wanted = self.typed.get(f"{name}.{tag}", "")
        value = wanted if wanted in variants else next(iter(variants))
        choice = Field(
            name=f"{name}.{tag}", kind=FieldKind.CHOICE, choices=tuple(variants), is_required=True, decides=True
        )
        rest = (each for each in self.parts(variants[value][1], name) if each.name != choice.name)
        return Field(
            name=name,
            kind=FieldKind.GROUP,
            help=_help(variants[value][1]) or _help(schema),
            is_required=is_required,
            parts=(choice, *rest),
        )

    def _lines(self, schema: Schema, name: str, *, is_required: bool) -> Field | None:
        """A list of texts, or one word in its place, which is typed alone."""
        forms = [self._whole(each) for each in cast("Sequence[Schema]", schema.get("oneOf") or ())]
        words = tuple(str(each["const"]) for each in forms if "const" in each)
        lists = [each for each in forms if self._whole(each.get("items", {})).get("type") == "string"]
        if not words or len(words) + len(lists) < len(forms):
            return None
        return Field(name=name, kind=FieldKind.LINES, help=_help(schema), is_required=is_required, choices=words)

    def _variants(self, schema: Schema) -> Mapping[str, tuple[str, Schema]]:
        """The forms by the constant that tells them apart; nothing where no field of theirs does."""
        found: dict[str, tuple[str, Schema]] = {}
        for each in cast("Sequence[Schema]", schema.get("oneOf") or schema.get("anyOf") or ()):
            form = self._whole(each)
            constants = [(name, part["const"]) for name, part in form.get("properties", {}).items() if "const" in part]
            if not constants:
                return {}
            found[str(constants[0][1])] = (constants[0][0], form)
        return found

    def _whole(self, schema: Schema) -> Schema:
        """A reference, followed; what stands beside it counts more."""
        reference = schema.get("$ref")
        if reference is None:
            return schema
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        return {**self._whole(self.definitions[reference.removeprefix(_REF)]), **beside}


def _plain(schema: Schema, name: str, *, is_required: bool) -> Field | None:
    """A field for one value."""
    said = _help(schema)
    if "const" in schema:
        return Field(name=name, kind=FieldKind.CHOICE, fixed=str(schema["const"]), is_required=True, help=said)
    if "enum" in schema:
        choices = tuple(str(each) for each in schema["enum"])
        return Field(
            name=name,
            kind=FieldKind.CHOICE,
            choices=choices,
            is_required=is_required,
            help=said,
            is_whole=schema.get("type") == "integer",
        )
    match schema.get("type"):
        case "boolean":
            return Field(name=name, kind=FieldKind.FLAG, is_required=is_required, help=said)
        case "integer" | "number" as kind:
            whole = kind == "integer"
            return Field(name=name, kind=FieldKind.NUMBER, is_required=is_required, is_whole=whole, help=said)
        case "string":
            long = schema.get("maxLength", 0) > _LONG or "contentEncoding" in schema
            kind = FieldKind.LONG if long else FieldKind.TEXT
            return Field(name=name, kind=kind, is_required=is_required, help=said)
        case _:
            return None


def _help(schema: Schema) -> str:
    return str(schema.get("description", ""))


def _value(field: Field, typed: Mapping[str, str]) -> Any:
    """What a field's data is; None where it is left out."""
    if field.kind is FieldKind.GROUP:
        inner = data_of(field.parts, typed)
        says_something = any(typed.get(each.name, "").strip() for each in _leaves(field) if each.fixed is None)
        return inner if field.is_required or says_something else None
    if field.fixed is not None:
        return field.fixed
    text = typed.get(field.name, "")
    if not text.strip():
        return field.choices[0] if field.decides else None
    return _read(field, text)


def _read(field: Field, text: str) -> Any:
    match field.kind:
        case FieldKind.FLAG:
            return text == "true"
        case FieldKind.NUMBER:
            return _number(text)
        case FieldKind.CHOICE:
            return _number(text) if field.is_whole else text
        case FieldKind.LINES:
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            return lines[0] if lines[0] in field.choices and len(lines) == 1 else lines
        case FieldKind.JSON:
            try:
                return json.loads(text)
            except ValueError:
                raise NotJsonError(field.name) from None
        case _:
            return text.replace("\r\n", "\n")


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _leaves(field: Field) -> Iterator[Field]:
    for part in field.parts:
        if part.kind is FieldKind.GROUP:
            yield from _leaves(part)
        elif not part.decides:
            yield part
