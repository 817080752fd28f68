"""Every invalid command is told what is wrong with it, and where."""

import json

import pytest

from schemas.commands.commands import parse_command
from schemas.errors import MAX_PROBLEMS, CommandInvalid, Disposition
from schemas.events.answers import CommandRejected
from tests.contract.invalid_commands import INVALID_COMMANDS, InvalidCommand


def refusal_of(body: bytes) -> CommandInvalid:
    with pytest.raises(CommandInvalid) as caught:
        parse_command(body)
    return caught.value


@pytest.mark.parametrize("invalid", INVALID_COMMANDS, ids=lambda invalid: invalid.name)
def test_an_invalid_command_is_refused_with_the_path(invalid: InvalidCommand) -> None:
    refusal = refusal_of(invalid.body)
    assert refusal.code == invalid.code
    assert refusal.detail is not None
    assert refusal.detail["path"] == invalid.path, refusal.detail
    assert refusal.origin.id == invalid.command_id
    assert refusal.disposition is Disposition.DEAD_LETTER


@pytest.mark.parametrize("invalid", INVALID_COMMANDS, ids=lambda invalid: invalid.name)
def test_a_rejection_is_short_and_is_json(invalid: InvalidCommand) -> None:
    refusal = refusal_of(invalid.body)
    rejection = CommandRejected.of(refusal, command_id=refusal.origin.id, command_type=refusal.origin.type)
    assert len(json.dumps(rejection.to_data())) < 8192


def test_the_table_is_long_and_names_are_unique() -> None:
    assert len(INVALID_COMMANDS) >= 80
    assert len({invalid.name for invalid in INVALID_COMMANDS}) == len(INVALID_COMMANDS)


def test_problems_are_listed_but_not_without_end() -> None:
    data = {f"key{number}": 1 for number in range(100)}
    body = {"specversion": "1.0", "id": "1", "source": "/t", "type": "session.qr.v1", "subject": "s", "data": data}
    refusal = refusal_of(json.dumps(body).encode())
    assert refusal.detail is not None
    assert len(refusal.detail["problems"]) == MAX_PROBLEMS


def test_an_array_is_told_by_its_bad_item_or_by_its_length() -> None:
    for phones, problem in (
        ([], {"path": "data.phones", "problem": "must have at least 1 item"}),
        (["+15550001111"] * 1_001, {"path": "data.phones", "problem": "must have at most 1000 items"}),
        (["+999999999"], {"path": "data.phones[0]", "problem": "has a country code that does not exist"}),
    ):
        data = {"phones": phones}
        body = {
            "specversion": "1.0",
            "id": "1",
            "source": "/t",
            "type": "contact.check.v1",
            "subject": "s",
            "data": data,
        }
        refusal = refusal_of(json.dumps(body).encode())
        assert refusal.detail is not None
        assert refusal.detail["problems"] == [problem]


def test_a_refusal_never_repeats_a_value() -> None:
    secret = "hunter2-is-not-for-logs"
    send = {"to": secret, "content": {"kind": secret, "text": [secret]}, "quote": secret, "viewOnce": secret}
    create = {
        "userId": ["x"],
        "pairing": {"method": secret},
        "options": {"proxy": f"ftp://user:{secret}@proxy", "history": secret},
    }
    for command_type, data in (("message.send.v1", send), ("session.create.v1", create)):
        body = {"specversion": "1.0", "id": "1", "source": "/t", "type": command_type, "subject": "s", "data": data}
        refusal = refusal_of(json.dumps(body).encode())
        assert secret not in str(refusal)
        assert secret not in json.dumps(refusal.detail)
        assert refusal.__cause__ is None


def test_an_oversized_body_is_refused_unread() -> None:
    assert "larger than" in str(refusal_of(b'{"id": "' + b"x" * (2 * 1024 * 1024) + b'"}'))
