"""`make docs`: the contract's document as one HTML page, ``build/docs/contract.html``, which needs no network."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from schemas.asyncapi.asyncapi import document

_ROOT: Final = Path(__file__).resolve().parents[2]
_PAGE: Final = _ROOT / "build" / "docs" / "contract.html"
_SCHEMAS: Final = "#/components/schemas/"
_MARKDOWN: Final = MarkdownIt("zero").enable(["backticks", "escape"])
_LIMITS: Final = {
    "pattern": "pattern",
    "minLength": "characters from",
    "maxLength": "characters up to",
    "minimum": "from",
    "maximum": "up to",
    "minItems": "items from",
    "maxItems": "items up to",
    "default": "by default",
}

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A property as a line of a table. `type_` is HTML."""

    name: str
    type_: Markup
    required: bool
    says: Markup
    limits: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A message: a command, an event or a reply."""

    name: str
    anchor: str
    says: Markup
    addresses: Sequence[str]
    answers: Sequence[str]
    repetition: str
    data: str
    rows: Sequence[Row]
    examples: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A schema. `choices` are the HTML of what it may be, or the values of an enumeration."""

    name: str
    says: Markup
    rows: Sequence[Row]
    choices: Sequence[Markup]


class Page:
    """What the page shows of an AsyncAPI document."""

    def __init__(self, asyncapi: Schema) -> None:
        self.document = asyncapi
        self.schemas: Mapping[str, Schema] = asyncapi["components"]["schemas"]
        self._messages: Mapping[str, Schema] = asyncapi["components"]["messages"]
        self._operations: Mapping[str, Schema] = asyncapi["operations"]

    def commands(self) -> Iterator[Section]:
        """What a backend publishes."""
        for operation in self._operations.values():
            if operation["action"] == "receive":
                answers = [each["$ref"].rpartition("/")[2] for each in operation["reply"]["messages"]]
                yield self._section(operation["title"], operation, answers)

    def events(self) -> Iterator[Section]:
        """What a backend hears."""
        for operation in self._operations.values():
            if operation["action"] == "send":
                name = operation["title"] if f"event.{operation['title']}" not in self._messages else None
                yield self._section(name or f"event.{operation['title']}", operation, ())

    def replies(self) -> Iterator[Section]:
        """What a command's `reply_to` gets; a rejection stands among the events, since it may be one."""
        for name in self.document["channels"]["replies"]["messages"]:
            if name not in {each["title"] for each in self._operations.values()}:
                yield self._section(name, {}, ())

    def named(self) -> Iterator[Named]:
        """All schemas but those of whole messages."""
        for name, schema in self.schemas.items():
            if "allOf" not in schema:
                choices = [Markup("<code>{}</code>").format(each) for each in schema.get("enum", ())]
                choices += [type_of(each) for each in (*schema.get("oneOf", ()), *schema.get("anyOf", ()))]
                choices = [] if "properties" in schema else choices
                yield Named(name=name, says=prose(schema["description"]), rows=rows_of(schema), choices=choices)

    def _section(self, name: str, operation: Schema, answers: Sequence[str]) -> Section:
        message = self._messages[name]
        payload = self.schemas[message["payload"]["$ref"].removeprefix(_SCHEMAS)]
        data = payload["properties"]["data"]["$ref"].removeprefix(_SCHEMAS)
        inside = self.schemas[data]
        if "allOf" in inside:  # the data of a result: what counts is the result itself
            data = inside["properties"]["result"]["$ref"].removeprefix(_SCHEMAS)
            inside = self.schemas[data]
        channel = operation.get("channel", {}).get("$ref", "").rpartition("/")[2]
        address = self.document["channels"][channel]["address"] if channel else None
        return Section(
            name=name,
            anchor=anchor_of(name),
            says=prose(message["summary"][:1].upper() + message["summary"][1:]),
            addresses=[address] if address else [],
            answers=answers,
            repetition=operation.get("description", ""),
            data=data,
            rows=rows_of(inside),
            examples=[json.dumps(each["payload"], indent=2, ensure_ascii=False) for each in message["examples"]],
        )


def anchor_of(name: str) -> str:
    """Where a message stands on the page."""
    return f"message-{name.replace('.', '-')}"


def prose(text: str) -> Markup:
    """Markdown of one paragraph: `code` is the only mark that descriptions use."""
    return Markup(_MARKDOWN.renderInline(text))  # noqa: S704 (the renderer escapes)


def type_of(schema: Schema) -> Markup:
    """What a value is, with a link where it has a name."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_SCHEMAS)
        return Markup('<a href="#schema-{0}">{0}</a>').format(name)
    if "const" in schema:
        return Markup("<code>{}</code>").format(schema["const"])
    if schema.get("type") == "array":
        return Markup("{} …").format(type_of(schema["items"]))
    kind = schema.get("format") or schema.get("contentEncoding") or schema.get("type", "any JSON")
    return Markup("{}").format(kind)


def rows_of(schema: Schema) -> Sequence[Row]:
    """The properties of an object."""
    required = schema.get("required", ())
    return [
        Row(
            name=name,
            type_=type_of(part),
            required=name in required,
            says=prose(part.get("description", "")),
            limits=", ".join(f"{word} {part[key]}" for key, word in _LIMITS.items() if key in part),
        )
        for name, part in schema.get("properties", {}).items()
    ]


def render(asyncapi: Schema) -> str:
    """The page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = prose
    environment.filters["anchor"] = anchor_of
    return environment.get_template("contract.html").render(page=Page(asyncapi), info=asyncapi["info"])


def main() -> None:
    """Write it, and say where."""
    _PAGE.parent.mkdir(parents=True, exist_ok=True)
    _PAGE.write_text(render(document()))
    print(f"The contract as a page: {_PAGE}")


if __name__ == "__main__":
    main()
