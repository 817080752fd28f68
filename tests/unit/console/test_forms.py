"""Every command as a form."""

import json
from typing import Any

import pytest

from gateway_worker.client import Gateway
from gateway_worker.console.forms import snippets
from gateway_worker.console.forms.fields import Field, FieldKind, NotJsonError, data_of, fields_of
from schemas.commands.commands import COMMANDS
from schemas.examples.examples import COMMAND_DATA

NOTHING = frozenset[str]()


def typed_from(data: Any, path: str = "") -> dict[str, str]:
    """What somebody types who wants this data: objects part by part, arrays of texts a line each."""
    if isinstance(data, dict):
        parts = (typed_from(value, f"{path}.{name}" if path else name) for name, value in data.items())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] (any JSON)
        return {name: text for part in parts for name, text in part.items()}
    if isinstance(data, list) and all(isinstance(each, str) for each in data):  # pyright: ignore[reportUnknownVariableType] (any JSON)
        return {path: "\n".join(data)}  # pyright: ignore[reportUnknownArgumentType] (any JSON)
    return {path: data if isinstance(data, str) else json.dumps(data)}


def leaves(fields: Any) -> list[Field]:
    return [leaf for each in fields for leaf in ([each] if each.kind is not FieldKind.GROUP else leaves(each.parts))]


EXAMPLES = [(kind, data) for kind, examples in COMMAND_DATA.items() for data in examples]


@pytest.mark.parametrize(("kind", "data"), EXAMPLES, ids=[kind for kind, _ in EXAMPLES])
def test_what_the_examples_say_can_be_typed(kind: str, data: dict[str, Any]) -> None:
    typed = typed_from(data)
    fields = fields_of(COMMANDS[kind].model, typed, NOTHING)
    for each in leaves(fields):
        if each.kind is FieldKind.JSON:  # an array of objects, or any object, is typed as it is
            value: Any = data
            for step in each.name.split("."):
                value = value.get(step) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] (any JSON)
            if value is not None:
                typed[each.name] = json.dumps(value)
    again = data_of(fields, typed)
    model = COMMANDS[kind].model
    subject = (
        {"sessionId": "ana"} if COMMANDS[kind].names_subject_in_data and "session_id" in model.model_fields else {}
    )
    subject |= {"workerId": "w"} if "worker_id" in model.model_fields else {}
    assert model.model_validate({**again, **subject}, by_alias=True, by_name=False) == model.model_validate(
        {**data, **subject}, by_alias=True, by_name=False
    )


def test_another_choice_is_another_form_and_what_is_empty_is_left_out() -> None:
    model = COMMANDS["message.send.v1"].model
    names = {each.name for each in leaves(fields_of(model, {"content.kind": "poll"}, NOTHING))}
    assert {"content.question", "content.options"} <= names
    assert "content.text" not in names
    fields = fields_of(model, {}, NOTHING)
    assert data_of(fields, {"to": "+15550001111", "content.text": " hi ", "quote.messageId": "  "}) == {
        "to": "+15550001111",
        "content": {"kind": "text", "text": " hi "},
    }


def test_what_is_no_json_is_told_by_its_name() -> None:
    fields = fields_of(COMMANDS["session.passkey.v1"].model, {}, frozenset({"sessionId"}))
    with pytest.raises(NotJsonError, match="assertion"):
        data_of(fields, {"assertion": "{"})


def test_copies_say_the_same_and_hold_what_was_typed_as_data() -> None:
    text = 'it\'s "quoted" \\ `so` </script> ${x} $(y)\nand two lines'
    data = {"to": "+15550001111", "content": {"kind": "text", "text": text}}
    command = Gateway("amqp://user:secret@host/").compose("message.send.v1", "ana", data)
    python = snippets.python("message.send.v1", "ana", data, "gateway")
    compile(python, "copied", "exec")
    curl = snippets.curl(command, "gateway.commands")
    body = curl.partition("-d '")[2].rpartition("'")[0].replace("'\\''", "'")
    assert json.loads(json.loads(body)["payload"])["data"] == data
    javascript = snippets.javascript(command, "gateway.commands")
    shown = javascript.partition("const command = ")[2].partition("\ncommand.id")[0]
    assert json.loads(shown)["data"] == data
    assert not any("secret" in each for each in (python, curl, javascript))
